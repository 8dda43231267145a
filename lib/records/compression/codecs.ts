import type { Compression } from '../../types';
import type { Codec } from './codec';
import { gzip } from './gzip';
import { snappy } from './snappy';

/** Kafka's names by the codec ids of a batch's attributes. */
const NAMES: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** What this build can read and write; `none` needs no codec. */
const CODECS: Readonly<Record<Exclude<Compression, 'none'>, Codec | undefined>> = {
  gzip,
  snappy,
  lz4: undefined,
  zstd: undefined,
};

/** Kafka's name of a codec id, `undefined` when the id is not assigned. */
export function compressionOf(id: number): Compression | undefined {
  return NAMES[id];
}

/** The id that stands in a batch's attributes. */
export function codecIdOf(compression: Compression): number {
  return NAMES.indexOf(compression);
}

/** The codec, or `undefined` when this build has none for it: ask when a client is made, not at the first record. */
export function codecOf(compression: Exclude<Compression, 'none'>): Codec | undefined {
  return CODECS[compression];
}
