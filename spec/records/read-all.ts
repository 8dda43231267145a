import { scanBatches } from '../../lib/records/batch-header';
import { openBatch, type OpenOptions } from '../../lib/records/batch-reader';
import { RecordCursor } from '../../lib/records/record-cursor';
import { readHeaders, readKey, readValue } from '../../lib/records/record-fields';

/** A record as plain data, to be compared. */
export interface PlainRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: [string, string | null][];
}

/** Every record of a `records` field, each field read. */
export function readAll(records: Buffer, options: Partial<OpenOptions> = {}): PlainRecord[] {
  const limits = { maxInflatedBytes: 1 << 20, where: { topic: 'orders', partition: 3 }, ...options };
  const read: PlainRecord[] = [];
  for (const header of scanBatches(records)) {
    const batch = openBatch(records, header, limits);
    for (const cursor = new RecordCursor(batch); cursor.next();) {
      const { frame } = batch;
      read.push({
        offset: Number(header.baseOffset) + cursor.offsetDelta,
        timestamp: cursor.timestamp,
        key: text(readKey(frame, cursor.position)),
        value: text(readValue(frame, cursor.position)),
        headers: [...readHeaders(frame, cursor.position)].map(([name, value]) => [name, text(value)]),
      });
    }
  }
  return read;
}

function text(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('utf8');
}
