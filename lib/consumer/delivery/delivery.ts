import { Observable, Subject, defer, filter, map, merge, of, take, timer } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { ConsumerBusyError } from '../../errors';
import type { DecodeError } from '../../errors';
import type { ConsumerBatch, ConsumerRecord, Decoder, DeliverySource, EventSink, Runtime } from '../../types';
import { DeliveredBatch } from './batch';
import { Credit } from './credit';
import { Loop } from './loop';
import type { View } from './loop';
import { PartitionDelivery } from './partition-delivery';
import type { BufferMeter } from './partition-log';
import type { PartitionOwner } from './partition-delivery';
import { DeliveredRecord } from './record';
import { StallWatch } from './stall';

/** How a consumer delivers. */
export interface DeliveryOptions {
  readonly runtime: Runtime;
  /** 'auto': acked as `next` returns, unless an operator claimed the record. */
  readonly ack: 'manual' | 'auto';
  /** Un-acked records and their bytes; and how far a partition's deliveries may run ahead of its oldest un-acked one. */
  readonly window: { readonly records: number; readonly bytes: number; readonly ackAhead: number };
  /** How long after a `nack` its record comes again; doubles with each attempt of the record, up to `retryBackoffMaxMs`. */
  readonly retryBackoffMs: number;
  /** [ten times `retryBackoffMs`] */
  readonly retryBackoffMaxMs?: number;
  readonly key?: Decoder<unknown> | undefined;
  readonly value?: Decoder<unknown> | undefined;
  readonly maxInflatedBytes: number;
  /** A full window without one settle for this long is reported. */
  readonly stallWarnMs: number;
  readonly emit: EventSink;
}

/** What a delivery asks of the consumer. May be called inside `next()`; must not throw. */
export interface DeliveryHooks {
  /** Whether anything may be delivered at all; asked before each turn. Once it may again, `wake` is to be called. [yes] */
  mayDeliver?(): boolean;
  /** The first view subscribed, or the view ended: fetching may start, or must stop. */
  onDemand(active: boolean): void;
  /** Buffered bytes were freed, so that fetching may go on. At most once a turn. */
  onFreed(): void;
  /** A watermark may have moved: a commit may be due. At most once a turn and partition. */
  onWatermark(partition: PartitionDelivery): void;
  /** The partition is needed again from `offset`: after a nack and its backoff, or for a new view. Its queue is empty. */
  onRewind(partition: PartitionDelivery, offset: bigint): void;
  /** Everything below `until` is delivered (not: settled). Called again after a rewind. */
  onEnded(partition: PartitionDelivery): void;
  /** A batch cannot be read. Unless the hook seeks or removes the partition, the view errors. */
  onCorrupt(partition: PartitionDelivery, error: DecodeError): void;
}

/**
 * Delivery of one consumer: queues of fetched batches on one side, a unicast view on the other, and the window of
 * un-acked records between them. Knows nothing of brokers.
 *
 * A view is an epoch: a new one begins at the watermarks, and settles of records of an older one are refused.
 */
export class Delivery implements PartitionOwner {
  /**
   * One record a notification. Cold and unicast: a second concurrent view errors with `ConsumerBusyError`. Nothing is
   * emitted inside `subscribe()`. Completes and errors as the consumer says; unsubscribing gives all credit back.
   */
  readonly records: Observable<ConsumerRecord<any, any>> = new Observable(subscriber =>
    this.open('records', subscriber),
  );
  /** As `records`, in contiguous runs of one partition: at most a record batch as it was stored, bounded by the window. */
  readonly batches: Observable<ConsumerBatch<any, any>> = new Observable(subscriber =>
    this.open('batches', subscriber),
  );

  /** @internal */ readonly runtime: Runtime;
  /** @internal */ readonly credit: Credit;
  /** @internal */ readonly meter: BufferMeter = { bytes: 0, freed: false };
  /** @internal */ readonly source: DeliverySource;
  /** @internal */ readonly key: Decoder<unknown> | undefined;
  /** @internal */ readonly value: Decoder<unknown> | undefined;
  /** @internal */ readonly ackAhead: number;
  /** @internal */ readonly maxInflatedBytes: number;

