import { crc32c } from '../bytes/crc32c';
import { BATCH } from './batch-layout';

/** What `writeBatchHeader` writes; offset and epochs are "unknown", as a producer sends them. */
export interface BatchFields {
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly recordCount: number;
}

/** Writes the header of a batch of `length` bytes at the start of `batch`, all but attributes, producer and CRC: `stampBatch` writes those. */
export function writeBatchHeader(batch: Buffer, length: number, fields: BatchFields): void {
  const view = new DataView(batch.buffer, batch.byteOffset, BATCH.records);
  view.setBigInt64(BATCH.baseOffset, 0n);
  view.setInt32(BATCH.batchLength, length - BATCH.leaderEpoch);
  view.setInt32(BATCH.leaderEpoch, -1);
  view.setInt8(BATCH.magic, 2);
  view.setInt32(BATCH.lastOffsetDelta, fields.lastOffsetDelta);
  setTimestamp(view, BATCH.baseTimestamp, fields.baseTimestamp);
  setTimestamp(view, BATCH.maxTimestamp, fields.maxTimestamp);
  view.setInt32(BATCH.recordCount, fields.recordCount);
}

/** Writes attributes and producer into a batch, and then the CRC. */
export function stampBatch(
  batch: Buffer,
  fields: {
    readonly attributes: number;
    readonly producerId: bigint;
    readonly epoch: number;
    readonly baseSequence: number;
  },
): void {
  const view = new DataView(batch.buffer, batch.byteOffset, BATCH.records);
  view.setInt16(BATCH.attributes, fields.attributes);
  view.setBigInt64(BATCH.producerId, fields.producerId);
  view.setInt16(BATCH.producerEpoch, fields.epoch);
  view.setInt32(BATCH.baseSequence, fields.baseSequence);
  view.setUint32(BATCH.crc, crc32c(batch.subarray(BATCH.attributes)));
}

/** Writes milliseconds as an int64, any safe integer exactly. */
export function setTimestamp(view: DataView, at: number, ms: number): void {
  view.setInt32(at, Math.floor(ms / 0x1_0000_0000));
  view.setUint32(at + 4, ms >>> 0);
}
