import { scanBatches, type BatchHeader } from '../records/batch-header';
import { openBatch } from '../records/batch-reader';
import { buildBatch, type BatchRecord } from '../records/build-batch';
import { RecordCursor } from '../records/record-cursor';
import { readHeaders, readKey, readValue } from '../records/record-fields';
import type { TopicPartition } from '../types';
import type { PartitionLog, StoredBatch } from './log';

interface OpenedBatch {
  readonly stored: StoredBatch;
  readonly header: BatchHeader;
  readonly records: readonly (BatchRecord & { readonly key: Buffer | null; readonly offsetDelta: number })[];
}

const MAX_INFLATED_BYTES = 0x7fff_ffff;

/**
 * Compacts a log as the cleaner does: of each key the last record stays, with its offset; records without a key go, and so do those of
 * aborted transactions. Batches keep the offsets that they reach over; an emptied one stays only if it is the last of its producer. Markers stay.
 */
export function compact(log: PartitionLog, where: TopicPartition): void {
  const stable = log.lastStableOffset;
  const opened = log.batches.filter(({ nextOffset }) => nextOffset <= stable).map(stored => open(stored, where));
  const aborted = ({ header, stored }: OpenedBatch): boolean =>
    header.isTransactional &&
    log.transactions
      .abortedBetween(stored.baseOffset, stored.nextOffset)
      .some(({ producerId }) => producerId === header.producerId);
  const kept = new Map<string, bigint>();
  const lastOf = new Map<bigint, OpenedBatch>();
  for (const batch of opened) {
    if (batch.header.isControl) continue;
    lastOf.set(batch.header.producerId, batch);
    if (aborted(batch)) continue;
    for (const { key, offsetDelta } of batch.records) {
      if (key !== null) kept.set(key.toString('latin1'), batch.stored.baseOffset + BigInt(offsetDelta));
    }
  }
  const compacted = opened.flatMap(batch => {
    const { header, stored, records } = batch;
    if (header.isControl) return [stored];
    const remaining = records.filter(
      ({ key, offsetDelta }) =>
        key !== null && kept.get(key.toString('latin1')) === stored.baseOffset + BigInt(offsetDelta),
    );
    if (remaining.length === records.length) return [stored];
    const needed = header.producerId >= 0n && lastOf.get(header.producerId) === batch;
    return remaining.length > 0 || needed ? [{ ...stored, bytes: rebuilt(header, stored, remaining) }] : [];
  });
  log.batches.splice(0, opened.length, ...compacted);
}

function open(stored: StoredBatch, where: TopicPartition): OpenedBatch {
  const header = scanBatches(stored.bytes)[0]!;
  const records: OpenedBatch['records'][number][] = [];
  const batch = openBatch(stored.bytes, header, { maxInflatedBytes: MAX_INFLATED_BYTES, where });
  const cursor = new RecordCursor(batch);
  while (cursor.next()) {
    const { offsetDelta, timestamp, position } = cursor;
    records.push({
      offsetDelta,
      timestamp,
      key: readKey(batch.frame, position),
      value: readValue(batch.frame, position),
      headers: readHeaders(batch.frame, position),
    });
  }
  return { stored, header, records };
}

function rebuilt(header: BatchHeader, stored: StoredBatch, records: readonly BatchRecord[]): Buffer {
  return buildBatch(records, {
    baseOffset: stored.baseOffset,
    leaderEpoch: stored.leaderEpoch,
    lastOffsetDelta: header.lastOffsetDelta,
    compression: header.compression ?? 'none',
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    transactional: header.isTransactional,
    ...(header.timestampType === 'append' ? { appendTime: header.maxTimestamp } : {}),
  });
}
