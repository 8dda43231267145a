import { ERRORS } from '../../lib/protocol/error-table';

/** Every code of the table but NONE, and one that Kafka does not have yet (C06). */
export const EVERY_CODE: readonly { readonly code: number; readonly name: string }[] = [
  ...[...ERRORS.values()].filter(({ code }) => code !== 0).map(({ code, name }) => ({ code, name })),
  { code: 9_999, name: 'UNKNOWN_9999' },
];

/** What Kafka's own Java client 4.4 repeats: those whose exception class is a RetriableException. Written down, not computed. */
export const REPEATED_BY_JAVA: readonly number[] = [
  2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 100, 103, 106, 122,
  123, 133,
];
