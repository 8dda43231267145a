import { DecodeError } from '../errors';
import type { Compression } from '../types';
import { ATTRIBUTE, BATCH } from './batch-layout';
import { compressionOf } from './compression/codecs';

/** `batchLength` counts the bytes behind itself. */
const LENGTH_OVERHEAD = 12;

/** The header of one record batch. Everything but the fields up to `magic` is covered by `crc`. */
export class BatchHeader {
  constructor(
    readonly baseOffset: bigint,
    /** Bytes after this field. */
    readonly batchLength: number,
    /** -1 = unknown, as a producer writes it. */
    readonly leaderEpoch: number,
    readonly magic: number,
    readonly crc: number,
    readonly attributes: number,
    /** Kept by compaction, so that an emptied batch still says where the next one begins. */
    readonly lastOffsetDelta: number,
    /** Milliseconds; -1 = none. What the records' deltas are relative to. */
    readonly baseTimestamp: number,
    readonly maxTimestamp: number,
    /** -1 = not idempotent. */
    readonly producerId: bigint,
    readonly producerEpoch: number,
    readonly baseSequence: number,
    readonly recordCount: number,
    /** Where the batch begins in the `records` field. */
    readonly position: number,
  ) {}

  /** The whole batch, header included. */
  get totalBytes(): number {
    return this.batchLength + LENGTH_OVERHEAD;
  }

  get lastOffset(): bigint {
    return this.baseOffset + BigInt(this.lastOffsetDelta);
  }

  /** Where to fetch after this batch, whatever it holds. */
  get nextOffset(): bigint {
    return this.baseOffset + BigInt(this.lastOffsetDelta + 1);
  }

  /** 0–7; 5 to 7 are not assigned. */
  get codec(): number {
    return this.attributes & ATTRIBUTE.codec;
  }

  /** `undefined` for a codec that is not assigned. */
  get compression(): Compression | undefined {
    return compressionOf(this.codec);
  }

  /** Holds markers of transactions or of the controller, never records for the application. */
  get isControl(): boolean {
    return (this.attributes & ATTRIBUTE.control) !== 0;
  }

  get isTransactional(): boolean {
    return (this.attributes & ATTRIBUTE.transactional) !== 0;
  }

  /** `append` = LogAppendTime: every record's timestamp is `maxTimestamp`. */
  get timestampType(): 'create' | 'append' {
    return (this.attributes & ATTRIBUTE.logAppendTime) !== 0 ? 'append' : 'create';
  }
}

/**
 * The headers of the whole batches in a `records` field, without touching a record. A batch cut off at the end is
 * ignored, as brokers cut there. Throws a `DecodeError` when the first batch cannot be one, or is of a message format
 * before v2. A bad batch behind good ones ends the scan instead: the good ones are to be read first, and the fetch
 * that then begins with the bad one reports it.
 */
export function scanBatches(records: Buffer): BatchHeader[] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const headers: BatchHeader[] = [];
  let position = 0;
  while (records.length - position > BATCH.magic) {
    const fault = faultAt(view, position);
    if (fault !== undefined) {
      if (position > 0) break;
      throw fault;
    }
    const batchLength = view.getInt32(position + BATCH.batchLength);
    if (batchLength > records.length - position - LENGTH_OVERHEAD) break;
    headers.push(readHeader(view, position));
    position += batchLength + LENGTH_OVERHEAD;
  }
  return headers;
}

function readHeader(view: DataView, position: number): BatchHeader {
  return new BatchHeader(
    view.getBigInt64(position + BATCH.baseOffset),
    view.getInt32(position + BATCH.batchLength),
    view.getInt32(position + BATCH.leaderEpoch),
    view.getInt8(position + BATCH.magic),
    view.getUint32(position + BATCH.crc),
    view.getInt16(position + BATCH.attributes),
    view.getInt32(position + BATCH.lastOffsetDelta),
    timestampAt(view, position + BATCH.baseTimestamp),
    timestampAt(view, position + BATCH.maxTimestamp),
    view.getBigInt64(position + BATCH.producerId),
    view.getInt16(position + BATCH.producerEpoch),
    view.getInt32(position + BATCH.baseSequence),
    view.getInt32(position + BATCH.recordCount),
    position,
  );
}

/** What makes the bytes at `position` no batch that we read. At least 17 bytes are there; the rest may be cut off. */
function faultAt(view: DataView, position: number): DecodeError | undefined {
  const magic = view.getInt8(position + BATCH.magic);
  const offset = view.getBigInt64(position + BATCH.baseOffset);
  const fault = (message: string, field: number) => new DecodeError(message, { position: position + field, offset });
  if (magic === 0 || magic === 1)
    return fault(`The batch is in message format v${magic}, which is not read yet; only v2 is`, BATCH.magic);
  if (magic !== 2) return fault(`A batch of unknown format: magic ${magic}`, BATCH.magic);
  const batchLength = view.getInt32(position + BATCH.batchLength);
  if (batchLength < BATCH.records - LENGTH_OVERHEAD)
    return fault(`A batch cannot be ${batchLength} bytes long`, BATCH.batchLength);
  if (offset < 0n) return fault(`A batch cannot begin at offset ${offset}`, BATCH.baseOffset);
  if (batchLength > view.byteLength - position - LENGTH_OVERHEAD) return undefined;
  const lastOffsetDelta = view.getInt32(position + BATCH.lastOffsetDelta);
  // A negative delta would send a reader back to where it was, for ever.
  if (lastOffsetDelta < 0)
    return fault(`A batch cannot end ${-lastOffsetDelta} before it begins`, BATCH.lastOffsetDelta);
  const recordCount = view.getInt32(position + BATCH.recordCount);
  if (recordCount < 0) return fault(`A batch cannot hold ${recordCount} records`, BATCH.recordCount);
  return undefined;
}

function timestampAt(view: DataView, at: number): number {
  return view.getInt32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}
