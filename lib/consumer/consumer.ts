import {
  BehaviorSubject,
  concat,
  defer,
  EMPTY,
  NEVER,
  of,
  ReplaySubject,
  Subject,
  Subscription,
  switchMap,
  takeUntil,
  throwError,
  timer,
} from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { ClosedError, InvalidStateError } from '../errors';
import type { ConsumerBatch, ConsumerRecord, Position, TopicPartition, TopicPartitionOffset } from '../types';
import { checkAssigned, checkPartition, checkPosition } from './assigned-partitions';
import { Commits } from './commits';
import type { AssignedPartition, Assignment, Consumer, OffsetToCommit, PartitionLag } from './consumer-api';
import { Delivery } from './delivery/delivery';
import type { PartitionDelivery } from './delivery/partition-delivery';
import { Fetcher } from './fetch/fetcher';
import { lagOf } from './lag';
import { takeLeave } from './leave-taking';
import { resolveConsumerOptions } from './options';
import type { ConsumerOptions, ResolvedConsumerOptions } from './options';
import { partitionKey, PartitionState } from './partition-state';
import { subscribedPartitions } from './subscribed-topics';
import { nextSubscription, UNSUBSCRIBED } from './subscription-state';
import type { SubscriptionEvent, SubscriptionState } from './subscription-state';

export type { Assignment, AssignedPartition, Consumer } from './consumer-api';

/** What a new mode begins with. */
type Follow =
  { readonly assign: ReadonlyMap<string, AssignedPartition> } | { readonly topics: readonly string[] | RegExp };

/** A commit on the way out gets this long even where `drainMs` is used up or 0. */
const LAST_COMMIT_MS = 1_000;

/** Makes a consumer; `name` is unique among the owners of connections. Nothing is opened before a view is subscribed. Throws `TypeError` or `RangeError` for bad options. */
export function createConsumer<K, V>(cluster: Cluster, name: string, options: ConsumerOptions = {}): Consumer<K, V> {
  return new PartitionConsumer<K, V>(cluster, name, resolveConsumerOptions(options));
}

class PartitionConsumer<K, V> implements Consumer<K, V> {
  readonly records: Observable<ConsumerRecord<K, V>>;
  readonly batches: Observable<ConsumerBatch<K, V>>;
  readonly assignment: Observable<Assignment>;
  readonly commits: Observable<readonly TopicPartitionOffset[]>;

  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #options: ResolvedConsumerOptions;
  readonly #states = new Map<string, PartitionState>();
  readonly #delivery: Delivery;
  readonly #fetcher: Fetcher;
  readonly #committer: Commits | undefined;
  readonly #assignment: BehaviorSubject<Assignment>;
  /** Something may have been settled: for those who wait until partitions are. */
  readonly #settled = new Subject<void>();
  readonly #closed = new ReplaySubject<{ readonly settled: number; readonly abandoned: number }>(1);
  #subscription: SubscriptionState = UNSUBSCRIBED;
  #follow: Follow | undefined;
  /** Partitions being given up, and the topics being watched. Ends with the consumer. */
  readonly #leaving = new Subscription();
  #topics = Subscription.EMPTY;
  #demanded = false;
  #closing = false;

