import { catchError, defer, EMPTY, finalize, ignoreElements, map, merge, Subscription } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../../cluster/cluster';
import { retryPauseMs } from '../../cluster/retry';
import { BrokerError } from '../../errors';
import type { RequestOf, ResponseOf } from '../../protocol/api';
import { ConsumerGroupHeartbeat } from '../../protocol/apis/consumer-group-heartbeat';
import { codeOf } from '../../protocol/error-table';
import type { Runtime, TopicPartition } from '../../types';
import { byTopic } from '../by-topic';
import { partitionKey } from '../partition-state';
import { asGroupError, groupReaction } from './group-errors';
import { Heartbeats } from './heartbeats';
import { sameNames } from './membership';
import type { GroupIdentity, Membership, MembershipHost } from './membership';

/** What a member of a group of the newer protocol is made of. */
export interface ConsumerMembershipOptions {
  readonly cluster: Cluster;
  /** Whose connections to use. */
  readonly owner: string;
  readonly groupId: string;
  readonly groupInstanceId: string | null;
  /** For how long we trust in our partitions without an answer; the broker has a mind of its own. */
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

type Beat = Partial<RequestOf<typeof ConsumerGroupHeartbeat>>;
type Answer = ResponseOf<typeof ConsumerGroupHeartbeat>;
type ByTopicId = readonly { readonly topicId: string; readonly partitions: readonly number[] }[];

const NOT_FOUND = codeOf('GROUP_ID_NOT_FOUND');
const JOINING = 0;
const LEAVING = -1;
/** A static member that goes keeps its partitions for a session. */
const LEAVING_FOR_A_WHILE = -2;
/** A broker gives a member up after nine of its heartbeats, as both are set by default. */
const BEATS_PER_SESSION = 9;

/**
 * Membership by the newer protocol (KIP-848): one heartbeat carries it all. The broker tells what we are to have; we give up what is not in
 * it, take the rest, and tell what we have, whereupon others may take what we gave up. Kept partitions never stop.
 */
export class ConsumerMembership implements Membership {
  readonly #options: ConsumerMembershipOptions;
  readonly #host: MembershipHost;
  readonly #heartbeats: Heartbeats;
  readonly #memberId: string;
  #topics: readonly string[] | undefined;
  #epoch = JOINING;
  /** What the broker wants us to have; `undefined` = it has not said. */
  #target: ByTopicId | undefined;
  #step = Subscription.EMPTY;
  /** What is being given up, and is not free before the broker has heard that we are through with it. */
  #giving: readonly TopicPartition[] = [];
  /** The target changed while a step was under way. */
  #moreToDo = false;
  /** The broker may not know all of us: everything is told again. */
  #tellAll = true;
  /** What of the rest is to be told. */
  #tellTopics = false;
  #tellOwned = false;
  /** The broker may count us in. */
  #isTold = false;
  /** Since when another has our place. */
  #waitsSince: number | undefined;
  #failures = 0;
  #pause = Subscription.EMPTY;
  #newTopics = Subscription.EMPTY;
  #retired = false;

