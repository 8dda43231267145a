import { BatchWriter } from '../records/batch-writer';
import { openBatch } from '../records/batch-reader';
import { RecordCursor } from '../records/record-cursor';
import { readHeaders, readKey, readValue } from '../records/record-fields';
import { scanBatches } from '../records/batch-header';
import { Batch } from './batch';
import type { ResolvedProducerOptions } from './options';

/**
 * The two halves of a batch that the broker found too large, each with its waiters. Halving again and again ends at
 * single records. The records are read back from the bytes that were sent, since nothing else was kept of them.
 */
export function splitBatch(
  batch: Batch,
  options: Pick<ResolvedProducerOptions, 'compression' | 'compressionLevel'>,
): readonly Batch[] {
  const wire = batch.wire!;
  const [header] = scanBatches(wire);
  const opened = openBatch(wire, header!, { maxInflatedBytes: 2 ** 31 - 1, checkCrc: false, where: batch });
  const cursor = new RecordCursor(opened);
  const half = Math.ceil(batch.count / 2);
  return [part(0, half), part(half, batch.count)];

  function part(from: number, to: number): Batch {
    const writer = new BatchWriter({
      capacityBytes: Infinity,
      compression: options.compression,
      ...(options.compressionLevel === undefined ? {} : { level: options.compressionLevel }),
    });
    for (let record = from; record < to; record++) {
      cursor.next();
      writer.append(
        cursor.timestamp,
        readKey(opened.frame, cursor.position),
        readValue(opened.frame, cursor.position),
        readHeaders(opened.frame, cursor.position),
      );
    }
    const half = new Batch(batch.topic, batch.partition, writer, batch, batch.recordsOf(from, to));
    half.reservedBytes = writer.bytes;
    half.attempts = batch.attempts;
    half.lastError = batch.lastError;
    half.close();
    return half;
  }
}
