import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  finalize,
  ignoreElements,
  map,
  merge,
  Subscription,
  switchMap,
  of,
  timer,
} from 'rxjs';
import type { Observable } from 'rxjs';
import type { Call, Cluster } from '../../cluster/cluster';
import type { MetadataSnapshot } from '../../cluster/metadata';
import { retryPauseMs } from '../../cluster/retry';
import { BrokerError } from '../../errors';
import type { AnyApi, RequestOf, ResponseOf } from '../../protocol/api';
import { Heartbeat } from '../../protocol/apis/heartbeat';
import { JoinGroup } from '../../protocol/apis/join-group';
import { LeaveGroup } from '../../protocol/apis/leave-group';
import { SyncGroup } from '../../protocol/apis/sync-group';
import { codeOf } from '../../protocol/error-table';
import type { TopicPartition } from '../../types';
import { partitionKey } from '../partition-state';
import type { GroupAssignor } from './assignors/assignor';
import type { StickyClaim } from './assignors/sticky-user-data';
import { asGroupError, groupReaction } from './group-errors';
import { Heartbeats } from './heartbeats';
import { assignmentOf, partitionCounts, subscriptionOf, topicsOf, assignmentsFor } from './leader';
import { sameNames } from './membership';
import type { GroupIdentity, Membership, MembershipHost } from './membership';

/** What a member of a classic group is made of. */
export interface ClassicMembershipOptions {
  readonly cluster: Cluster;
  /** Whose connections to use. */
  readonly owner: string;
  readonly groupId: string;
  readonly groupInstanceId: string | null;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  /** In the order of preference. */
  readonly assignors: readonly GroupAssignor[];
}

type Joined = ResponseOf<typeof JoinGroup>;

/** The coordinator wants to give us an id before it counts us in (KIP-394): an answer, not an error. */
const MEMBER_ID_REQUIRED = codeOf('MEMBER_ID_REQUIRED');
const ANSWERS: ReadonlySet<number> = new Set([MEMBER_ID_REQUIRED]);
const ILLEGAL_GENERATION = codeOf('ILLEGAL_GENERATION');
const PROTOCOL_TYPE = 'consumer';

/**
 * Membership by the classic protocol: JoinGroup and SyncGroup in rounds, on a connection of their own since both may be held for as long as
 * a rebalance takes; heartbeats in between. Cooperative when all assignors are (KIP-429): then a round takes away only what moves.
 *
 * One round at a time. Whatever asks for one meanwhile gets another behind it.
 */
export class ClassicMembership implements Membership {
  readonly #options: ClassicMembershipOptions;
  readonly #host: MembershipHost;
  readonly #cooperative: boolean;
  readonly #heartbeats: Heartbeats;
  #topics: readonly string[] | undefined;
  #memberId = '';
  /** -1 = of none. */
  #generation = -1;
  /** What the last round gave us; a round that failed since has a generation and gave nothing. */
  #last: StickyClaim = { owned: [], generation: -1 };
  /** The generation has its assignment: commits are taken. */
  #stable = false;
  #round = Subscription.EMPTY;
  /** Why another round is due behind the one under way. */
  #again: string | undefined;
  /** Rounds in a row that came to nothing. */
  #failures = 0;
  /** As the leader: the look-out for partitions that were not there when the assignment was made. */
  #lookOut = Subscription.EMPTY;
  #retired = false;

