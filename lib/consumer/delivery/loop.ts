import type { Subscriber, Unsubscribable } from 'rxjs';
import type { Runtime } from '../../types';
import { DeliveredBatch } from './batch';
import type { PartitionDelivery } from './partition-delivery';
import type { DeliveredRecord } from './record';

/** Records of one partition before the next has its turn. */
const SLICE = 64;
/** Records before I/O has a turn. 12 % dearer than never; 64 would cost 62 %. */
const TURN_RECORDS = 1_024;
const TURN_MS = 5;
/** The clock is read after 1, 2, 4, … records of a turn, then every 32: a slow `next` is noticed soon, a fast one pays little. */
const CLOCK_RECORDS = 32;

/** A subscribed view: one record a notification, or one run of records. */
export interface View {
  readonly kind: 'records' | 'batches';
  readonly subscriber: Subscriber<unknown>;
}

/** What the loop tells its delivery. All of it may change any state; the loop reads it anew. */
export interface LoopHooks {
  /** Before each turn. */
  starting(): void;
  /** Asked before each turn: whether records may be emitted now. */
  mayEmit(): boolean;
  ended(partition: PartitionDelivery): void;
  corrupt(partition: PartitionDelivery): void;
  /** Everything that may be delivered is; `blocked`: there is more, but the window is full. */
  rested(blocked: boolean): void;
  /** The end of each turn. */
  turned(): void;
}

/**
 * The one trampoline of a consumer: takes records from the partitions in round robin and hands them to the view. Code of
 * the user runs inside `next()` and may do anything: ack, pause, seek, close, unsubscribe, subscribe again. All of that
 * only changes state; the loop registers a record before it emits it, and reads state again after every `next()`. So an
 * ack cannot recurse, and no record comes after the one that closed the view.
 */
export class Loop {
  view: View | undefined;
  /** Nothing is emitted any more, until the window is empty. */
  draining = false;
  /** Partitions have their turn: whoever calls is inside of `next` or of a hook. */
  emitting = false;
  /** The record that an operator took over during `next`: with `ack: 'auto'` it is not acked as `next` returns. */
  claimed: object | undefined;
  readonly partitions: PartitionDelivery[] = [];

  /** Records of this view that were delivered before this turn, and those that an operator took over. */
  private delivered = 0;
  private claims = 0;
  private at = 0;
  private stopped = false;
  private changed = false;
  private scheduled: Unsubscribable | undefined;
  private emitted = 0;
  private readClockAt = 0;
  private deadline = 0;
  private over = false;
  private blocked = false;

  constructor(
    private readonly runtime: Runtime,
    private readonly auto: boolean,
    private readonly hooks: LoopHooks,
  ) {}

  begin(view: View): void {
    this.view = view;
    this.claimed = undefined;
    this.delivered = this.emitted = this.claims = 0;
  }

  claim(item: object): void {
    this.claimed = item;
    this.claims += item instanceof DeliveredBatch ? item.records.length : 1;
  }

  /** An operator has taken over every record of this view, and will settle them without being told that it ends. */
  get isClaimed(): boolean {
    return this.claims > 0 && this.claims >= this.delivered + this.emitted;
  }

  /** State changed: takes a turn soon, never now. */
  wake(): void {
    if (this.emitting) this.changed = true;
    else this.scheduled ??= this.runtime.yield(() => this.turn());
  }

  /** Ends the turn after the record that is on its way. */
  stop(): void {
    this.stopped = true;
  }

  private turn(): void {
    this.scheduled = undefined;
    this.hooks.starting();
    const { view } = this;
    if (view !== undefined && !this.draining && this.hooks.mayEmit()) {
      this.emitting = true;
      try {
        this.emit(view);
      } finally {
        this.emitting = false;
      }
      if (this.over || this.view !== view) this.wake();
      else this.hooks.rested(this.blocked);
    }
    this.hooks.turned();
  }

  private emit(view: View): void {
    const { partitions } = this;
    this.delivered += this.emitted;
    this.emitted = 0;
    this.readClockAt = 1;
    this.deadline = this.runtime.scheduler.now() + TURN_MS;
    this.over = this.blocked = this.changed = this.stopped = false;
    let idle = 0;
    while (idle < partitions.length) {
      if (this.at >= partitions.length) this.at = 0;
      const partition = partitions[this.at++]!;
      const before = this.emitted;
      if (view.kind === 'records') this.emitRecords(partition, view);
      else this.emitBatches(partition, view);
      if (this.over || this.view !== view || this.stopped) return;
      if (this.emitted > before || this.changed) {
        this.changed = this.blocked = false;
        idle = 0;
      } else idle++;
    }
  }

  private emitRecords(partition: PartitionDelivery, view: View): void {
    const { subscriber } = view;
    for (let count = 0; count < SLICE; count++) {
      if (!this.isReady(partition)) return;
      const record = partition.take();
      if (this.auto) this.claimed = undefined;
      subscriber.next(record);
      if (subscriber.closed || this.view !== view) return;
      if (this.auto && this.claimed !== record) record.ack();
      if (++this.emitted >= this.readClockAt && this.isOver()) return;
      if (this.stopped) return;
    }
  }

  /** One batch a slice: as much of the opened batch as the window admits. */
  private emitBatches(partition: PartitionDelivery, view: View): void {
    const { subscriber } = view;
    if (!this.isReady(partition)) return;
    if (!partition.admitsRun()) {
      this.blocked = true;
      return;
    }
    const { highWatermark } = partition.log.batch!;
    const records: DeliveredRecord<unknown, unknown>[] = [];
    do records.push(partition.take());
    while (partition.continuesRun());
    const batch = new DeliveredBatch(partition, records, highWatermark);
    this.claimed = undefined;
    subscriber.next(batch);
    if (subscriber.closed || this.view !== view) return;
    if (this.auto && this.claimed !== batch) batch.ack();
    this.emitted += records.length;
    if (this.emitted >= this.readClockAt) this.isOver();
  }

  private isReady(partition: PartitionDelivery): boolean {
    switch (partition.readiness()) {
      case 'ready':
        return true;
      case 'blocked':
        this.blocked = true;
        return false;
      case 'ended':
        this.hooks.ended(partition);
        return false;
      case 'corrupt':
        this.hooks.corrupt(partition);
        return false;
      default:
        return false;
    }
  }

  private isOver(): boolean {
    this.over = this.emitted >= TURN_RECORDS || this.runtime.scheduler.now() >= this.deadline;
    this.readClockAt = this.emitted + Math.min(this.emitted, CLOCK_RECORDS);
    return this.over;
  }
}
