import type { Subscription } from 'rxjs';
import { DecodeError, InvalidStateError } from '../../errors';
import type { Decoder, DeliverySource, Runtime, TopicPartition } from '../../types';
import type { FetchedBatch } from '../fetch/fetched-batch';
import { Attempts } from './attempts';
import type { Credit, CreditShare } from './credit';
import { PartitionLog } from './partition-log';
import type { BufferMeter } from './partition-log';
import { DeliveredRecord } from './record';
import { Signals } from './signals';
import type { Delivered } from './signals';
import { REFUSED, Tracker } from './tracker';

/** What a partition needs of the delivery it belongs to. */
export interface PartitionOwner {
  readonly runtime: Runtime;
  readonly credit: Credit;
  readonly meter: BufferMeter;
  readonly source: DeliverySource;
  readonly key: Decoder<unknown> | undefined;
  readonly value: Decoder<unknown> | undefined;
  readonly ackAhead: number;
  readonly maxInflatedBytes: number;
  /** A view is open and delivers. */
  readonly live: boolean;
  retryDelay(attempt: number): number;
  /** Something was settled: credit came back, the watermark may have moved. */
  settled(partition: PartitionDelivery): void;
  /** Something else changed that may let records through, or freed buffer. */
  changed(partition: PartitionDelivery): void;
  onRewind(partition: PartitionDelivery, offset: bigint): void;
}

/** Why the partition's next record is not delivered now, or that it is. */
export type Readiness = 'ready' | 'idle' | 'ended' | 'corrupt' | 'blocked';

/** One partition on its way from the fetch buffer to a view: its queue, its credit, what is acked, where it stands. */
export class PartitionDelivery implements TopicPartition {
  highWatermark = -1n;
  lastStableOffset = -1n;
  /** @internal Watermark moved or was settled; to be told at the end of the turn. */
  dirty = false;
  /** @internal */ readonly log: PartitionLog;
  /** @internal */ readonly tracker = new Tracker();
  /** @internal */ readonly share: CreditShare;

  private isPaused = false;
  private isReported = false;
  private isRemoved = false;
  private error: DecodeError | undefined;
  private readonly attempts = new Attempts();
  private readonly signals = new Signals();
  private rewinding: Subscription | undefined;

  constructor(
    readonly owner: PartitionOwner,
    readonly topic: string,
    readonly partition: number,
    from: bigint,
    until: bigint | undefined,
  ) {
    this.log = new PartitionLog({ topic, partition }, from, until, owner.maxInflatedBytes, owner.meter);
    this.share = owner.credit.join();
  }

  // ── What the fetching side sees ────────────────────────────────────────────────────────────────────────────────

  /** The offset of the next record to deliver, or where it may begin. */
  get position(): bigint {
    return this.log.base + BigInt(this.log.next);
  }

  /** The committable offset: the oldest delivered record that is not acked, or the position when there is none. */
  get watermark(): bigint {
    return this.tracker.span === 0 ? this.position : this.log.base + BigInt(this.tracker.lowest);
  }

  /** Records delivered that somebody is expected to settle. */
  get unacked(): number {
    return this.tracker.pending;
  }

  /** A record waits for its backoff, to be delivered again. */
  get nacked(): boolean {
    return this.tracker.nackedFrom !== Infinity;
  }

  get bufferedBytes(): number {
    return this.log.bufferedBytes;
  }

  get paused(): boolean {
    return this.isPaused;
  }

  set paused(paused: boolean) {
    this.isPaused = paused;
    if (!paused) this.owner.changed(this);
  }

  /** Batches in order, continuing where the last ended; in place of one that cannot be read why: the view errors when its turn comes. */
  push(batches: readonly (FetchedBatch | DecodeError)[]): void {
    if (this.isRemoved) return;
    for (const batch of batches) this.log.push(batch);
    this.owner.changed(this);
  }

  /** There is nothing to deliver up to that offset: control batches, aborted transactions. In order with `push`. */
  skipTo(nextOffset: bigint): void {
    if (this.isRemoved) return;
    this.log.skipTo(nextOffset);
    if (this.tracker.span === 0) this.owner.settled(this);
    this.owner.changed(this);
  }

  /** A seek: drops what is queued, supersedes what is delivered, and goes on from there. The caller fetches from `to`. */
  reset(to: bigint): void {
    if (this.isRemoved) return;
    this.attempts.forgetFrom(-Infinity);
    this.forget('a seek');
    this.restartAt(0);
    this.log.rebase(to);
    this.owner.settled(this);
  }