  private readonly loop: Loop;
  private readonly stall: StallWatch;
  /** Nothing else can know that the loop ran out of credit: pushes enter here, operators subscribe through `source`. */
  private readonly starved = new Subject<void>();
  /** The end of each turn, for those who wait for the window to empty. */
  private readonly turns = new Subject<void>();
  private dirty: PartitionDelivery[] = [];
  /** How a view that is just subscribing, or the next one, ends. */
  private ending: { readonly error?: unknown; readonly still?: (() => boolean) | undefined } | undefined;
  private opening = false;

  constructor(
    private readonly options: DeliveryOptions,
    private readonly hooks: DeliveryHooks,
  ) {
    const { runtime, window } = options;
    this.runtime = runtime;
    this.credit = new Credit(window.records, window.bytes);
    this.key = options.key;
    this.value = options.value;
    this.ackAhead = window.ackAhead;
    this.maxInflatedBytes = options.maxInflatedBytes;
    this.loop = new Loop(runtime, options.ack === 'auto', {
      starting: () => this.endIfDue(),
      mayEmit: () => this.hooks.mayDeliver?.() ?? true,
      ended: partition => this.hooks.onEnded(partition),
      corrupt: partition => this.corrupt(partition),
      rested: blocked => this.rested(blocked),
      turned: () => this.turned(),
    });
    this.stall = new StallWatch(runtime, options.stallWarnMs, options.emit, this.loop.partitions);
    this.source = {
      runtime,
      starved: this.starved.asObservable(),
      claim: item => this.loop.claim(item),
      isSuperseded: item => isDelivered(item) && item.delivery.isSuperseded(item.sequence, item.generation),
      abort: (item, reason) => isDelivered(item) && item.delivery.abort(item, reason),
    };
  }

  /** Begins to deliver a partition, from that offset on. It ends before `until`. */
  add(topic: string, partition: number, from: bigint, until?: bigint): PartitionDelivery {
    const added = new PartitionDelivery(this, topic, partition, from, until);
    this.loop.partitions.push(added);
    this.changed();
    return added;
  }

  /** Gives a partition up at once: its records are superseded, its credit comes back. Its watermark stays readable. */
  remove(partition: PartitionDelivery): void {
    const { partitions } = this.loop;
    const at = partitions.indexOf(partition);
    if (at < 0) return;
    partitions.splice(at, 1);
    partition.remove('the loss of its partition');
    this.changed();
  }

  /** What stands against delivery may be gone. */
  wake(): void {
    this.changed();
  }

  /** What the queues take of the fetch buffer. */
  get bufferedBytes(): number {
    return this.meter.bytes;
  }

  /** Counts settles, of whatever kind. */
  get settles(): number {
    return this.stall.settles;
  }

  /** Records delivered that somebody is expected to settle. */
  get unacked(): number {
    let sum = 0;
    for (const partition of this.loop.partitions) sum += partition.unacked;
    return sum;
  }

  /**
   * Whether the view may still need this partition although all of it is delivered: a record was nacked and comes again,
   * or an operator is at work that settles by itself and might nack.
   */
  isAtWork(partition: PartitionDelivery): boolean {
    return partition.nacked || (partition.unacked > 0 && this.loop.isClaimed);
  }

  /** Errors the view; without one, the next. */
  fail(error: unknown): void {
    this.finish({ error });
  }

  /** Completes the view; without one, the next. What is delivered can still be acked. `still`: whether that is wanted when it has to wait a moment. */
  complete(still?: () => boolean): void {
    this.finish({ still });
  }

  /**
   * Stops emission for good, waits until everything delivered is settled, at most `drainMs`, and then supersedes what is
   * left. Emits once. Unsubscribing stops the waiting, not the stop.
   */
  drained(drainMs: number): Observable<{ readonly settled: number; readonly abandoned: number }> {
    return defer(() => {
      this.loop.draining = true;
      this.loop.stop();
      this.stall.stop();
      for (const partition of this.loop.partitions) partition.halt();
      const before = this.unacked;
      const empty = before === 0 ? of(undefined) : this.turns.pipe(filter(() => this.unacked === 0));
      return merge(empty, timer(drainMs, this.runtime.scheduler)).pipe(
        take(1),
        map(() => {
          const abandoned = this.unacked;
          for (const partition of this.loop.partitions) partition.remove('the end of its consumer');
          return { settled: Math.max(0, before - abandoned), abandoned };
        }),
      );
    });
  }

