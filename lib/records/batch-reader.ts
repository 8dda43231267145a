import { crc32c } from '../bytes/crc32c';
import { DecodeError, KafkaError } from '../errors';
import type { TopicPartition } from '../types';
import type { BatchHeader } from './batch-header';
import { BATCH } from './batch-layout';
import { codecOf } from './compression/codecs';
import type { OpenBatch } from './record-cursor';

/** How a batch is opened. */
export interface OpenOptions {
  /** A batch that would inflate to more is an error, found before that much memory is taken. */
  readonly maxInflatedBytes: number;
  /** `check.crcs` [true] */
  readonly checkCrc?: boolean;
  readonly where: TopicPartition;
}

/** A record has at least its length, attributes, two deltas, two lengths and the count of headers. */
const MIN_RECORD_BYTES = 7;

/**
 * Checks the CRC of a batch that `scanBatches` found in `records`, and inflates it. The result is a view of `records`
 * unless the batch is compressed. Throws a `DecodeError` that names topic, partition and the batch's first offset.
 */
export function openBatch(records: Buffer, header: BatchHeader, options: OpenOptions): OpenBatch {
  const { where } = options;
  const end = header.position + header.totalBytes;
  const corrupt = options.checkCrc === false ? undefined : crcFault(records, header, where);
  if (corrupt !== undefined) throw corrupt;
  const start = header.position + BATCH.records;
  const batch =
    // Compaction leaves batches without records, and writes no compressed stream into them.
    header.codec === 0 || (header.recordCount === 0 && start === end)
      ? { header, where, frame: records, start, end }
      : inflate(records.subarray(start, end), header, options);
  if (header.recordCount > (batch.end - batch.start) / MIN_RECORD_BYTES)
    throw fault(
      header,
      where,
      BATCH.recordCount,
      `${batch.end - batch.start} bytes cannot hold ${header.recordCount} records`,
    );
  return batch;
}

/**
 * What is wrong with a batch whose content is not what its checksum says. For batches that are not opened: a flipped bit in
 * the header can make of any batch one that seems to be a marker, empty, or before the position, to be stepped over.
 */
export function crcFault(records: Buffer, header: BatchHeader, where: TopicPartition): DecodeError | undefined {
  const actual = crc32c(records.subarray(header.position + BATCH.attributes, header.position + header.totalBytes));
  if (actual === header.crc) return undefined;
  return fault(header, where, BATCH.crc, `its CRC-32C is ${hex(actual)} and should be ${hex(header.crc)}`);
}

function inflate(bytes: Buffer, header: BatchHeader, options: OpenOptions): OpenBatch {
  const { where, maxInflatedBytes } = options;
  const { compression } = header;
  if (compression === undefined || compression === 'none')
    throw fault(header, where, BATCH.attributes, `its codec ${header.codec} is not known`);
  try {
    const frame = codecOf(compression).decompress(bytes, maxInflatedBytes);
    return { header, where, frame, start: 0, end: frame.length };
  } catch (cause) {
    if (cause instanceof KafkaError) throw fault(header, where, BATCH.attributes, cause.message, cause);
    const reason =
      (cause as Error).name === 'RangeError'
        ? `it inflates to more than the ${maxInflatedBytes} bytes allowed`
        : `it is no ${compression} stream`;
    throw fault(header, where, BATCH.records, `${reason} (${compression}, ${bytes.length} bytes)`, cause);
  }
}

function fault(
  header: BatchHeader,
  where: TopicPartition,
  field: number,
  problem: string,
  cause?: unknown,
): DecodeError {
  const { topic, partition } = where;
  const offset = header.baseOffset;
  return new DecodeError(`The batch at offset ${offset} of ${topic}-${partition} cannot be read: ${problem}`, {
    position: header.position + field,
    topic,
    partition,
    offset,
    cause,
  });
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`;
}