  /** It ends there now, or not at all. What is queued was cut at the old end: it is fetched again. */
  endAt(until: bigint | undefined): void {
    this.log.endAt(until);
    this.restartAt(this.log.next);
    this.owner.onRewind(this, this.position);
  }

  /** The log ends there now: drops what is queued, supersedes what was delivered behind it. The caller fetches from `position`. */
  truncate(end: bigint): void {
    if (this.isRemoved) return;
    const offset = this.log.relative(end);
    this.tracker.cutAt(offset, bytes => this.owner.credit.give(this.share, bytes));
    this.attempts.forgetFrom(offset);
    this.abortSuperseded('a truncation of its log');
    this.restartAt(Math.min(this.log.next, offset));
    this.owner.settled(this);
  }

  // ── What the loop sees ─────────────────────────────────────────────────────────────────────────────────────────

  /** @internal What a view is to do about this partition now. */
  readiness(): Readiness {
    if (this.isRemoved || this.rewinding !== undefined) return 'idle';
    if (this.error !== undefined) return this.report('corrupt');
    if (this.log.next >= this.log.until) return this.report('ended');
    if (this.isPaused) return 'idle';
    let offset: number;
    try {
      offset = this.unacknowledged(this.log.peek());
      // The batch is used up, or all of it was acked before a rewind.
      while (offset === -Infinity && !this.log.empty) offset = this.unacknowledged(this.log.peek());
    } catch (error) {
      return this.fail(error);
    }
    if (offset === -Infinity) return this.log.next >= this.log.until ? this.report('ended') : 'idle';
    if (offset >= this.log.until) {
      this.log.clear(this.log.until);
      return this.report('ended');
    }
    return this.admits() ? 'ready' : 'blocked';
  }

  /** @internal A run (for `batches`) may begin: rather wait for settles than cut a batch into crumbs. */
  admitsRun(): boolean {
    if (this.share.records === 0) return true;
    const { header, base } = this.log.batch!;
    const wanted = Math.min(header.recordCount, base + header.lastOffsetDelta + 1 - this.log.next);
    return Math.min(this.owner.credit.allowance(this.share), this.owner.ackAhead - this.tracker.span) >= wanted;
  }

