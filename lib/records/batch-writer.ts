import type { Bytes, Compression, HeadersInput } from '../types';
import { ATTRIBUTE, BATCH } from './batch-layout';
import { stampBatch, writeBatchHeader } from './batch-stamp';
import { codecIdOf, codecOf } from './compression/codecs';
import { listHeaders, RecordEncoder } from './record-encoder';

/** How a `BatchWriter` is made. */
export interface BatchWriterOptions {
  /** The batch takes records up to this size, header included and before compression (`batch.size`); the first always fits. */
  readonly capacityBytes: number;
  readonly compression: Compression;
  /** As Kafka's option of the codec takes it. [the codec's own] */
  readonly level?: number;
  /** A buffer of an earlier batch to write into, once nobody reads that batch any more. */
  readonly buffer?: Buffer;
}

/** The first buffer of a batch; it doubles up to the capacity, so that a batch of one small record stays small. */
const FIRST_BYTES = 4096;

const encoder = new RecordEncoder();

/**
 * One open batch of one partition. A record is written straight into the batch's only buffer. `close` seals it and
 * compresses; `stamp` then gives the bytes to send, as often as the producer's id, epoch or sequence change.
 */
export class BatchWriter {
  private buffer: Buffer;
  private length: number = BATCH.records;
  private records = 0;
  private baseTimestamp = -1;
  private maxTimestamp = -1;
  private closed = false;
  private readonly options: BatchWriterOptions;

  constructor(options: BatchWriterOptions) {
    if (options.compression !== 'none') codecOf(options.compression).checkWriting?.();
    this.options = options;
    this.buffer =
      options.buffer ?? Buffer.allocUnsafeSlow(Math.min(Math.max(options.capacityBytes, BATCH.records), FIRST_BYTES));
  }

  /** Records written. */
  get count(): number {
    return this.records;
  }

  /** The batch's size so far, header included; before `close` without compression, behind it as it is sent. */
  get bytes(): number {
    return this.length;
  }

  /** The buffer written into, for reuse by a later batch. */
  get storage(): Buffer {
    return this.buffer;
  }

  /**
   * Writes a record, or returns `false` when it does not fit or the batch is closed. Throws a `TypeError`, and writes
   * nothing, when key, value or a header is neither bytes nor string nor null.
   */
  append(timestampMs: number, key: Bytes, value: Bytes, headers: HeadersInput | undefined): boolean {
    if (this.closed) return false;
    const listed = listHeaders(headers);
    const first = this.records === 0;
    const timestamp = Math.trunc(timestampMs);
    const size = encoder.measure(first ? 0 : timestamp - this.baseTimestamp, this.records, key, value, listed);
    const needed = this.length + size;
    if (needed > this.options.capacityBytes && !first) return false;
    if (needed > this.buffer.length) this.grow(needed);
    this.length = encoder.write(this.buffer, this.length, key, value);
    this.records++;
    if (first) this.baseTimestamp = this.maxTimestamp = timestamp;
    else if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp;
    return true;
  }

  /** Seals the batch: compresses the records and writes the header but for what `stamp` writes. Idempotent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    const { compression, level } = this.options;
    if (compression !== 'none')
      this.compress(codecOf(compression).compress(this.buffer.subarray(BATCH.records, this.length), level));
    writeBatchHeader(this.buffer, this.length, {
      lastOffsetDelta: Math.max(0, this.records - 1),
      baseTimestamp: this.baseTimestamp,
      maxTimestamp: this.maxTimestamp,
      recordCount: this.records,
    });
  }

  /**
   * The bytes to send, with these in the header and the CRC over it all; closes the batch if it is open. -1 for each
   * means "not idempotent". It is the same memory every time: stamp again only when the earlier request is done with.
   */
  stamp(
    producerId: bigint,
    epoch: number,
    baseSequence: number,
    flags: { readonly transactional?: boolean } = {},
  ): Buffer {
    this.close();
    const batch = this.buffer.subarray(0, this.length);
    const codec = codecIdOf(this.options.compression);
    stampBatch(batch, {
      attributes: codec | (flags.transactional ? ATTRIBUTE.transactional : 0),
      producerId,
      epoch,
      baseSequence,
    });
    return batch;
  }

  private compress(compressed: Buffer): void {
    const length = BATCH.records + compressed.length;
    if (length > this.buffer.length) this.buffer = Buffer.allocUnsafeSlow(length);
    this.buffer.set(compressed, BATCH.records);
    this.length = length;
  }

  private grow(needed: number): void {
    let size = this.buffer.length;
    while (size < needed) size *= 2;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(size, this.options.capacityBytes)));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }
}

/** The bytes a record adds to a batch at most: exact but for the deltas, which are counted with what they can take. */
export function recordSizeBound(key: Bytes, value: Bytes, headers: HeadersInput | undefined): number {
  return encoder.measure(Number.MAX_SAFE_INTEGER, 0x7fff_ffff, key, value, headers);
}