  // ── As the owner of its partitions ─────────────────────────────────────────────────────────────────────────────

  /** @internal */
  get live(): boolean {
    return this.loop.view !== undefined && !this.loop.draining;
  }

  /** @internal */
  retryDelay(attempt: number): number {
    const { retryBackoffMs, retryBackoffMaxMs = 10 * retryBackoffMs } = this.options;
    return Math.min(retryBackoffMs * 2 ** (attempt - 1), retryBackoffMaxMs);
  }

  /** @internal */
  settled(partition: PartitionDelivery): void {
    this.stall.settles++;
    if (!partition.dirty) {
      partition.dirty = true;
      this.dirty.push(partition);
    }
    this.loop.wake();
  }

  /** @internal */
  changed(): void {
    if (this.loop.view !== undefined || this.meter.freed) this.loop.wake();
  }

  /** @internal */
  onRewind(partition: PartitionDelivery, offset: bigint): void {
    this.hooks.onRewind(partition, offset);
  }

  // ── Views ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private open(kind: View['kind'], subscriber: Subscriber<any>): void {
    const current = this.loop.view;
    // A closed one subscribed us inside its last notification: its teardown is yet to come.
    if (current?.subscriber.closed) this.end(current, true);
    else if (current !== undefined) {
      const busy = new ConsumerBusyError(
        'This consumer has a view already; records go to one subscriber. Use fanOut() for several branches over one stream, or another consumer.',
      );
      subscriber.add(this.runtime.yield(() => subscriber.error(busy)));
      return;
    }
    const view: View = { kind, subscriber };
    subscriber.add(() => this.end(view, true));
    this.loop.begin(view);
    this.opening = true;
    for (const partition of this.loop.partitions) partition.restart();
    this.hooks.onDemand(true);
    this.opening = false;
    this.loop.wake();
  }

  /** Ends the epoch as far as deliveries go; `abandon`: nobody is expected to settle what is out. */
  private end(view: View, abandon: boolean): void {
    if (this.loop.view !== view) return;
    this.loop.view = undefined;
    this.stall.stop();
    for (const partition of this.loop.partitions) {
      if (abandon) partition.abandon();
      else partition.halt();
    }
    // Before the last watermarks are told: one of them may be the end of all there is to read, which would end the next view.
    this.hooks.onDemand(false);
    this.flush();
  }

  private finish(ending: NonNullable<Delivery['ending']>): void {
    const { view, emitting } = this.loop;
    if (view === undefined || this.opening || emitting) {
      // Nothing is emitted inside `subscribe()`, an end neither; nor inside `next`, where operators further down the
      // pipeline are yet to see the record.
      this.ending = ending;
      if (emitting) this.loop.stop();
      return;
    }
    const failed = 'error' in ending;
    // Before the notification: `retry` and `repeat` subscribe again inside it.
    this.end(view, failed);
    if (failed) view.subscriber.error(ending.error);
    else view.subscriber.complete();
  }

  // ── Turns of the loop ──────────────────────────────────────────────────────────────────────────────────────────

  private endIfDue(): void {
    const { ending } = this;
    if (ending === undefined || this.loop.view === undefined) return;
    this.ending = undefined;
    if (ending.still?.() ?? true) this.finish(ending);
    else this.loop.wake();
  }

  private corrupt(partition: PartitionDelivery): void {
    const error = partition.corruption!;
    this.hooks.onCorrupt(partition, error);
    if (partition.corruption === error) this.fail(error);
  }

  private rested(blocked: boolean): void {
    if (blocked) this.starved.next();
    this.stall.rested(blocked);
  }

  private turned(): void {
    this.endIfDue();
    this.flush();
    this.turns.next();
  }

  private flush(): void {
    const { dirty } = this;
    if (dirty.length > 0) {
      this.dirty = [];
      for (const partition of dirty) {
        partition.dirty = false;
        this.hooks.onWatermark(partition);
      }
    }
    if (this.meter.freed) {
      this.meter.freed = false;
      this.hooks.onFreed();
    }
  }
}

function isDelivered(item: object): item is DeliveredRecord<unknown, unknown> | DeliveredBatch<unknown, unknown> {
  return item instanceof DeliveredRecord || item instanceof DeliveredBatch;
}