  /** @internal There is another record for the run, in the same batch. */
  continuesRun(): boolean {
    try {
      const offset = this.unacknowledged(this.log.peekInBatch());
      return offset > -Infinity && offset < this.log.until && this.admits();
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** @internal Registers the record that `readiness` found, and makes it. Before anyone sees it: an ack must find it. */
  take(): DeliveredRecord<unknown, unknown> {
    const { log, tracker } = this;
    const cursor = log.cursor!;
    const batch = log.batch!;
    const delta = cursor.offsetDelta;
    const offset = batch.base + delta;
    const bytes = cursor.bodyBytes;
    const sequence = tracker.open(offset, bytes);
    this.owner.credit.take(this.share, bytes);
    log.consume(offset);
    return new DeliveredRecord(
      this,
      batch,
      cursor.position,
      delta,
      cursor.timestamp,
      sequence,
      tracker.generation,
      this.attempts.of(offset),
    );
  }

  /** @internal The oldest delivery that is not acked, for the stall report. */
  get oldest(): bigint {
    return this.watermark;
  }

  /** @internal The error behind 'corrupt', until a seek or a new view. */
  get corruption(): DecodeError | undefined {
    return this.error;
  }

  // ── What records see ───────────────────────────────────────────────────────────────────────────────────────────

  /** @internal */
  ack(sequence: number, generation: number): boolean {
    const bytes = this.tracker.ack(sequence, generation);
    if (bytes === REFUSED) return false;
    if (bytes >= 0) this.owner.credit.give(this.share, bytes);
    this.owner.settled(this);
    return true;
  }

  /** @internal */
  ackThrough(sequence: number, generation: number): boolean {
    const acked = this.tracker.ackThrough(sequence, generation, bytes => this.owner.credit.give(this.share, bytes));
    if (acked) this.owner.settled(this);
    return acked;
  }

  /** @internal */
  nack(sequence: number, generation: number, offset: number, attempt: number): boolean {
    const bytes = this.tracker.nack(sequence, generation);
    if (bytes === REFUSED) return false;
    if (bytes >= 0) this.owner.credit.give(this.share, bytes);
    this.attempts.failed(offset, attempt, this.tracker.lowest);
    this.owner.settled(this);
    if (!this.owner.live) return true;
    // The last nack counts: every record gets its full backoff. Nothing is delivered meanwhile, so this ends.
    this.halt();
    this.rewinding = this.owner.runtime.scheduler.schedule(() => this.rewind(), this.owner.retryDelay(attempt));
    return true;
  }

  /** @internal */
  release(sequence: number, generation: number): boolean {
    const bytes = this.tracker.release(sequence, generation);
    if (bytes < 0) return false;
    this.owner.credit.give(this.share, bytes);
    this.owner.settled(this);
    return true;
  }

  /** @internal */
  isSettled(sequence: number, generation: number): boolean {
    return this.isRemoved || this.tracker.isSettled(sequence, generation);
  }

  /** @internal */
  isSuperseded(sequence: number, generation: number): boolean {
    return this.isRemoved || this.tracker.isSuperseded(sequence, generation);
  }

  /** @internal */
  signalOf(delivered: Delivered): AbortSignal {
    if (this.isGone(delivered)) return AbortSignal.abort(this.superseded('a rewind'));
    return this.signals.of(delivered, it => this.isSettled(it.sequence, it.generation));
  }

  /** @internal `handle` gave up on it. A retry reads a new signal. */
  abort(delivered: Delivered, reason: unknown): void {
    this.signals.abort(delivered, reason);
  }

  // ── Epochs ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal A new view: what is not acked comes again, from the watermark. */
  restart(): void {
    this.isReported = false;
    if (this.tracker.span > 0) this.rewindTo(this.tracker.head);
    else if (this.error !== undefined) {
      this.restartAt(this.log.next);
      this.owner.onRewind(this, this.position);
    }
  }

  /** @internal The view is complete: no rewind is due before the next one. */
  halt(): void {
    this.rewinding?.unsubscribe();
    this.rewinding = undefined;
  }

  /** @internal The view is gone: all credit comes back, nobody waits; acks count until the next view. */
  abandon(): void {
    this.halt();
    this.tracker.abandon();
    this.owner.credit.giveAll(this.share);
  }

  /** @internal No longer ours, or the drain's deadline passed: no settle counts, and signals abort. The watermark stays. */
  remove(why: string): void {
    if (this.isRemoved) return;
    const watermark = this.log.relative(this.watermark);
    this.isRemoved = true;
    this.forget(why);
    this.log.clear(watermark);
    this.owner.credit.leave(this.share);
  }

  private admits(): boolean {
    return this.tracker.span < this.owner.ackAhead && this.owner.credit.admits(this.share, this.log.cursor!.bodyBytes);
  }

  /** Passes records of the open batch that were acked before a rewind. */
  private unacknowledged(offset: number): number {
    while (offset > -Infinity && this.tracker.skip(offset)) {
      this.log.consume(offset);
      this.owner.settled(this);
      offset = this.log.peekInBatch();
    }
    return offset;
  }

  private rewind(): void {
    this.rewinding = undefined;
    if (this.tracker.nackedFrom !== Infinity) this.rewindTo(this.tracker.nackedFrom);
    else this.owner.changed(this);
  }

  private rewindTo(sequence: number): void {
    const offset = this.tracker.rewind(sequence, bytes => this.owner.credit.give(this.share, bytes));
    this.abortSuperseded('a rewind');
    this.restartAt(offset);
    this.owner.onRewind(this, this.position);
    this.owner.settled(this);
  }

  private restartAt(offset: number): void {
    this.isReported = false;
    this.error = undefined;
    this.log.clear(offset);
  }

  private forget(why: string): void {
    this.halt();
    this.signals.purge(it => this.tracker.isSettled(it.sequence, it.generation));
    this.tracker.clear();
    this.owner.credit.giveAll(this.share);
    this.abortSuperseded(why);
  }

  /** Says so once, until a rewind or a seek. */
  private report(what: Readiness): Readiness {
    if (this.isReported) return 'idle';
    this.isReported = true;
    return what;
  }

  private fail(error: unknown): Readiness {
    this.error = this.toDecodeError(error);
    return this.report('corrupt');
  }

  private isGone(delivered: Delivered): boolean {
    return this.isRemoved || this.tracker.isGone(delivered.sequence, delivered.generation);
  }

  private abortSuperseded(why: string): void {
    this.signals.abortAll(
      it => this.isGone(it),
      () => this.superseded(why),
    );
  }

  private superseded(why: string): InvalidStateError {
    return new InvalidStateError(
      `${this.topic}-${this.partition}: the record was superseded by ${why}; it is not ours to settle any more`,
    );
  }

  private toDecodeError(error: unknown): DecodeError {
    if (error instanceof DecodeError) return error;
    const { topic, partition, position: offset } = this;
    return new DecodeError(`${topic}-${partition}@${offset}: the batch cannot be read`, {
      position: 0,
      topic,
      partition,
      offset,
      cause: error,
    });
  }
}
