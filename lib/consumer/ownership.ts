import {
  AsyncSubject,
  BehaviorSubject,
  concat,
  connectable,
  defer,
  EMPTY,
  finalize,
  merge,
  type Observable,
  Subject,
  Subscription,
  takeUntil,
  timer,
} from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { InvalidStateError } from '../errors';
import type { TopicPartition } from '../types';
import { checkPartition } from './assigned-partitions';
import { byTopic } from './by-topic';
import type { AssignedPartition, Assignment } from './consumer-api';
import type { Membership, MembershipHost } from './group/membership';
import type { Rebalances } from './group/rebalances';
import { takeLeave } from './leave-taking';
import { partitionKey, PartitionState } from './partition-state';
import { subscribedPartitions } from './subscribed-topics';
import type { SubscribedPartition } from './subscribed-topics';
import { nextSubscription, UNSUBSCRIBED } from './subscription-state';
import type { SubscriptionEvent, SubscriptionState } from './subscription-state';

/** How a consumer takes part in a group. */
export interface GroupSetup {
  /** Makes a member that has not joined yet. */
  readonly member: (host: MembershipHost) => Membership;
  readonly rebalances: Rebalances;
  /** How long `waitUntil` of newly assigned partitions may hold them up, and leaving may take. */
  readonly rebalanceTimeoutMs: number;
}

/** What the owner of the partitions needs of its consumer. */
export interface OwnershipOptions {
  readonly cluster: Cluster;
  readonly owner: string;
  readonly drainMs: number;
  /** `undefined` = without a group: subscribed topics are read whole. */
  readonly group: GroupSetup | undefined;
  /** Emits when something may have been settled. */
  readonly settled: Observable<unknown>;
  /** Commits what was acked; completes in bounded time, never errors. */
  readonly commit: () => Observable<never>;
  /** Lets go of what a partition had for delivery. */
  readonly release: (state: PartitionState) => void;
  /** Partitions came or went, or are certain again. */
  readonly changed: () => void;
  /** The topics may not be read, or the group not be joined. */
  readonly fatal: (error: unknown) => void;
}

/** What a mode begins with: a list of partitions by key, or topics. */
type Wish = ReadonlyMap<string, AssignedPartition> | readonly string[] | RegExp;

/** How long the group is told that we go. */
const LEAVE_MS = 1_000;

/** Which partitions a consumer has, by the subscription's state; gives those up that are not wanted any more. */
export class Ownership {
  /** Those that are being given up included. */
  readonly states = new Map<string, PartitionState>();
  readonly #options: OwnershipOptions;
  readonly #assignment = new BehaviorSubject<Assignment>({ ...UNSUBSCRIBED, partitions: [] });
  #steps = new Subscription();
  /** Leave-takings under way, each completing when it is over. */
  readonly #partings = new Set<Observable<never>>();
  #parting = new Subscription();
  /** What was being given up is lost. */
  readonly #losses = new Subject<void>();
  #subscription: SubscriptionState = UNSUBSCRIBED;
  #wish: Wish | undefined;
  #topics = Subscription.EMPTY;
  #membership: Membership | undefined;
  /** Partitions that were there when their topic was first seen. All others came later, also those of which the group tells us first. */
  #old: ReadonlySet<string> = new Set();
  #demanded = false;

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  /** Hot, replays the current value. */
  get assignment(): Observable<Assignment> {
    return this.#assignment.asObservable();
  }

  /** Our membership in the group; `undefined` while there is none to be had: by mode, or because nobody has asked for records. */
  get membership(): Membership | undefined {
    return this.#membership;
  }

