import { BehaviorSubject, Subscription } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { InvalidStateError } from '../errors';
import type { TopicPartition } from '../types';
import { checkPartition } from './assigned-partitions';
import type { AssignedPartition, Assignment } from './consumer-api';
import { takeLeave } from './leave-taking';
import { partitionKey, PartitionState } from './partition-state';
import { subscribedPartitions } from './subscribed-topics';
import { nextSubscription, UNSUBSCRIBED } from './subscription-state';
import type { SubscriptionEvent, SubscriptionState } from './subscription-state';

/** What the owner of the partitions needs of its consumer. */
export interface OwnershipOptions {
  readonly cluster: Cluster;
  readonly owner: string;
  readonly drainMs: number;
  /** Emits when something may have been settled. */
  readonly settled: Observable<unknown>;
  /** Commits what was acked; completes in bounded time, never errors. */
  readonly commit: () => Observable<never>;
  /** Lets go of what a partition had for delivery. */
  readonly release: (state: PartitionState) => void;
  /** Partitions came or went. */
  readonly changed: () => void;
  /** The topics may not be read. */
  readonly fatal: (error: unknown) => void;
}

/** What a mode begins with: a list of partitions by key, or topics. */
type Wish = ReadonlyMap<string, AssignedPartition> | readonly string[] | RegExp;

/** Which partitions a consumer has, by the subscription's state; gives those up that are not wanted any more. */
export class Ownership {
  /** Those that are being given up included. */
  readonly states = new Map<string, PartitionState>();
  readonly #options: OwnershipOptions;
  readonly #assignment = new BehaviorSubject<Assignment>({ ...UNSUBSCRIBED, partitions: [] });
  readonly #leaving = new Subscription();
  #subscription: SubscriptionState = UNSUBSCRIBED;
  #wish: Wish | undefined;
  #topics = Subscription.EMPTY;
  #demanded = false;

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  /** Hot, replays the current value. */
  get assignment(): Observable<Assignment> {
    return this.#assignment.asObservable();
  }

  /** Those that are ours to stay. */
  get owned(): readonly PartitionState[] {
    return [...this.states.values()].filter(state => !state.leaving);
  }

  /** The state of a partition that is ours to stay; throws `InvalidStateError` otherwise. */
  get(call: string, partition: TopicPartition): PartitionState {
    checkPartition(call, partition);
    const state = this.states.get(partitionKey(partition));
    if (state === undefined || state.leaving)
      throw new InvalidStateError(
        `${call}: ${partition.topic}-${partition.partition} is not assigned to this consumer; assign() it first`,
      );
    return state;
  }

  subscribe(topics: readonly string[] | RegExp): void {
    this.#change('subscribe', topics);
  }

  assign(partitions: ReadonlyMap<string, AssignedPartition>): void {
    this.#change('assign', partitions);
  }

  unsubscribe(): void {
    this.#change('unsubscribe', undefined);
  }

  /** A view is there, so that the topics of a subscription are to be watched from now on. */
  demand(): void {
    this.#demanded = true;
    if (this.#subscription.mode === 'group' && this.#subscription.phase !== 'clearing' && this.#topics.closed)
      this.#begin();
  }

  /** Nothing comes or goes any more; what is there stays until `closed`. */
  close(): void {
    this.#leaving.unsubscribe();
    this.#topics.unsubscribe();
    this.#subscription = nextSubscription(this.#subscription, 'close');
    this.#publish();
  }

  /** Lets go of everything. */
  closed(): void {
    for (const state of [...this.states.values()]) this.#remove(state);
    if (this.#subscription.phase === 'clearing') this.#subscription = nextSubscription(this.#subscription, 'cleared');
    this.#publish();
    this.#assignment.complete();
  }

  #change(event: SubscriptionEvent, wish: Wish | undefined): void {
    const before = this.#subscription;
    this.#subscription = nextSubscription(before, event);
    this.#wish = wish;
    if (this.#subscription.phase !== 'clearing') this.#begin();
    else if (before.phase !== 'clearing') this.#clear();
    this.#publish();
  }

  /** The mode that was left gives up everything it had; then the latest wish begins. */
  #clear(): void {
    this.#topics.unsubscribe();
    this.#leave([...this.states.values()], () => {
      this.#subscription = nextSubscription(this.#subscription, 'cleared');
      this.#begin();
      this.#publish();
    });
  }

  #begin(): void {
    const wish = this.#wish;
    this.#topics.unsubscribe();
    if (wish === undefined) return;
    if (wish instanceof Map) return this.#own(wish);
    if (!this.#demanded) return;
    const { cluster, owner, fatal } = this.#options;
    this.#topics = subscribedPartitions(cluster, owner, wish as readonly string[] | RegExp).subscribe({
      next: partitions => {
        this.#subscription = nextSubscription(this.#subscription, 'joined');
        this.#own(new Map(partitions.map(one => [partitionKey(one), one])));
      },
      error: fatal,
    });
  }

  /** Only the difference moves: kept partitions keep their position, pause and what is in flight. */
  #own(wanted: ReadonlyMap<string, AssignedPartition & { readonly appearedLater?: boolean }>): void {
    const left = this.owned.filter(state => !wanted.has(state.key));
    for (const [key, { topic, partition, offset, until, appearedLater }] of wanted) {
      const state = this.states.get(key);
      if (state === undefined) this.states.set(key, new PartitionState(topic, partition, offset, until, appearedLater));
      else if (state.leaving) takeBack(state);
    }
    if (left.length > 0) this.#leave(left, () => this.#publish());
    this.#publish();
    this.#options.changed();
  }

  #leave(states: readonly PartitionState[], done: () => void): void {
    const { cluster, settled, drainMs, commit } = this.#options;
    const leaving = takeLeave(states, {
      runtime: cluster.runtime,
      settled,
      drainMs,
      commit,
      remove: state => this.#remove(state),
    });
    this.#leaving.add(leaving.subscribe({ complete: done }));
  }

  #remove(state: PartitionState): void {
    this.#options.release(state);
    state.turn++;
    if (this.states.get(state.key) === state) this.states.delete(state.key);
  }

  #publish(): void {
    const { mode, phase } = this.#subscription;
    this.#assignment.next({
      mode,
      phase,
      partitions: this.owned.map(({ topic, partition }) => ({ topic, partition })),
    });
  }
}

function takeBack(state: PartitionState): void {
  state.leave = undefined;
  if (state.delivery !== undefined) state.delivery.paused = state.paused;
}
