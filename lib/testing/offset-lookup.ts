import { openBatch } from '../records/batch-reader';
import { RecordCursor } from '../records/record-cursor';
import { scanBatches } from '../records/batch-header';
import type { TopicPartition } from '../types';
import type { PartitionLog, StoredBatch } from './log';

/** Where a lookup ended; offset and timestamp -1 = there is no such record. */
export interface FoundOffset {
  readonly offset: bigint;
  readonly timestamp: number;
  /** Of the batch; -1 = unknown. */
  readonly leaderEpoch: number;
}

/** Nothing of that kind in the log. */
export const NOT_FOUND: FoundOffset = Object.freeze({ offset: -1n, timestamp: -1, leaderEpoch: -1 });

/** So much is inflated at most to look for a record. */
const MAX_INFLATED_BYTES = 0x7fff_ffff;

/** The first record, below `end`, whose timestamp is not earlier. */
export function offsetOfTime(log: PartitionLog, timestamp: number, end: bigint, where: TopicPartition): FoundOffset {
  for (const batch of log.batches) {
    if (batch.baseOffset >= end) break;
    if (batch.maxTimestamp < timestamp) continue;
    const found = firstIn(batch, log, where, time => time >= timestamp);
    if (found !== NOT_FOUND) return found;
  }
  return NOT_FOUND;
}

/** The first record with the largest timestamp of all. */
export function offsetOfMaxTime(log: PartitionLog, where: TopicPartition): FoundOffset {
  let latest: StoredBatch | undefined;
  for (const batch of log.batches) if (latest === undefined || batch.maxTimestamp > latest.maxTimestamp) latest = batch;
  const max = latest?.maxTimestamp;
  return latest === undefined ? NOT_FOUND : firstIn(latest, log, where, time => time === max);
}

function firstIn(
  batch: StoredBatch,
  log: PartitionLog,
  where: TopicPartition,
  is: (timestamp: number) => boolean,
): FoundOffset {
  const header = scanBatches(batch.bytes)[0]!;
  const cursor = new RecordCursor(
    openBatch(batch.bytes, header, { maxInflatedBytes: MAX_INFLATED_BYTES, where, checkCrc: false }),
  );
  while (cursor.next()) {
    const offset = batch.baseOffset + BigInt(cursor.offsetDelta);
    if (offset < log.startOffset || !is(cursor.timestamp)) continue;
    return { offset, timestamp: cursor.timestamp, leaderEpoch: batch.leaderEpoch };
  }
  return NOT_FOUND;
}