  constructor(cluster: Cluster, name: string, options: ResolvedConsumerOptions) {
    this.#cluster = cluster;
    this.#name = name;
    this.#options = options;
    const { groupId, commit: schedule } = options;
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
        onDemand: active => this.#onDemand(active),
        onFreed: () => this.#onFreed(),
        onWatermark: () => this.#onWatermark(),
        onRewind: (delivery, offset) => this.#onRewind(delivery, offset),
        onEnded: delivery => this.#onEnded(this.#stateOf(delivery)),
        onCorrupt: (_, error) => fatal(error),
      },
    );
    this.#fetcher = new Fetcher({
      cluster,
      owner: name,
      options,
      states: this.#states,
      place: (state, offset) => this.#place(state, offset),
      relocate: (state, to) => this.#relocate(state, to),
      fatal,
    });
    this.#committer =
      groupId === undefined
        ? undefined
        : new Commits({ cluster, owner: name, groupId, schedule, states: this.#states, fatal });
    this.#assignment = new BehaviorSubject<Assignment>({ ...UNSUBSCRIBED, partitions: [] });
    this.records = this.#delivery.records;
    this.batches = this.#delivery.batches;
    this.assignment = this.#assignment.asObservable();
    this.commits = this.#committer?.commits ?? NEVER.pipe(takeUntil(this.#closed));
  }

  // ── Which partitions ───────────────────────────────────────────────────────────────────────────────────────────

  subscribe(topics: string | readonly string[] | RegExp): this {
    if (this.#options.groupId !== undefined)
      throw new InvalidStateError(
        `subscribe() as a member of group ${this.#options.groupId} is not supported by this version yet; use assign(), which commits for the group too, or leave out groupId`,
      );
    const list = typeof topics === 'string' ? [topics] : topics;
    if (
      !(list instanceof RegExp) &&
      !(Array.isArray(list) && list.every(topic => typeof topic === 'string' && topic !== ''))
    )
      throw new TypeError('subscribe: a topic, a list of topics or a RegExp is expected');
    return this.#change('subscribe', { topics: list instanceof RegExp ? list : [...new Set(list)] });
  }

  assign(partitions: readonly AssignedPartition[]): this {
    return this.#change('assign', { assign: checkAssigned(partitions) });
  }

  unsubscribe(): this {
    return this.#change('unsubscribe', undefined);
  }

  #change(event: SubscriptionEvent, follow: Follow | undefined): this {
    if (this.#closing) throw new ClosedError(`the consumer is closed; ${event}() needs a new one`);
    const before = this.#subscription;
    this.#subscription = nextSubscription(before, event);
    this.#follow = follow;
    if (this.#subscription.phase !== 'clearing') this.#begin();
    else if (before.phase !== 'clearing') this.#clear();
    this.#publish();
    return this;
  }

  /** The mode that was left gives up everything it had; then the latest wish begins. */
  #clear(): void {
    this.#topics.unsubscribe();
    this.#leave([...this.#states.values()], () => {
      this.#subscription = nextSubscription(this.#subscription, 'cleared');
      this.#begin();
      this.#publish();
    });
  }

  #begin(): void {
    const follow = this.#follow;
    if (follow === undefined) return;
    this.#topics.unsubscribe();
    if ('assign' in follow) return this.#own(follow.assign);
    const topics = subscribedPartitions(this.#cluster, this.#name, follow.topics);
    this.#topics = topics.subscribe({
      next: partitions => {
        this.#subscription = nextSubscription(this.#subscription, 'joined');
        this.#own(new Map(partitions.map(one => [partitionKey(one), one])));
      },
      error: (error: unknown) => this.#delivery.fail(error),
    });
  }

  /** Only the difference moves: kept partitions keep their position, pause and what is in flight. */
  #own(wanted: ReadonlyMap<string, AssignedPartition & { readonly appearedLater?: boolean }>): void {
    const left = [...this.#states.values()].filter(state => !wanted.has(state.key) && !state.leaving);
    for (const [key, { topic, partition, offset, until, appearedLater }] of wanted) {
      const state = this.#states.get(key);
      if (state === undefined)
        this.#states.set(key, new PartitionState(topic, partition, offset, until, appearedLater));
      else if (state.leaving) this.#takeBack(state);
    }
    if (left.length > 0) this.#leave(left, () => this.#publish());
    this.#fetcher.watch();
    this.#fetcher.wake();
    this.#publish();
    this.#completeWhenEnded();
  }

  #takeBack(state: PartitionState): void {
    state.leave = undefined;
    if (state.delivery !== undefined) state.delivery.paused = state.paused;
  }

  #leave(states: readonly PartitionState[], done: () => void): void {
    const { drainMs } = this.#options;
    const leaving = takeLeave(states, {
      runtime: this.#cluster.runtime,
      settled: this.#settled,
      drainMs,
      commit: () => this.#lastCommit(Math.max(drainMs, LAST_COMMIT_MS)),
      remove: state => this.#remove(state),
    });
    this.#leaving.add(leaving.subscribe({ complete: done }));
  }

  #remove(state: PartitionState): void {
    if (state.delivery !== undefined) this.#delivery.remove(state.delivery);
    state.turn++;
    if (this.#states.get(state.key) === state) this.#states.delete(state.key);
  }

  #publish(): void {
    const { mode, phase } = this.#subscription;
    const partitions = [...this.#states.values()].flatMap(({ topic, partition, leaving }) =>
      leaving ? [] : [{ topic, partition }],
    );
    if (!this.#assignment.closed) this.#assignment.next({ mode, phase, partitions });
  }

  // ── Where in them ──────────────────────────────────────────────────────────────────────────────────────────────

  get paused(): readonly TopicPartition[] {
    return [...this.#states.values()].flatMap(({ topic, partition, paused, leaving }) =>
      paused && !leaving ? [{ topic, partition }] : [],
    );
  }

  pause(partitions?: readonly TopicPartition[]): void {
    this.#setPaused('pause', partitions, true);
  }

  resume(partitions?: readonly TopicPartition[]): void {
    this.#setPaused('resume', partitions, false);
  }

  #setPaused(call: string, partitions: readonly TopicPartition[] | undefined, paused: boolean): void {
    const states =
      partitions === undefined
        ? [...this.#states.values()].filter(state => !state.leaving)
        : partitions.map(one => this.#owned(call, one));
    for (const state of states) {
      state.paused = paused;
      if (state.delivery !== undefined) state.delivery.paused = paused;
    }
    this.#fetcher.wake();
  }

  seek(partition: TopicPartition, to: Position): void {
    checkPosition('seek: the target', to);
    const state = this.#owned('seek', partition);
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
    const state = this.#states.get(partitionKey(partition));
    if (state === undefined || state.leaving) return undefined;
    return state.delivery?.position ?? (typeof state.start === 'bigint' ? state.start : undefined);
  }

  lag(): Observable<readonly PartitionLag[]> {
    return defer(() =>
      lagOf(
        this.#cluster,
        this.#options.isolation,
        [...this.#states.values()].filter(state => !state.leaving),
      ),
    );
  }

  #owned(call: string, partition: TopicPartition): PartitionState {
    checkPartition(call, partition);
    const state = this.#states.get(partitionKey(partition));
    if (state === undefined || state.leaving)
      throw new InvalidStateError(
        `${call}: ${partition.topic}-${partition.partition} is not assigned to this consumer; assign() it first`,
      );
    return state;
  }

  #stateOf(delivery: PartitionDelivery): PartitionState | undefined {
    const state = this.#states.get(partitionKey(delivery));
    return state?.delivery === delivery ? state : undefined;
  }

  #place(state: PartitionState, offset: bigint): void {
    const { topic, partition, resetFrom: from, delivery } = state;
    if (from !== undefined && delivery !== undefined) {
      this.#cluster.emit({ type: 'offset-reset', partition: { topic, partition }, from, to: offset });
      // Forward, what is queued is still good, and the watermark follows once it is acked. Backward, it is of a log that is gone.
      if (offset > from) delivery.skipTo(offset);
      state.jump(offset);
      if (offset <= from) delivery.reset(offset);
    } else {
      state.delivery = this.#delivery.add(topic, partition, offset, state.end);
      state.delivery.paused = state.paused;
      state.jump(offset);
      state.accounted ??= offset;
    }
    if (state.end !== undefined && offset >= state.end) this.#onEnded(state);
  }

  #relocate(state: PartitionState, to: bigint): void {
    state.jump(to);
    state.ended = state.end !== undefined && to >= state.end;
    state.delivery?.reset(to);
    if (state.ended) this.#completeWhenEnded();
  }

  // ── What the delivery says ─────────────────────────────────────────────────────────────────────────────────────

  #onDemand(active: boolean): void {
    this.#demanded = active;
    if (active && !this.#closing) {
      this.#fetcher.start();
      this.#fetcher.wake();
      this.#completeWhenEnded();
    } else {
      this.#fetcher.stop();
      this.#committer?.soon();
    }
  }

  #onFreed(): void {
    this.#fetcher.wake();
    this.#settled.next();
  }

  #onWatermark(): void {
    this.#committer?.moved();
    this.#fetcher.wake();
    this.#settled.next();
  }

  #onRewind(delivery: PartitionDelivery, offset: bigint): void {
    const state = this.#stateOf(delivery);
    if (state === undefined || state.leaving) return;
    state.jump(offset);
    state.ended = state.end !== undefined && offset >= state.end;
    this.#fetcher.wake();
  }

  #onEnded(state: PartitionState | undefined): void {
    if (state === undefined) return;
    state.ended = true;
    this.#completeWhenEnded();
  }

  /** A replay is a finite stream: the view completes when every partition has reached its `until`. */
  #completeWhenEnded(): void {
    const states = [...this.#states.values()].filter(state => !state.leaving);
    if (this.#demanded && states.length > 0 && states.every(state => state.ended)) this.#delivery.complete();
  }

  // ── Commits and the end ────────────────────────────────────────────────────────────────────────────────────────

  commit(offsets?: readonly OffsetToCommit[]): Observable<readonly TopicPartitionOffset[]> {
    const committer = this.#committer;
    return (
      committer?.commit(offsets) ??
      throwError(
        () => new InvalidStateError('commit: offsets are committed for a group; give kafka.consumer() a groupId'),
      )
    );
  }

  #lastCommit(limitMs: number): Observable<never> {
    const { runtime } = this.#cluster;
    return this.#committer === undefined
      ? EMPTY
      : this.#committer.flush(limitMs).pipe(takeUntil(timer(limitMs, runtime.scheduler)));
  }

  close(
    options: { readonly drainMs?: number } = {},
  ): Observable<{ readonly settled: number; readonly abandoned: number }> {
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
    if (this.#subscription.phase !== 'clearing') this.#subscription = nextSubscription(this.#subscription, 'close');
    this.#leaving.unsubscribe();
    this.#topics.unsubscribe();
    this.#fetcher.stop();
    // First the end of the view, so that operators which hold records back let go of them, then the wait for their acks.
    if (this.#demanded) this.#delivery.complete();
    this.#publish();
    this.#delivery
      .drained(drainMs)
      .pipe(
        switchMap(drained =>
          concat(
            defer(() => this.#lastCommit(Math.max(deadline - scheduler.now(), LAST_COMMIT_MS))),
            of(drained),
          ),
        ),
      )
      .subscribe(drained => this.#release(drained));
  }

  #release(drained: { readonly settled: number; readonly abandoned: number }): void {
    this.#committer?.close();
    for (const state of [...this.#states.values()]) this.#remove(state);
    if (this.#subscription.phase === 'clearing')
      this.#subscription = nextSubscription(nextSubscription(this.#subscription, 'close'), 'cleared');
    this.#delivery.complete();
    this.#cluster.release(this.#name);
    this.#publish();
    this.#assignment.complete();
    this.#closed.next(drained);
    this.#closed.complete();
  }
}
