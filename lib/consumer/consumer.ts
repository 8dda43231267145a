import {
  concat,
  defer,
  EMPTY,
  merge,
  NEVER,
  of,
  ReplaySubject,
  Subject,
  Subscription,
  switchMap,
  takeLast,
  takeUntil,
  throwError,
  timer,
} from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { ClosedError, InvalidStateError, StalledError } from '../errors';
import { checkClose } from '../options';
import type {
  ConsumerBatch,
  ConsumerRecord,
  Position,
  RebalanceEvent,
  TopicPartition,
  TopicPartitionOffset,
} from '../types';
import { checkAssigned, checkPosition, checkTopics } from './assigned-partitions';
import { Commits } from './commits';
import type { AssignedPartition, Assignment, Consumer, OffsetToCommit, PartitionLag } from './consumer-api';
import { Delivery } from './delivery/delivery';
import type { PartitionDelivery } from './delivery/partition-delivery';
import { Fetcher } from './fetch/fetcher';
import { groupSetup } from './group/group-setup';
import { lagOf } from './lag';
import { resolveConsumerOptions } from './options';
import type { ConsumerOptions, ResolvedConsumerOptions } from './options';
import { Ownership } from './ownership';
import { partitionKey } from './partition-state';
import type { PartitionState } from './partition-state';
import { StallLimit } from './stall-limit';

/** What a closed consumer had in flight: settled in time, or abandoned and to be delivered again. */
type Drained = { readonly settled: number; readonly abandoned: number };

/** A commit on the way out, and what is done about it, gets this long even where `drainMs` is used up or 0. */
const LAST_COMMIT_MS = 1_000;

/**
 * Makes a consumer; `name` is unique among the owners of connections. Nothing is opened before a view is subscribed.
 * Throws `TypeError` or `RangeError` for bad options.
 */
export function createConsumer<K, V>(cluster: Cluster, name: string, options: ConsumerOptions = {}): Consumer<K, V> {
  return new PartitionConsumer<K, V>(cluster, name, resolveConsumerOptions(options));
}

/** Wires ownership (which partitions), fetcher (where they come from), delivery (where they go) and commits. */
class PartitionConsumer<K, V> implements Consumer<K, V> {
  readonly records: Observable<ConsumerRecord<K, V>>;
  readonly batches: Observable<ConsumerBatch<K, V>>;
  readonly assignment: Observable<Assignment>;
  readonly commits: Observable<readonly TopicPartitionOffset[]>;
  readonly rebalances: Observable<RebalanceEvent>;

  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #options: ResolvedConsumerOptions;
  readonly #ownership: Ownership;
  readonly #delivery: Delivery;
  readonly #fetcher: Fetcher;
  readonly #committer: Commits | undefined;
  readonly #stallLimit: StallLimit;
  /** Something may have been settled: for those who wait until partitions are. */
  readonly #settled = new Subject<void>();
  readonly #closed = new ReplaySubject<Drained>(1);
  #demanded = false;
  /** Leaves the group if no view comes. */
  #idle = Subscription.EMPTY;
  /** Every partition is at its end; the view completes once that is final. */
  #endIsDue = false;
  #closing = false;