  constructor(options: ClassicMembershipOptions, host: MembershipHost) {
    this.#options = options;
    this.#host = host;
    this.#cooperative = options.assignors.every(({ protocol }) => protocol === 'cooperative');
    this.#heartbeats = new Heartbeats({
      runtime: options.cluster.runtime,
      send: () => this.#heartbeat(),
      failed: error => this.#react(error),
      certainty: () => host.certainty(),
    });
  }

  get identity(): GroupIdentity | undefined {
    if (!this.#stable) return undefined;
    const { groupInstanceId } = this.#options;
    return { memberId: this.#memberId, groupInstanceId, epoch: this.#generation, protocol: 'classic' };
  }

  get certain(): boolean {
    return this.#heartbeats.certain;
  }

  topics(topics: readonly string[]): void {
    const before = this.#topics;
    this.#topics = topics;
    if (before === undefined) this.#rejoin('a new member');
    else if (!sameNames(before, topics)) this.#rejoin('the subscription changed');
  }

  doubt(error: BrokerError, identity: GroupIdentity): void {
    // Refused as somebody that we are no longer: a round has passed, or is on.
    if (this.#stable && identity.epoch === this.#generation && this.#round.closed) this.#react(error);
  }

  retire(): void {
    this.#retired = true;
    this.#round.unsubscribe();
    this.#lookOut.unsubscribe();
  }

  leave(limitMs: number): Observable<never> {
    return defer(() => {
      // No heartbeat behind it: the answer to that would be that nobody knows us.
      this.stop();
      const { groupInstanceId } = this.#options;
      // A static member keeps its place: it is to find it again within the session.
      if (this.#memberId === '' || groupInstanceId !== null) return EMPTY;
      const memberId = this.#memberId;
      return this.#request(
        LeaveGroup,
        version =>
          version < 3
            ? { groupId: this.#options.groupId, memberId, members: [] }
            : { groupId: this.#options.groupId, memberId: '', members: [{ memberId, groupInstanceId: null }] },
        { purpose: 'group', timeoutMs: limitMs },
      ).pipe(
        ignoreElements(),
        // The session runs out by itself.
        catchError(() => EMPTY),
      );
    }).pipe(finalize(() => this.stop()));
  }

  stop(): void {
    this.retire();
    this.#heartbeats.stop();
    this.#generation = -1;
    this.#stable = false;
  }

  // ── Rounds ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #rejoin(reason: string): void {
    if (this.#retired) return;
    if (this.#round.closed) this.#begin(reason, 0);
    else this.#again = reason;
  }

  #begin(reason: string, delayMs: number): void {
    const { scheduler } = this.#options.cluster.runtime;
    const round = new Subscription();
    this.#round = round;
    this.#again = undefined;
    const pause = delayMs === 0 ? EMPTY : timer(delayMs, scheduler).pipe(ignoreElements());
    const steps = concat(
      pause,
      defer(() => this.#prepare()),
      defer(() => this.#join(reason)).pipe(
        concatMap(joined => this.#sync(joined)),
        concatMap(assigned => this.#apply(assigned)),
      ),
    );
    round.add(
      steps.subscribe({
        complete: () => {
          round.unsubscribe();
          if (this.#again !== undefined) this.#rejoin(this.#again);
        },
        error: (error: unknown) => {
          round.unsubscribe();
          this.#failures++;
          this.#roundFailed(error);
        },
      }),
    );
  }

  /** What nobody may have any more when the others are told: everything in eager rounds, else what is not subscribed to. */
  #prepare(): Observable<never> {
    const { owned } = this.#host;
    const names = new Set(this.#topics);
    const given = this.#cooperative ? owned.filter(({ topic }) => !names.has(topic)) : owned;
    return given.length === 0 ? EMPTY : this.#host.revoke(given, this.#options.rebalanceTimeoutMs);
  }

  #join(reason: string): Observable<Joined> {
    const { assignors, groupId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, cluster } = this.#options;
    const { owned } = this.#host;
    this.#host.assigning();
    this.#stable = false;
    // Whatever asked for a round until now is served by this one. Heartbeats told of it again and again while partitions were given up for it;
    // were that to ask for another, the leader's next join would begin one for all.
    this.#again = undefined;
    this.#lookOut.unsubscribe();
    this.#heartbeats.hold(rebalanceTimeoutMs + sessionTimeoutMs);
    const told = {
      topics: this.#topics!,
      owned,
      generation: this.#generation,
      last: this.#last,
      rack: cluster.options.rack ?? null,
    };
    const protocols = assignors.map(assignor => ({
      name: assignor.name,
      metadata: subscriptionOf(told, assignor),
    }));
    const ask = (answers?: ReadonlySet<number>): Observable<Joined> =>
      this.#request(
        JoinGroup,
        () => ({
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          memberId: this.#memberId,
          groupInstanceId,
          protocolType: PROTOCOL_TYPE,
          protocols,
          reason,
        }),
        { ...this.#held, ...(answers === undefined ? {} : { answers }) },
      ).pipe(
        switchMap(answer => {
          this.#memberId = answer.memberId;
          // Once: with an id there is none required, and whoever says so nonetheless is asked again with backoff.
          return answer.errorCode === MEMBER_ID_REQUIRED ? ask() : of(answer);
        }),
      );
    return ask(ANSWERS);
  }

  #sync(joined: Joined): Observable<readonly TopicPartition[]> {
    const { cluster, groupId, groupInstanceId, sessionTimeoutMs, heartbeatIntervalMs } = this.#options;
    const { generationId, memberId, protocolName } = joined;
    this.#generation = generationId;
    this.#heartbeats.heard(sessionTimeoutMs);
    this.#heartbeats.start(heartbeatIntervalMs);
    const leads = joined.leader === memberId;
    const topics = topicsOf(joined.members);
    const lead: Observable<MetadataSnapshot | undefined> = leads ? cluster.topics(topics) : of(undefined);
    return lead.pipe(
      switchMap(metadata => {
        if (metadata !== undefined) this.#lookOutFor(partitionCounts(metadata, topics));
        return this.#request(
          SyncGroup,
          {
            groupId,
            generationId,
            memberId,
            groupInstanceId,
            protocolType: PROTOCOL_TYPE,
            protocolName,
            assignments:
              metadata === undefined || joined.skipAssignment
                ? []
                : assignmentsFor(joined.members, metadata, this.#assignor(protocolName)),
          },
          this.#held,
        );
      }),
      map(answer => assignmentOf(answer.assignment)),
    );
  }

  #assignor(name: string | null): GroupAssignor {
    return this.#options.assignors.find(assignor => assignor.name === name) ?? this.#options.assignors[0]!;
  }

  #apply(assigned: readonly TopicPartition[]): Observable<never> {
    const { rebalanceTimeoutMs } = this.#options;
    this.#failures = 0;
    this.#stable = true;
    this.#last = { owned: assigned, generation: this.#generation };
    const wanted = new Set(assigned.map(partitionKey));
    const moved = this.#host.owned.filter(one => !wanted.has(partitionKey(one)));
    const take = defer(() => {
      this.#host.assigned(assigned);
      return EMPTY;
    });
    if (moved.length === 0) return take;
    const again = defer(() => {
      this.#again ??= 'gave up partitions that move';
      return EMPTY;
    });
    return concat(merge(this.#host.revoke(moved, rebalanceTimeoutMs), take), again);
  }

  /** The leader answers for all topics of the group, those it does not read itself included. */
  #lookOutFor(counts: ReadonlyMap<string, number>): void {
    this.#lookOut.unsubscribe();
    this.#lookOut = this.#options.cluster.snapshots.subscribe(snapshot => {
      for (const [topic, before] of counts)
        // A topic that is missing from one answer is not gone for that.
        if ((snapshot.topics.get(topic)?.partitions.length ?? 0) > before) return this.#rejoin(`${topic} has grown`);
    });
  }

  // ── Heartbeats and errors ──────────────────────────────────────────────────────────────────────────────────────

  #heartbeat(): Observable<never> {
    const { groupId, groupInstanceId, sessionTimeoutMs } = this.#options;
    return this.#request(
      Heartbeat,
      () => ({ groupId, generationId: this.#generation, memberId: this.#memberId, groupInstanceId }),
      { purpose: 'group', timeoutMs: sessionTimeoutMs },
    ).pipe(
      map(() => this.#heartbeats.heard(sessionTimeoutMs)),
      ignoreElements(),
    );
  }

  /**
   * A coordinator that takes the group over between join and sync knows the generation before, with us in it: so what we had then is
   * still ours, and another round will do. Were it others', we would have been put out of the group.
   */
  #roundFailed(error: unknown): void {
    if (error instanceof BrokerError && error.code === ILLEGAL_GENERATION) this.#beginAgain(error);
    else this.#react(error);
  }

  /** To an error of any request, in a round or between two. */
  #react(error: unknown): void {
    const inRound = !this.#round.closed;
    switch (groupReaction(error)) {
      case 'retry':
        if (!inRound && !this.#stable) return this.#beginAgain(error);
        // A heartbeat comes again by itself.
        return this.#tellRetry(Heartbeat, 1, this.#options.heartbeatIntervalMs, error);
      case 'rejoin':
        if (this.#generation >= 0) this.#heartbeats.heard(this.#options.sessionTimeoutMs);
        if (this.#stable) this.#rejoin('the group rebalances');
        else if (!inRound) this.#beginAgain(error);
        return;
      case 'stale':
        return this.#lose(error);
      case 'unknown':
        this.#memberId = '';
        return this.#lose(error);
      case 'wait':
      case 'fatal': {
        const { groupId, groupInstanceId } = this.#options;
        this.stop();
        return this.#host.fatal(asGroupError(error, groupId, groupInstanceId));
      }
    }
  }

  #lose(error: unknown): void {
    this.#round.unsubscribe();
    this.#lookOut.unsubscribe();
    this.#heartbeats.stop();
    this.#generation = -1;
    this.#stable = false;
    this.#host.lost(error);
    this.#beginAgain(error);
  }

  #beginAgain(error: unknown): void {
    if (this.#retired) return;
    const delayMs = this.#failures < 2 ? 0 : retryPauseMs(this.#options.cluster, this.#failures - 1);
    if (delayMs > 0) this.#tellRetry(JoinGroup, this.#failures, delayMs, error);
    this.#begin('the last attempt failed', delayMs);
  }

  #tellRetry({ name }: AnyApi, attempt: number, delayMs: number, error: unknown): void {
    this.#options.cluster.emit({ type: 'retry', api: name, attempt, delayMs, error });
  }

  /** A call that the coordinator may hold for as long as a rebalance takes. */
  get #held() {
    const { cluster, rebalanceTimeoutMs: holdMs } = this.#options;
    return { purpose: 'join' as const, holdMs, timeoutMs: 2 * cluster.options.requestTimeoutMs + holdMs };
  }

  #request<A extends AnyApi>(
    api: A,
    body: RequestOf<A> | ((version: number) => RequestOf<A>),
    call: Omit<Call<ResponseOf<A>>, 'route' | 'owner'>,
  ): Observable<ResponseOf<A>> {
    const { cluster, owner, groupId } = this.#options;
    return cluster.request(api, body, { route: { group: groupId }, owner, ...call });
  }
}
