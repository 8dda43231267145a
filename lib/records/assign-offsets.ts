import { crc32c } from '../bytes/crc32c';
import { ATTRIBUTE, BATCH } from './batch-layout';
import { setTimestamp } from './batch-stamp';

// What a broker does to the batches it appends: for the embedded cluster.

/** Writes the batch's place in the log into it. Both fields stand outside the CRC, so that this costs no pass over the records. */
export function assignOffsets(batch: Buffer, baseOffset: bigint, leaderEpoch: number): void {
  const view = new DataView(batch.buffer, batch.byteOffset, BATCH.records);
  view.setBigInt64(BATCH.baseOffset, baseOffset);
  view.setInt32(BATCH.leaderEpoch, leaderEpoch);
}

/** Makes it a batch of a LogAppendTime topic: every record now has this time. Recomputes the CRC. */
export function setLogAppendTime(batch: Buffer, ms: number): void {
  const view = new DataView(batch.buffer, batch.byteOffset, BATCH.records);
  view.setInt16(BATCH.attributes, view.getInt16(BATCH.attributes) | ATTRIBUTE.logAppendTime);
  setTimestamp(view, BATCH.maxTimestamp, ms);
  view.setUint32(BATCH.crc, crc32c(batch.subarray(BATCH.attributes)));
}