  constructor(cluster: Cluster, name: string, options: ResolvedConsumerOptions) {
    this.#cluster = cluster;
    this.#name = name;
    this.#options = options;
    const { groupId, commit: schedule, drainMs } = options;
    const fatal = (error: unknown) => this.#delivery.fail(error);
    this.#delivery = new Delivery(
      {
        runtime: cluster.runtime,
        ack: options.ack,
        window: options.window,
        retryBackoffMs: cluster.options.retryBackoffMs,
        key: options.key,
        value: options.value,
        maxInflatedBytes: cluster.options.maxResponseBytes,
        stallWarnMs: options.stall.warnMs,
        emit: cluster.emit,
      },
      {
        mayDeliver: () => this.#ownership.membership?.certain ?? true,
        onDemand: active => this.#onDemand(active),
        onFreed: () => this.#onFreed(),
        onWatermark: () => this.#onWatermark(),
        onRewind: (delivery, offset) => this.#onRewind(delivery, offset),
        onEnded: delivery => this.#onEnded(this.#stateOf(delivery)),
        onCorrupt: (delivery, error) => this.#fetcher.corrupt(this.#stateOf(delivery), error),
      },
    );
    const group = groupSetup(cluster, name, options, fatal);
    this.#ownership = new Ownership({
      group,
      cluster,
      owner: name,
      drainMs,
      settled: this.#settled,
      commit: () => this.#lastCommit(Math.max(drainMs, LAST_COMMIT_MS)),
      release: ({ delivery }) => delivery && this.#delivery.remove(delivery),
      changed: () => this.#onOwned(),
      fatal,
    });
    const { states } = this.#ownership;
    this.#fetcher = new Fetcher({
      ...{ cluster, owner: name, options, states, fatal },
      identity: () => this.#ownership.membership?.identity,
      place: (state, offset) => this.#place(state, offset),
      truncate: (state, end) => this.#truncate(state, end),
    });
    this.#committer =
      groupId === undefined
        ? undefined
        : new Commits({
            ...{ cluster, owner: name, groupId, schedule, states, fatal },
            member: () => (this.#ownership.coordinated ? (this.#ownership.membership ?? 'gone') : undefined),
          });
    this.#stallLimit = new StallLimit({
      runtime: cluster.runtime,
      limitMs: options.stall.errorMs,
      unacked: () => (this.#ownership.coordinated ? this.#delivery.unacked : 0),
      settles: () => this.#delivery.settles,
      stalled: forMs => this.#onStalled(forMs),
    });
    this.records = this.#delivery.records;
    this.batches = this.#delivery.batches;
    this.assignment = this.#ownership.assignment;
    this.rebalances = group?.rebalances.events ?? NEVER.pipe(takeUntil(this.#closed));
    this.commits = this.#committer?.commits ?? NEVER.pipe(takeUntil(this.#closed));
  }

  // ── Which partitions ───────────────────────────────────────────────────────────────────────────────────────────

  subscribe(topics: string | readonly string[] | RegExp): this {
    this.#mustBeOpen('subscribe');
    this.#ownership.subscribe(checkTopics(topics));
    return this;
  }

  assign(partitions: readonly AssignedPartition[]): this {
    this.#mustBeOpen('assign');
    this.#ownership.assign(checkAssigned(partitions));
    return this;
  }

  unsubscribe(): this {
    if (!this.#closing) this.#ownership.unsubscribe();
    return this;
  }

  #mustBeOpen(call: string): void {
    if (this.#closing) throw new ClosedError(`the consumer is closed; ${call}() needs a new one`);
  }

  #onOwned(): void {
    this.#fetcher.watch();
    this.#fetcher.wake();
    this.#delivery.wake();
    this.#committer?.resume();
    this.#completeWhenEnded();
  }

  // ── Where in them ──────────────────────────────────────────────────────────────────────────────────────────────

  get paused(): readonly TopicPartition[] {
    return this.#ownership.owned.flatMap(({ topic, partition, paused }) => (paused ? [{ topic, partition }] : []));
  }

  pause(partitions?: readonly TopicPartition[]): void {
    this.#setPaused('pause', partitions, true);
  }

  resume(partitions?: readonly TopicPartition[]): void {
    this.#setPaused('resume', partitions, false);
  }

  #setPaused(call: string, partitions: readonly TopicPartition[] | undefined, paused: boolean): void {
    const states = partitions?.map(one => this.#ownership.get(call, one)) ?? this.#ownership.owned;
    for (const state of states) {
      state.paused = paused;
      if (state.delivery !== undefined) state.delivery.paused = paused;
    }
    this.#fetcher.wake();
  }

  seek(partition: TopicPartition, to: Position): void {
    this.#mustBeOpen('seek');
    checkPosition('seek: the target', to);
    const state = this.#ownership.get('seek', partition);
    const { delivery } = state;
    if (typeof to === 'bigint' && delivery !== undefined) {
      this.#relocate(state, to);
    } else {
      if (delivery !== undefined) this.#delivery.remove(delivery);
      state.displace(to);
    }
    this.#fetcher.wake();
  }

  position(partition: TopicPartition): bigint | undefined {
    const state = this.#ownership.states.get(partitionKey(partition));
    if (state === undefined || state.leaving) return undefined;
    return state.delivery?.position ?? (typeof state.start === 'bigint' ? state.start : undefined);
  }

  lag(): Observable<readonly PartitionLag[]> {
    return lagOf(this.#cluster, this.#options.isolation, () => this.#ownership.owned);
  }

  #stateOf(delivery: PartitionDelivery): PartitionState | undefined {
    const state = this.#ownership.states.get(partitionKey(delivery));
    return state?.delivery === delivery ? state : undefined;
  }

  #place(state: PartitionState, offset: bigint): void {
    const { topic, partition, resetFrom: from, delivery } = state;
    if (from !== undefined && delivery !== undefined) {
      this.#cluster.emit({ type: 'offset-reset', partition: { topic, partition }, from, to: offset });
      state.moveTo(offset);
      delivery.log.endAt(state.end);
      // Forward, what is queued is still good, and the watermark follows once it is acked. Backward, it is of a log that is
      // gone; and so it is further forward than offsets are counted in one go.
      if (offset > from && offset - from <= BigInt(Number.MAX_SAFE_INTEGER)) delivery.skipTo(offset);
      else delivery.reset(offset);
    } else if (delivery !== undefined) {
      delivery.endAt(state.end);
    } else {
      state.delivery = this.#delivery.add(topic, partition, offset, state.end);
      state.delivery.paused = state.paused;
      state.moveTo(offset);
      state.accounted ??= offset;
      if (state.end !== undefined && offset >= state.end) this.#onEnded(state);
    }
  }

  #relocate(state: PartitionState, to: bigint): void {
    state.moveTo(to);
    state.ended = state.end !== undefined && to >= state.end;
    state.delivery?.reset(to);
    if (state.ended) this.#completeWhenEnded();
  }

  #truncate(state: PartitionState, end: bigint): void {
    const { delivery } = state;
    delivery?.truncate(end);
    state.jump(delivery?.position ?? end);
    state.ended = state.end !== undefined && state.offset >= state.end;
  }

  // ── What the delivery says ─────────────────────────────────────────────────────────────────────────────────────

  #onDemand(active: boolean): void {
    this.#demanded = active;
    this.#idle.unsubscribe();
    if (active && this.#closing) {
      this.#delivery.complete();
    } else if (active) {
      this.#fetcher.start();
      if (this.#options.groupId !== undefined) this.#stallLimit.start();
      this.#ownership.demand();
      this.#fetcher.wake();
      this.#completeWhenEnded();
    } else {
      this.#fetcher.stop();
      this.#stallLimit.stop();
      this.#committer?.soon();
      // Nothing is in flight any more: whoever waits for that has waited long enough.
      this.#settled.next();
      if (!this.#closing && this.#ownership.coordinated)
        this.#idle = this.#cluster.runtime.scheduler.schedule(() => this.#ownership.idle(), this.#options.idleLeaveMs);
    }
  }

  /** Somebody alive shall have our partitions. */
  #onStalled(forMs: number): void {
    const { groupId } = this.#options;
    const error = new StalledError(
      `group ${groupId}: ${this.#delivery.unacked} records are un-acked and none was settled for ${forMs} ms, so this consumer has left the group; ` +
        'let handle() ack them when their work completes, or raise stall.errorMs above the longest that a record takes',
    );
    // In this order: whoever listens again as soon as the view errors is to join again.
    this.#ownership.idle();
    this.#delivery.fail(error);
  }

  #onFreed(): void {
    this.#fetcher.wake();
    this.#settled.next();
  }

  #onWatermark(): void {
    this.#committer?.moved();
    this.#fetcher.wake();
    this.#settled.next();
    if (this.#endIsDue) this.#completeWhenEnded();
  }

  #onRewind(delivery: PartitionDelivery, offset: bigint): void {
    const state = this.#stateOf(delivery);
    if (state === undefined) return;
    // Also on its way out, where nothing is fetched: its queue is empty, and it may be taken back.
    state.jump(offset);
    state.ended = state.end !== undefined && offset >= state.end;
    this.#fetcher.wake();
  }

  #onEnded(state: PartitionState | undefined): void {
    if (state === undefined || state.lacksEnd) return;
    state.ended = true;
    this.#completeWhenEnded();
  }

  /**
   * A replay is a finite stream: the view completes when every partition has reached its `until`, nothing is to come again,
   * and operators that took the records over are done with them. Others may wait for the end before they settle.
   */
  #completeWhenEnded(): void {
    if (!this.#demanded) return;
    this.#endIsDue = this.#atEnd();
    if (!this.#endIsDue) return;
    if (this.#ownership.owned.some(({ delivery }) => delivery !== undefined && this.#delivery.isAtWork(delivery)))
      return;
    this.#delivery.complete(this.#atEnd);
  }

  readonly #atEnd = (): boolean =>
    this.#ownership.owned.length > 0 && this.#ownership.owned.every(state => state.ended);

  // ── Commits and the end ────────────────────────────────────────────────────────────────────────────────────────

  commit(offsets?: readonly OffsetToCommit[]): Observable<readonly TopicPartitionOffset[]> {
    if (this.#committer !== undefined) return this.#committer.commit(offsets);
    return throwError(
      () => new InvalidStateError('commit: offsets are committed for a group; give kafka.consumer() a groupId'),
    );
  }

  #lastCommit(limitMs: number): Observable<never> {
    const limit = timer(limitMs, this.#cluster.runtime.scheduler);
    return this.#committer?.flush(limitMs).pipe(takeUntil(limit)) ?? EMPTY;
  }

  close(options: { readonly drainMs?: number } = {}): Observable<Drained> {
    checkClose(options);
    return defer(() => {
      this.#close(options.drainMs ?? this.#options.drainMs);
      return this.#closed;
    });
  }

  #close(drainMs: number): void {
    if (this.#closing) return;
    this.#closing = true;
    const { scheduler } = this.#cluster.runtime;
    const deadline = scheduler.now() + drainMs;
    const restMs = () => Math.max(deadline - scheduler.now(), LAST_COMMIT_MS);
    const commit = defer(() => this.#lastCommit(restMs()));
    const leave = defer(() => this.#ownership.leaveGroup(restMs()));
    this.#idle.unsubscribe();
    const parting = this.#ownership.close(drainMs);
    this.#fetcher.stop();
    // First the end of the view, so that operators which hold records back let go of them, then the wait for their acks.
    this.#delivery.complete();
    merge(this.#delivery.drained(drainMs), parting)
      .pipe(
        takeLast(1),
        switchMap(drained => concat(commit, leave, of(drained))),
      )
      .subscribe(drained => this.#release(drained));
  }

  #release(drained: Drained): void {
    this.#committer?.close();
    this.#ownership.closed();
    this.#cluster.release(this.#name);
    this.#settled.complete();
    this.#closed.next(drained);
    this.#closed.complete();
  }
}
