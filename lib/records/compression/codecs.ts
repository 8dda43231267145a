import type { Compression } from '../../types';
import type { Codec } from './codec';
import { gzip } from './gzip';
import { lz4 } from './lz4';
import { snappy } from './snappy';
import { zstd } from './zstd';

/** Kafka's names by the codec ids of a batch's attributes. */
const NAMES: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** `none` needs no codec. */
const CODECS: Readonly<Record<Exclude<Compression, 'none'>, Codec>> = { gzip, snappy, lz4, zstd };

/** Kafka's name of a codec id, `undefined` when the id is not assigned. */
export function compressionOf(id: number): Compression | undefined {
  return NAMES[id];
}

/** The id that stands in a batch's attributes. */
export function codecIdOf(compression: Compression): number {
  return NAMES.indexOf(compression);
}

/** The codec of that name. Whether it can write here is for `checkWriting` to say: ask when a client is made, not at the first record. */
export function codecOf(compression: Exclude<Compression, 'none'>): Codec {
  return CODECS[compression];
}