  constructor(options: ConsumerMembershipOptions, host: MembershipHost) {
    this.#options = options;
    this.#host = host;
    this.#memberId = newMemberId(options.cluster.runtime);
    this.#heartbeats = new Heartbeats({
      runtime: options.cluster.runtime,
      send: () => this.#heartbeat(),
      failed: error => this.#react(error),
      certainty: () => host.certainty(),
    });
  }

  get identity(): GroupIdentity | undefined {
    if (this.#epoch <= JOINING) return undefined;
    const { groupInstanceId } = this.#options;
    return { memberId: this.#memberId, groupInstanceId, epoch: this.#epoch, protocol: 'consumer' };
  }

  get certain(): boolean {
    return this.#heartbeats.certain;
  }

  topics(topics: readonly string[]): void {
    const before = this.#topics;
    this.#topics = topics;
    if (this.#retired || (before !== undefined && sameNames(before, topics))) return;
    this.#tellTopics = true;
    if (before === undefined) this.#join();
    else this.#heartbeats.now();
  }

  doubt(error: BrokerError, identity: GroupIdentity): void {
    if (identity.epoch === this.#epoch) this.#react(error);
  }

  retire(): void {
    this.#retired = true;
    for (const one of [this.#step, this.#pause, this.#newTopics]) one.unsubscribe();
  }

  leave(limitMs: number): Observable<never> {
    return defer(() => {
      // Also while the answer to our joining is under way, or lost.
      const isTold = this.#isTold;
      this.stop();
      if (!isTold) return EMPTY;
      const memberEpoch = this.#options.groupInstanceId === null ? LEAVING : LEAVING_FOR_A_WHILE;
      return this.#send(() => ({ memberEpoch }), limitMs).pipe(
        ignoreElements(),
        // The session runs out by itself.
        catchError(() => EMPTY),
      );
    }).pipe(finalize(() => this.stop()));
  }

  stop(): void {
    this.retire();
    this.#heartbeats.stop();
    this.#epoch = JOINING;
    this.#isTold = false;
  }

  // ── Heartbeats ─────────────────────────────────────────────────────────────────────────────────────────────────

  #join(): void {
    this.#epoch = JOINING;
    this.#target = undefined;
    this.#tellAll = true;
    // The broker tells the interval with its first answer.
    this.#heartbeats.start(this.#options.cluster.options.retryBackoffMaxMs);
    this.#heartbeats.now();
  }

  #heartbeat(): Observable<never> {
    const { rebalanceTimeoutMs, cluster, sessionTimeoutMs } = this.#options;
    let all = this.#tellAll;
    const topics = this.#tellTopics;
    const owned = this.#tellOwned;
    this.#tellAll = this.#tellTopics = this.#tellOwned = false;
    this.#isTold = true;
    const beat = (): Beat & { readonly memberEpoch: number } => {
      const told = {
        memberEpoch: this.#epoch,
        ...(all || topics ? { subscribedTopicNames: [...this.#topics!].sort() } : {}),
        ...(all || owned ? { topicPartitions: this.#byTopicId([...this.#host.owned, ...this.#giving]) } : {}),
        ...(all ? { rebalanceTimeoutMs, rackId: cluster.options.rack ?? null } : {}),
      };
      // An answer that was lost may have moved us on to another epoch: whoever still is in the one before has to say what it owns, or is fenced.
      all = true;
      return told;
    };
    return this.#send(beat, sessionTimeoutMs).pipe(
      map(answer => this.#answered(answer)),
      ignoreElements(),
    );
  }

  #send(beat: () => Beat & { readonly memberEpoch: number }, timeoutMs: number): Observable<Answer> {
    const { cluster, owner, groupId, groupInstanceId } = this.#options;
    return cluster.request(
      ConsumerGroupHeartbeat,
      () => ({ groupId, memberId: this.#memberId, instanceId: groupInstanceId, ...beat() }),
      { route: { group: groupId }, owner, purpose: 'group', timeoutMs },
    );
  }

  #answered({ memberEpoch, heartbeatIntervalMs, assignment }: Answer): void {
    this.#failures = 0;
    this.#waitsSince = undefined;
    this.#epoch = memberEpoch;
    this.#heartbeats.start(heartbeatIntervalMs);
    this.#heartbeats.heard(Math.min(this.#options.sessionTimeoutMs, BEATS_PER_SESSION * heartbeatIntervalMs));
    if (!this.#newTopics.closed) this.#options.cluster.refresh();
    if (assignment === null || this.#retired) return;
    this.#target = assignment.topicPartitions;
    this.#reconcile();
  }

  #react(error: unknown): void {
    switch (groupReaction(error)) {
      case 'retry':
      case 'rejoin':
        // What it told may have been lost with it.
        this.#tellAll = true;
        return this.#tellRetry(1, this.#heartbeats.intervalMs, error);
      case 'wait': {
        const { cluster, sessionTimeoutMs } = this.#options;
        const now = cluster.runtime.scheduler.now();
        this.#waitsSince ??= now;
        this.#tellAll = true;
        if (now - this.#waitsSince >= sessionTimeoutMs) return this.#fail(error);
        return this.#tellRetry(1, this.#heartbeats.intervalMs, error);
      }
      case 'stale':
        // Not even to be joined: it is a group of the other protocol.
        if (this.#epoch === JOINING && error instanceof BrokerError && error.code === NOT_FOUND)
          return this.#fail(error);
        return this.#lose(error);
      case 'unknown':
        this.#isTold = false;
        return this.#lose(error);
      case 'fatal':
        return this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const { groupId, groupInstanceId } = this.#options;
    this.stop();
    this.#host.fatal(asGroupError(error, groupId, groupInstanceId));
  }

  #lose(error: unknown): void {
    const { cluster } = this.#options;
    for (const one of [this.#step, this.#newTopics]) one.unsubscribe();
    this.#heartbeats.stop();
    this.#epoch = JOINING;
    this.#giving = [];
    this.#host.lost(error);
    if (this.#retired) return;
    const delayMs = this.#failures++ === 0 ? 0 : retryPauseMs(cluster, this.#failures - 1);
    if (delayMs > 0) this.#tellRetry(this.#failures, delayMs, error);
    this.#pause = cluster.runtime.scheduler.schedule(() => this.#join(), delayMs);
  }

  #tellRetry(attempt: number, delayMs: number, error: unknown): void {
    this.#options.cluster.emit({ type: 'retry', api: ConsumerGroupHeartbeat.name, attempt, delayMs, error });
  }

  // ── Towards the target ─────────────────────────────────────────────────────────────────────────────────────────

  #reconcile(): void {
    if (this.#retired || this.#target === undefined) return;
    if (!this.#step.closed) {
      this.#moreToDo = true;
      return;
    }
    this.#moreToDo = false;
    const { names, unknown } = this.#named(this.#target);
    if (unknown) this.#awaitTopics();
    const wanted = new Set(names.map(partitionKey));
    const { owned } = this.#host;
    const has = new Set(owned.map(partitionKey));
    const moved = owned.filter(one => !wanted.has(partitionKey(one)));
    const fresh = names.filter(one => !has.has(partitionKey(one)));
    const settled = this.#epoch > JOINING && moved.length === 0 && fresh.length === 0;
    if (!settled) this.#host.assigning();
    const step = new Subscription();
    this.#step = step;
    const take = defer(() => {
      this.#host.assigned(names);
      return EMPTY;
    });
    this.#giving = moved;
    const give = moved.length === 0 ? EMPTY : this.#host.revoke(moved, this.#options.rebalanceTimeoutMs);
    step.add(
      merge(give, take).subscribe({
        complete: () => {
          step.unsubscribe();
          this.#giving = [];
          if (!settled) {
            this.#tellOwned = true;
            this.#heartbeats.now();
          }
          if (this.#moreToDo) this.#reconcile();
        },
      }),
    );
  }

  /** The broker may know topics that we do not know yet. */
  #awaitTopics(): void {
    const { cluster } = this.#options;
    cluster.refresh();
    if (!this.#newTopics.closed) return;
    this.#newTopics = cluster.snapshots.subscribe(() => {
      if (this.#target === undefined || this.#named(this.#target).unknown) return;
      this.#newTopics.unsubscribe();
      this.#reconcile();
    });
  }

  #named(target: ByTopicId): { readonly names: readonly TopicPartition[]; readonly unknown: boolean } {
    const byId = new Map<string, string>();
    for (const { name, topicId } of this.#options.cluster.metadata.topics.values()) byId.set(topicId, name);
    const names = target.flatMap(({ topicId, partitions }) => {
      const topic = byId.get(topicId);
      return topic === undefined ? [] : partitions.map(partition => ({ topic, partition }));
    });
    return { names, unknown: target.some(({ topicId }) => !byId.has(topicId)) };
  }

  #byTopicId(owned: readonly TopicPartition[]): { topicId: string; partitions: number[] }[] {
    const { topics } = this.#options.cluster.metadata;
    return [...byTopic(owned)].flatMap(([topic, partitions]) => {
      const topicId = topics.get(topic)?.topicId;
      return topicId === undefined ? [] : [{ topicId, partitions }];
    });
  }
}

/** A random UUID, in the form that Kafka gives to ids. */
function newMemberId({ random }: Runtime): string {
  return Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString('base64url');
}