  /** Partitions come from the group. */
  get coordinated(): boolean {
    return this.#options.group !== undefined && this.#subscription.mode === 'group';
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

  /** A view is there, so that the topics of a subscription are to be watched, and the group joined, from now on. */
  demand(): void {
    this.#demanded = true;
    if (this.#subscription.mode === 'group' && this.#subscription.phase !== 'clearing' && this.#topics.closed)
      this.#begin();
  }

  /** Nobody wants records: leaves the group until somebody does. */
  idle(): void {
    this.#demanded = false;
    if (this.#subscription.phase === 'clearing') return;
    if (this.#membership === undefined) return this.#topics.unsubscribe();
    this.#subscription = nextSubscription(this.#subscription, 'idle');
    this.#clear();
    this.#publish();
  }

  /**
   * Nothing comes or goes any more; what is there stays until `closed`. Completes once what the application wants to be waited for
   * has ended, `drainMs` later at the latest.
   */
  close(drainMs: number): Observable<never> {
    this.#steps.unsubscribe();
    this.#steps = new Subscription();
    this.#topics.unsubscribe();
    this.#membership?.retire();
    const revoking = this.#membership === undefined ? EMPTY : this.#revoking(this.owned, drainMs);
    this.#subscription = nextSubscription(this.#subscription, 'close');
    this.#publish();
    const { scheduler } = this.#options.cluster.runtime;
    return merge(...this.#partings, revoking).pipe(takeUntil(timer(drainMs, scheduler)));
  }

  /** Tells the application that the rest is gone, which it may take `limitMs` to do something about, and then the group that we go. */
  leaveGroup(limitMs: number): Observable<never> {
    return defer(() => {
      this.#parting.unsubscribe();
      if (this.#membership === undefined) return EMPTY;
      return concat(this.#revoked([...this.states.values()], limitMs), this.#leaveGroup());
    });
  }

  /** Lets go of everything. */
  closed(): void {
    this.#membership?.stop();
    this.#parting.unsubscribe();
    for (const state of [...this.states.values()]) this.#remove(state);
    if (this.#subscription.phase === 'clearing') this.#subscription = nextSubscription(this.#subscription, 'cleared');
    this.#publish();
    this.#assignment.complete();
    this.#options.group?.rebalances.close();
  }

  #change(event: SubscriptionEvent, wish: Wish | undefined): void {
    const before = this.#subscription;
    this.#subscription = nextSubscription(before, event);
    this.#wish = wish;
    if (this.#subscription.phase !== 'clearing') this.#begin();
    else if (before.phase !== 'clearing') this.#clear();
    this.#publish();
  }

  /** The mode that was left gives up everything it had, its membership at last; then the latest wish begins. */
  #clear(): void {
    this.#topics.unsubscribe();
    this.#membership?.retire();
    this.#part(this.owned, this.#options.drainMs);
    const leaving = concat(
      merge(...this.#partings),
      defer(() => this.#leaveGroup()),
    );
    this.#run(leaving, () => {
      this.#subscription = nextSubscription(this.#subscription, 'cleared');
      this.#begin();
      this.#publish();
    });
  }

  #leaveGroup(): Observable<never> {
    const membership = this.#membership;
    this.#membership = undefined;
    return membership?.leave(LEAVE_MS) ?? EMPTY;
  }

  #begin(): void {
    const wish = this.#wish;
    this.#topics.unsubscribe();
    if (wish === undefined) return;
    if (wish instanceof Map) return this.#own(wish);
    if (!this.#demanded) return;
    const { cluster, owner, fatal, group } = this.#options;
    const topics = wish as readonly string[] | RegExp;
    this.#topics = subscribedPartitions(cluster, owner, topics).subscribe({
      next: partitions => {
        if (group !== undefined) return this.#tell(group, topics, partitions);
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
      // What was given up begins where it is told to; what stays does not move.
      if (offset !== undefined && this.states.get(key)?.leaving) this.#remove(this.states.get(key)!);
      const state = this.states.get(key);
      if (state === undefined) this.states.set(key, new PartitionState(topic, partition, offset, until, appearedLater));
      else if (state.leaving) takeBack(state);
      state?.endAt(until);
    }
    this.#part(left, this.#options.drainMs);
    this.#publish();
    this.#options.changed();
  }

  // ── As a member of a group ─────────────────────────────────────────────────────────────────────────────────────

  #tell(group: GroupSetup, topics: readonly string[] | RegExp, partitions: readonly SubscribedPartition[]): void {
    this.#old = new Set(partitions.flatMap(one => (one.appearedLater ? [] : [partitionKey(one)])));
    this.#membership ??= group.member(this.#host(group));
    this.#membership.topics(topics instanceof RegExp ? [...byTopic(partitions).keys()] : topics);
  }

  #host(group: GroupSetup): MembershipHost {
    const owned = () => this.owned;
    return {
      get owned() {
        return owned().map(({ topic, partition }) => ({ topic, partition }));
      },
      assigning: () => {
        this.#subscription = nextSubscription(this.#subscription, 'rejoin');
        this.#publish();
        this.#run(group.rebalances.tell({ type: 'assigning' }, [], 0));
      },
      assigned: partitions => this.#assigned(group, partitions),
      revoke: (partitions, limitMs) =>
        defer(() => {
          const states = partitions.flatMap(one => this.states.get(partitionKey(one)) ?? []);
          return this.#part(states, Math.min(limitMs, this.#options.drainMs));
        }),
      lost: error => this.#lost(group, error),
      certainty: () => this.#options.changed(),
      fatal: error => {
        this.#topics.unsubscribe();
        this.#membership = undefined;
        this.#lost(group, error);
        this.#options.fatal(error);
      },
    };
  }

  #assigned(group: GroupSetup, partitions: readonly TopicPartition[]): void {
    const fresh: PartitionState[] = [];
    for (const one of partitions) {
      const key = partitionKey(one);
      const known = this.states.get(key);
      if (known !== undefined && !known.leaving) continue;
      if (known !== undefined) this.#remove(known);
      const { topic, partition } = one;
      const state = new PartitionState(topic, partition, undefined, undefined, !this.#old.has(key));
      state.held = true;
      this.states.set(key, state);
      fresh.push(state);
    }
    this.#subscription = nextSubscription(this.#subscription, 'joined');
    this.#publish();
    this.#options.changed();
    // What the application restores for new partitions has to be there before their records.
    this.#run(group.rebalances.tell({ type: 'assigned' }, fresh.map(named), group.rebalanceTimeoutMs), () => {
      for (const state of fresh) state.held = false;
      this.#options.changed();
    });
  }

  #lost(group: GroupSetup, error: unknown): void {
    const states = [...this.states.values()];
    for (const state of states) this.#remove(state);
    if (this.#subscription.phase !== 'clearing' && this.#subscription.phase !== 'closed')
      this.#subscription = nextSubscription(this.#subscription, 'rejoin');
    this.#publish();
    if (states.length > 0) this.#run(group.rebalances.tell({ type: 'lost', error }, states.map(named), 0));
    this.#losses.next();
    this.#options.changed();
  }

  // ── The way out, the same for all ──────────────────────────────────────────────────────────────────────────────

  /** Begins to give up, and goes on with it whoever still waits: what the application does about it must not stop half-way. */
  #part(states: readonly PartitionState[], drainMs: number): Observable<never> {
    if (states.length === 0) return EMPTY;
    const over = finalize<never>(() => this.#partings.delete(parting));
    const parting = connectable(this.#giveUp(states, drainMs).pipe(takeUntil(this.#losses), over), {
      connector: () => new AsyncSubject<never>(),
      resetOnDisconnect: false,
    });
    this.#partings.add(parting);
    this.#parting.add(parting.connect());
    return parting;
  }

  #giveUp(states: readonly PartitionState[], drainMs: number): Observable<never> {
    const { cluster, settled, commit, group } = this.#options;
    const { scheduler } = cluster.runtime;
    const deadline = scheduler.now() + (group?.rebalanceTimeoutMs ?? 0);
    const leave = takeLeave(states, {
      runtime: cluster.runtime,
      settled,
      drainMs,
      work: this.#revoking(states, drainMs),
      commit,
      remove: state => this.#remove(state),
    });
    return concat(
      leave,
      defer(() => {
        this.#publish();
        // Others wait for us: all of it together takes no longer than they would.
        return this.#revoked(states, Math.max(0, deadline - scheduler.now()));
      }),
    );
  }

