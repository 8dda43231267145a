import { assignOffsets, setLogAppendTime } from '../records/assign-offsets';
import type { BatchHeader } from '../records/batch-header';
import { BATCH } from '../records/batch-layout';
import { CONTROL } from '../records/control-record';
import { EpochHistory } from './epoch-history';
import { SequenceWindow } from './sequence-window';
import { TransactionIndex } from './transaction-index';

/** A whole record batch as it lies in the log, its offset and leader epoch filled in. */
export interface StoredBatch {
  readonly bytes: Buffer;
  readonly baseOffset: bigint;
  /** The offset behind the batch. */
  readonly nextOffset: bigint;
  readonly maxTimestamp: number;
  readonly leaderEpoch: number;
}

/** What a read gives: whole batches as they are stored, but for the last, which may be cut at the limit. */
export interface LogRead {
  readonly chunks: readonly Buffer[];
  readonly bytes: number;
  /** The offset behind the last batch, cut or not; the start of the read when there is none. */
  readonly nextOffset: bigint;
}

/**
 * One partition's log: record batches as they came, in an array that is searched by offset. Producers' sequences and
 * transactions are tracked beside it. The replicas of the embedded cluster share it, so its end is its high watermark.
 */
export class PartitionLog {
  startOffset = 0n;
  endOffset = 0n;
  readonly batches: StoredBatch[] = [];
  readonly sequences = new SequenceWindow();
  readonly transactions = new TransactionIndex();
  readonly epochs = new EpochHistory();

  get lastStableOffset(): bigint {
    return this.transactions.lastStableOffset(this.endOffset);
  }

  /**
   * Appends a copy of the batch that `header` describes and returns its base offset. Offset and leader epoch are outside of the CRC
   * and just filled in; `logAppendTimeMs` (-1 = keep the records' own timestamps) is inside and computes it anew.
   */
  append(source: Buffer, header: BatchHeader, leaderEpoch: number, logAppendTimeMs = -1): bigint {
    const bytes = Buffer.allocUnsafeSlow(header.totalBytes);
    source.copy(bytes, 0, header.position, header.position + header.totalBytes);
    const baseOffset = this.endOffset;
    assignOffsets(bytes, baseOffset, leaderEpoch);
    if (logAppendTimeMs >= 0) setLogAppendTime(bytes, logAppendTimeMs);
    const nextOffset = baseOffset + BigInt(header.lastOffsetDelta + 1);
    const maxTimestamp = logAppendTimeMs >= 0 ? logAppendTimeMs : header.maxTimestamp;
    this.batches.push({ bytes, baseOffset, nextOffset, maxTimestamp, leaderEpoch });
    this.endOffset = nextOffset;
    this.track(bytes, header, { baseOffset, logAppendTimeMs });
    return baseOffset;
  }

  /**
   * Reads up to `maxBytes` from the batch that holds `offset`, ending before `end`. As a broker does: the last batch is
   * cut where the limit is, unless that would leave not even one whole batch: then the first comes whole (`atLeastOne`), or nothing.
   */
  read(offset: bigint, end: bigint, maxBytes: number, atLeastOne: boolean): LogRead {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let nextOffset = offset;
    for (let index = this.indexOf(offset); index < this.batches.length; index++) {
      const batch = this.batches[index]!;
      if (batch.baseOffset >= end) break;
      const room = maxBytes - bytes;
      const first = chunks.length === 0;
      if (batch.bytes.length > room && !(first && atLeastOne)) {
        if (first || room <= 0) break;
        chunks.push(batch.bytes.subarray(0, room));
        bytes += room;
        nextOffset = batch.nextOffset;
        break;
      }
      chunks.push(batch.bytes);
      bytes += batch.bytes.length;
      nextOffset = batch.nextOffset;
    }
    return { chunks, bytes, nextOffset };
  }

  /** The index of the batch that holds `offset`, else of the next one behind it. */
  indexOf(offset: bigint): number {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.batches[middle]!.nextOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops what lies below `offset`, as retention and DeleteRecords do: whole batches go, the start moves to the offset. */
  deleteBefore(offset: bigint): void {
    if (offset > this.endOffset || offset < 0n) throw new RangeError(`Offset ${offset} is not in the log`);
    if (offset <= this.startOffset) return;
    this.startOffset = offset;
    this.batches.splice(0, this.indexOf(offset));
  }

  /** Drops what lies at and above `offset`, as an unclean election does: whole batches go, the end moves to the offset. */
  truncate(offset: bigint): void {
    if (offset > this.endOffset || offset < this.startOffset)
      throw new RangeError(`Offset ${offset} is not in the log`);
    this.batches.splice(this.indexOf(offset));
    this.endOffset = offset;
    this.epochs.truncate(offset);
    this.transactions.truncate(offset);
  }

  private track(bytes: Buffer, header: BatchHeader, stored: { baseOffset: bigint; logAppendTimeMs: number }): void {
    const { producerId } = header;
    if (producerId < 0n) return;
    if (header.isControl) {
      this.sequences.fence(producerId, header.producerEpoch);
      this.transactions.ended(producerId, stored.baseOffset, markerType(bytes) === CONTROL.commit);
      return;
    }
    this.sequences.remember(header, stored);
    if (header.isTransactional) this.transactions.wrote(producerId, stored.baseOffset);
  }
}

/** Of a control batch with one record: length, attributes, two deltas and the key's length are one byte each, then version and type. */
function markerType(bytes: Buffer): number {
  return bytes.readInt16BE(BATCH.records + 5 + 2);
}
