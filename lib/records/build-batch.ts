import type { Bytes, Compression, HeadersInput } from '../types';
import { assignOffsets } from './assign-offsets';
import { ATTRIBUTE, BATCH } from './batch-layout';
import { stampBatch, writeBatchHeader } from './batch-stamp';
import { codecIdOf, codecOf } from './compression/codecs';
import { RecordEncoder } from './record-encoder';

/** A record of `buildBatch`. */
export interface BatchRecord {
  readonly timestamp: number;
  readonly key?: Bytes;
  readonly value?: Bytes;
  readonly headers?: HeadersInput;
  /** To leave gaps, as compaction does. [one more than the record before] */
  readonly offsetDelta?: number;
}

/** Everything that a broker may have written into a batch; the defaults are those of a batch fresh from a plain producer. */
export interface BatchOptions {
  readonly baseOffset?: bigint;
  /** [-1] */
  readonly leaderEpoch?: number;
  /** ['none'] */
  readonly compression?: Compression;
  readonly level?: number;
  /** [-1] */
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly transactional?: boolean;
  /** Markers, not records: see `controlRecord`. */
  readonly control?: boolean;
  /** LogAppendTime: the broker's clock, which readers then see instead of the records' own. */
  readonly appendTime?: number;
  /** Where the batch ended before compaction took its last records. [that of the last record] */
  readonly lastOffsetDelta?: number;
}

/** A whole batch of any kind in one go: for the embedded cluster and for specs. A producer uses `BatchWriter`. */
export function buildBatch(records: readonly BatchRecord[], options: BatchOptions = {}): Buffer {
  const encoder = new RecordEncoder();
  const baseTimestamp = records[0]?.timestamp ?? -1;
  let maxTimestamp = baseTimestamp;
  let lastOffsetDelta = -1;
  const encoded = records.map(({ timestamp, key = null, value = null, headers, offsetDelta = lastOffsetDelta + 1 }) => {
    lastOffsetDelta = offsetDelta;
    maxTimestamp = Math.max(maxTimestamp, timestamp);
    const record = Buffer.alloc(encoder.measure(timestamp - baseTimestamp, offsetDelta, key, value, headers));
    encoder.write(record, 0, key, value);
    return record;
  });
  const { compression = 'none' } = options;
  const batch = Buffer.concat([
    Buffer.alloc(BATCH.records),
    compress(Buffer.concat(encoded), compression, options.level),
  ]);
  writeBatchHeader(batch, batch.length, {
    lastOffsetDelta: options.lastOffsetDelta ?? Math.max(0, lastOffsetDelta),
    baseTimestamp,
    maxTimestamp: options.appendTime ?? maxTimestamp,
    recordCount: records.length,
  });
  assignOffsets(batch, options.baseOffset ?? 0n, options.leaderEpoch ?? -1);
  stampBatch(batch, {
    attributes:
      codecIdOf(compression) |
      (options.appendTime === undefined ? 0 : ATTRIBUTE.logAppendTime) |
      (options.transactional ? ATTRIBUTE.transactional : 0) |
      (options.control ? ATTRIBUTE.control : 0),
    producerId: options.producerId ?? -1n,
    epoch: options.producerEpoch ?? -1,
    baseSequence: options.baseSequence ?? -1,
  });
  return batch;
}

function compress(records: Buffer, compression: Compression, level: number | undefined): Buffer {
  // As compaction leaves it: a batch without records has no compressed stream either.
  if (compression === 'none' || records.length === 0) return records;
  return codecOf(compression).compress(records, level);
}