  #revoking(states: readonly PartitionState[], drainMs: number): Observable<never> {
    const { group, cluster } = this.#options;
    if (group === undefined || !this.coordinated || states.length === 0) return EMPTY;
    return defer(() => {
      const deadline = cluster.runtime.scheduler.now() + drainMs;
      const inFlight = states.reduce((sum, { delivery }) => sum + (delivery?.unacked ?? 0), 0);
      return group.rebalances.tell({ type: 'revoking', deadline, inFlight }, states.map(named), drainMs);
    });
  }

  #revoked(states: readonly PartitionState[], limitMs: number): Observable<never> {
    const { group } = this.#options;
    if (group === undefined || !this.coordinated || states.length === 0) return EMPTY;
    const committed = states.flatMap(({ topic, partition, committed: offset }) =>
      offset === undefined ? [] : [{ topic, partition, offset }],
    );
    return group.rebalances.tell({ type: 'revoked', committed }, states.map(named), limitMs);
  }

  #run(steps: Observable<never>, done?: () => void): void {
    this.#steps.add(steps.subscribe(done === undefined ? {} : { complete: done }));
  }

  #remove(state: PartitionState): void {
    this.#options.release(state);
    state.turn++;
    if (this.states.get(state.key) === state) this.states.delete(state.key);
  }

  #publish(): void {
    const { mode, phase } = this.#subscription;
    this.#assignment.next({ mode, phase, partitions: this.owned.map(named) });
  }
}

function named({ topic, partition }: PartitionState): TopicPartition {
  return { topic, partition };
}

function takeBack(state: PartitionState): void {
  state.leave = undefined;
  if (state.delivery !== undefined) state.delivery.paused = state.paused;
}
