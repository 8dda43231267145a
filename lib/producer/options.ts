import { checkNumber, checkOneOf, checkOptions, defined } from '../options';
import { codecOf } from '../records/compression/codecs';
import type { Compression, Encoder, ProducerRecord } from '../types';

/** Options of a producer. */
export interface ProducerOptions {
  /** Who must have stored a record before it counts: all in-sync replicas, the leader, or nobody (`acks`). [all] */
  readonly acks?: 'all' | 1 | 0;
  /** Retries write nothing twice and keep the order of a partition (`enable.idempotence`). Needs `acks: 'all'`. [true with `acks: 'all'`] */
  readonly idempotent?: boolean;
  /**
   * `compression.type`. `lz4` needs the optional package lz4-napi, `zstd` Node.js 22.15; without them an
   * `UnsupportedVersionError` is thrown when the producer is made. [none]
   */
  readonly compression?: Compression;
  /**
   * `compression.gzip.level` (1–9, or -1), `compression.lz4.level` (1–17; what writes here has one level, so they are
   * all the same) or `compression.zstd.level` (-131072–22). [the codec's own]
   */
  readonly compressionLevel?: number;
  /** How long an unfilled batch waits for more records. 0: until the end of this turn, and for a broker that can take it (`linger.ms`). [0] */
  readonly lingerMs?: number;
  /** A batch is closed at this size, before compression (`batch.size`). [131 072] */
  readonly batchBytes?: number;
  /** Records accepted and not yet settled; beyond it `send` errors with `BufferFullError` (`buffer.memory`). [33 554 432] */
  readonly bufferBytes?: number;
  /** One request, and so the longest record (`max.request.size`). [1 048 576] */
  readonly maxRequestBytes?: number;
  /** From `send` to stored or failed, retries included (`delivery.timeout.ms`). [120 000] */
  readonly deliveryTimeoutMs?: number;
  /**
   * Chooses the partition of a record that names none; `encodedKey` is null without a key. A result out of range is an
   * error. [as Java: murmur2 of the key; without one, one partition per batch]
   */
  readonly partitioner?: Partitioner;
  /** Makes bytes of `record.key`. [strings, bytes and null as they are] */
  readonly key?: Encoder<any>;
  /** Makes bytes of `record.value`. [strings, bytes and null as they are] */
  readonly value?: Encoder<any>;
}

/** The partition, from 0 to `partitions - 1`, for a record. */
export type Partitioner = (
  record: ProducerRecord<unknown, unknown>,
  encodedKey: Uint8Array | null,
  partitions: number,
) => number;

/** `ProducerOptions` with every default filled in and checked. */
export interface ResolvedProducerOptions {
  readonly acks: 'all' | 1 | 0;
  readonly idempotent: boolean;
  readonly compression: Compression;
  readonly compressionLevel: number | undefined;
  readonly lingerMs: number;
  readonly batchBytes: number;
  readonly bufferBytes: number;
  readonly maxRequestBytes: number;
  readonly deliveryTimeoutMs: number;
  readonly partitioner: Partitioner | undefined;
  readonly key: Encoder<unknown> | undefined;
  readonly value: Encoder<unknown> | undefined;
}

/** The defaults of a producer. `idempotent` depends on `acks`. */
export const PRODUCER_DEFAULTS = Object.freeze({
  acks: 'all',
  compression: 'none',
  lingerMs: 0,
  batchBytes: 131_072,
  bufferBytes: 33_554_432,
  maxRequestBytes: 1_048_576,
  deliveryTimeoutMs: 120_000,
} as const);

const KNOWN = [...Object.keys(PRODUCER_DEFAULTS), 'idempotent', 'compressionLevel', 'partitioner', 'key', 'value'];
const WHAT = 'producer';
const INT32 = 2 ** 31 - 1;

/**
 * Fills in the defaults of a producer; throws `TypeError` or `RangeError` that names the option, and
 * `UnsupportedVersionError` when the codec cannot write here.
 */
export function resolveProducerOptions(given: ProducerOptions = {}): ResolvedProducerOptions {
  checkOptions(WHAT, given, KNOWN);
  checkOneOf(WHAT, 'acks', given.acks, ['all', 1, 0]);
  checkOneOf(WHAT, 'idempotent', given.idempotent, [true, false]);
  checkOneOf(WHAT, 'compression', given.compression, ['none', 'gzip', 'snappy', 'lz4', 'zstd']);
  checkCompression(given.compression ?? PRODUCER_DEFAULTS.compression, given.compressionLevel);
  checkNumber(WHAT, 'lingerMs', given.lingerMs, { min: 0, max: INT32 });
  for (const name of ['batchBytes', 'bufferBytes', 'maxRequestBytes', 'deliveryTimeoutMs'] as const)
    checkNumber(WHAT, name, given[name], { min: 1, max: INT32 });
  if (given.partitioner !== undefined && typeof given.partitioner !== 'function')
    throw new TypeError(`${WHAT}: option "partitioner" must be a function (record, encodedKey, partitions) => number`);
  for (const name of ['key', 'value'] as const) {
    const encoder: unknown = given[name];
    if (encoder !== undefined && typeof (encoder as Partial<Encoder<unknown>> | null)?.encode !== 'function')
      throw new TypeError(`${WHAT}: option "${name}" must have an encode method, as utf8 and json() have`);
  }
  const acks = given.acks ?? PRODUCER_DEFAULTS.acks;
  if (given.idempotent === true && acks !== 'all')
    throw new TypeError(
      `${WHAT}: option "idempotent" needs acks: 'all', not ${acks}; leave one of them out, or set idempotent: false`,
    );
  const { lingerMs = PRODUCER_DEFAULTS.lingerMs, deliveryTimeoutMs = PRODUCER_DEFAULTS.deliveryTimeoutMs } = given;
  if (lingerMs >= deliveryTimeoutMs)
    throw new RangeError(
      `${WHAT}: option "lingerMs" (${lingerMs}) must be less than deliveryTimeoutMs (${deliveryTimeoutMs}), or records time out before they leave`,
    );
  return Object.freeze({
    ...PRODUCER_DEFAULTS,
    compressionLevel: undefined,
    partitioner: undefined,
    key: undefined,
    value: undefined,
    ...defined(given),
    idempotent: given.idempotent ?? acks === 'all',
  });
}

/** A codec that cannot write, or a level that it has not, is found here and not at the first record. */
function checkCompression(compression: Compression, level: number | undefined): void {
  const codec = compression === 'none' ? undefined : codecOf(compression);
  checkNumber(WHAT, 'compressionLevel', level, { min: -Infinity });
  if (level !== undefined) {
    const levels = codec?.levels;
    if (levels === undefined)
      throw new TypeError(`${WHAT}: option "compressionLevel" means nothing with compression: '${compression}'`);
    const { min, max, except } = levels;
    if (!Number.isInteger(level) || level < min || level > max || level === except)
      throw new RangeError(
        `${WHAT}: with compression: '${compression}', option "compressionLevel" must be a whole number from ${min} to ${max}${except === undefined ? '' : ` other than ${except}`}; it is ${level}`,
      );
  }
  codec?.checkWriting?.();
}
