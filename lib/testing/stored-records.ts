import { openBatch } from '../records/batch-reader';
import { RecordCursor } from '../records/record-cursor';
import { readHeaders, readKey, readValue } from '../records/record-fields';
import type { BatchRecord } from '../records/build-batch';
import { scanBatches } from '../records/batch-header';
import type { Bytes, ProducerRecord, RecordHeaders, TopicPartition } from '../types';
import type { PartitionLog } from './log';

/** A record as it lies in a log of the embedded cluster. */
export interface LoggedRecord {
  readonly offset: bigint;
  /** Milliseconds. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

/** Logs are read in tests, by the test itself: there is no hostile batch to guard against. */
const MAX_INFLATED_BYTES = 0x7fff_ffff;

/** Decodes the records of a log; markers of transactions are left out. */
export function* readLog(log: PartitionLog, where: TopicPartition): Iterable<LoggedRecord> {
  for (const { bytes } of log.batches) {
    const header = scanBatches(bytes)[0]!;
    if (header.isControl) continue;
    const batch = openBatch(bytes, header, { maxInflatedBytes: MAX_INFLATED_BYTES, where });
    const cursor = new RecordCursor(batch);
    while (cursor.next()) {
      const offset = header.baseOffset + BigInt(cursor.offsetDelta);
      if (offset < log.startOffset) continue;
      const { timestamp, position } = cursor;
      yield {
        offset,
        timestamp,
        key: readKey(batch.frame, position),
        value: readValue(batch.frame, position),
        headers: readHeaders(batch.frame, position),
      };
    }
  }
}

/** A record as `append` takes it: a value alone, or with key, headers and timestamp. */
export type AppendedRecord = Bytes | Partial<ProducerRecord>;

/** What `buildBatch` wants of it; `now` is for records without a timestamp. */
export function toBatchRecord(record: AppendedRecord, now: number): BatchRecord {
  if (record === null || typeof record === 'string' || record instanceof Uint8Array)
    return { timestamp: now, value: record };
  const { key = null, value = null, headers, timestamp = now } = record;
  return { timestamp, key, value, ...(headers === undefined ? {} : { headers }) };
}

/** Like a producer, appends batches of about a megabyte at most. */
const BATCH_BYTES = 1_000_000;

/** Splits records into batches that a broker would take. */
export function* batchesOf(records: readonly BatchRecord[]): Iterable<readonly BatchRecord[]> {
  let batch: BatchRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = sizeOf(record.key) + sizeOf(record.value) + 100;
    if (batch.length > 0 && bytes + size > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function sizeOf(bytes: Bytes | undefined): number {
  return typeof bytes === 'string' ? 3 * bytes.length : (bytes?.length ?? 0);
}
