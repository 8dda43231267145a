// What both the model and the world are told; nothing of the library.

export const SET_UP_MS = 10_000;
export const IDLE_MS = 20_000;
export const GRACE_MS = 5_000;
export const BACKOFF_MS = 50;
export const BACKOFF_MAX_MS = 1_000;

/** Bytes of a reply to Echo, and of the part that names the request. */
export const REPLY_BYTES = 14;
export const HEAD_BYTES = 8;

/** What a subscriber does at once when it is told. */
export type Habit =
  | 'nothing'
  /** On a lost connection: asks again on it, drops a neighbour, wants another connection, closes the slot. */
  | 'retries'
  | 'drops'
  | 'acquires'
  | 'closes'
  /** On a reply: ends the connection, asks for more, closes the slot. */
  | 'ends'
  | 'continues'
  | 'shuts';

export const HABITS: readonly Habit[] = [
  'nothing',
  'retries',
  'drops',
  'acquires',
  'closes',
  'ends',
  'continues',
  'shuts',
];

export interface Terms {
  readonly timeoutMs: number;
  readonly holdMs: number;
  readonly expectReply: boolean;
}

const TIMEOUTS = [701, 3_301, 12_007];
const HOLDS = [0, 2_003, 9_001];

/**
 * The terms of request `id`. The fractions, exact in binary, make no two deadlines of a run equal, so that their order is
 * never a matter of chance.
 */
export function termsOf(id: number, choice: number): Terms {
  const expectReply = choice % 5 !== 0;
  // Without a reply it must be over before the connection counts as unused.
  const timeoutMs = TIMEOUTS[expectReply ? choice % 3 : 0]! + id / 1_024;
  return { timeoutMs, holdMs: HOLDS[(choice >> 2) % 3]! + id / 1_024 + 1 / 2_048, expectReply };
}
