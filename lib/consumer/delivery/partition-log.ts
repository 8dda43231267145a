import { DecodeError } from '../../errors';
import type { BatchHeader } from '../../records/batch-header';
import { openBatch } from '../../records/batch-reader';
import { RecordCursor } from '../../records/record-cursor';
import type { TopicPartition } from '../../types';
import type { FetchedBatch } from '../fetch/fetched-batch';

/** What an emitted record shares with the others of its batch. `base` is the batch's base offset, relative to the partition's. */
export interface OpenedBatch {
  readonly header: BatchHeader;
  readonly frame: Buffer;
  readonly base: number;
  readonly highWatermark: bigint;
}

/** How much of the fetch buffer the queues of a consumer take. `freed` is set when that went down, and cleared by the reader. */
export interface BufferMeter {
  bytes: number;
  freed: boolean;
}

/**
 * What was fetched of one partition and is not delivered yet, in order: batches, and stretches without records. Batches
 * are opened (checked, inflated) one at a time, when their turn comes. Offsets are numbers relative to `base`.
 */
export class PartitionLog {
  /** The relative offset of the next record to deliver, or where the next one may begin. */
  next = 0;
  /** The relative offset that deliveries end before; `Infinity` = they do not end. */
  until: number;
  /** The batch and cursor that `peek` stands on. */
  batch: OpenedBatch | undefined;
  cursor: RecordCursor | undefined;
  /** What the queued batches count against the fetch buffer. */
  bufferedBytes = 0;

  /** A batch, the offset at which a stretch without records ends, or why what comes next cannot be read. */
  private entries: (FetchedBatch | bigint | DecodeError)[] = [];
  private head = 0;
  private peeked = false;
  /** Records below are not delivered, the one after the last of the open batch, and what it retains. */
  private from = 0;
  private end = 0;
  private retained = 0;

  constructor(
    private readonly where: TopicPartition,
    private origin: bigint,
    private endsBefore: bigint | undefined,
    private readonly maxInflatedBytes: number,
    private readonly meter: BufferMeter,
  ) {
    this.until = this.relativeEnd();
  }

  /** What the relative offsets count from. */
  get base(): bigint {
    return this.origin;
  }

  /** Another end, or none. What is queued stays, and may have been cut at the old one. */
  endAt(until: bigint | undefined): void {
    this.endsBefore = until;
    this.until = this.relativeEnd();
  }

  get empty(): boolean {
    return this.cursor === undefined && this.head === this.entries.length;
  }

  push(batch: FetchedBatch | DecodeError): void {
    this.entries.push(batch);
    if (batch instanceof DecodeError) return;
    this.bufferedBytes += batch.retainedBytes;
    this.meter.bytes += batch.retainedBytes;
  }

  /** The records up to there do not exist, for this reader: control batches, aborted transactions. */
  skipTo(offset: bigint): void {
    if (this.empty) this.next = Math.max(this.next, this.exact(offset));
    else this.entries.push(offset);
  }

  /** Drops everything; what comes is pushed from `offset` on. */
  clear(offset: number): void {
    this.entries = [];
    this.head = 0;
    this.batch = this.cursor = undefined;
    this.peeked = false;
    this.free(this.bufferedBytes);
    this.retained = 0;
    this.next = offset;
  }

  /**
   * Drops everything and counts from there on. A seek over more than 2^53 offsets would else leave all that comes
   * behind it rounded: a commit was one record too high.
   */
  rebase(offset: bigint): void {
    this.clear(0);
    this.origin = offset;
    this.until = this.relativeEnd();
  }

  /** Stands on the next record and returns its relative offset; -Infinity when there is none. Throws `DecodeError`. */
  peek(): number {
    let offset = this.peekInBatch();
    while (offset === -Infinity) {
      if (this.cursor !== undefined) this.close();
      if (!this.advance()) break;
      offset = this.peekInBatch();
    }
    return offset;
  }

  /** As `peek`, within the open batch: -Infinity at its end, where the next one stays closed. */
  peekInBatch(): number {
    const { cursor } = this;
    if (cursor === undefined) return -Infinity;
    const { base } = this.batch!;
    if (this.peeked) return base + cursor.offsetDelta;
    while (cursor.next()) {
      const offset = base + cursor.offsetDelta;
      if (offset < this.from) continue;
      this.peeked = true;
      return offset;
    }
    return -Infinity;
  }

  /** The record that `peek` stands on is delivered. */
  consume(offset: number): void {
    this.next = offset + 1;
    this.peeked = false;
  }

  relative(offset: bigint): number {
    return Number(offset - this.base);
  }

  private relativeEnd(): number {
    return this.endsBefore === undefined ? Infinity : this.relative(this.endsBefore);
  }

  /** The same of what was read. A hole in the log that no number can span is an error, and never a rounded offset. */
  private exact(offset: bigint): number {
    const relative = this.relative(offset);
    if (relative <= Number.MAX_SAFE_INTEGER) return relative;
    const { topic, partition } = this.where;
    throw new DecodeError(
      `${topic}-${partition} goes on at offset ${offset}, more than 2^53 behind where reading began (${this.base}): seek there`,
      { position: 0, topic, partition, offset },
    );
  }

  /** Opens the next batch, or passes a stretch without records. */
  private advance(): boolean {
    if (this.head === this.entries.length) return false;
    const entry = this.entries[this.head]!;
    if (entry instanceof DecodeError) throw entry;
    if (typeof entry === 'bigint') this.next = Math.max(this.next, this.exact(entry));
    else this.open(entry);
    // Not kept until the array is dropped: the entry pins a frame.
    this.entries[this.head++] = 0n;
    if (this.head === this.entries.length) {
      this.entries = [];
      this.head = 0;
    }
    return true;
  }

  private open(entry: FetchedBatch): void {
    const { header } = entry;
    this.exact(header.nextOffset);
    const opened = openBatch(entry.records, header, { maxInflatedBytes: this.maxInflatedBytes, where: this.where });
    const base = this.relative(header.baseOffset);
    this.cursor = new RecordCursor(opened);
    this.batch = { header, frame: opened.frame, base, highWatermark: entry.highWatermark };
    // Also `next`: a rewind may ask for a record in the middle of a batch, and what came before it is delivered.
    this.from = Math.max(this.relative(entry.from), this.next);
    this.end = base + header.lastOffsetDelta + 1;
    this.retained = entry.retainedBytes;
  }

  private close(): void {
    // Compaction removes records, also the last ones of a batch: its header says where the next batch begins.
    this.next = Math.max(this.next, this.end);
    this.free(this.retained);
    this.retained = 0;
    this.batch = this.cursor = undefined;
  }

  private free(bytes: number): void {
    if (bytes === 0) return;
    this.bufferedBytes -= bytes;
    this.meter.bytes -= bytes;
    this.meter.freed = true;
  }
}
