import { CODE } from '../error-codes';
import { AWAY_EPOCH, reconcile, type ConsumerMember } from './consumer-member';
import type { GroupClock } from './group-clock';
import type { MemberClaim } from './member-claim';
import { partitionKey, SERVER_ASSIGNORS, type AssignableTopic, type PartitionKey } from './server-assignors';

/** Partitions of one topic, as heartbeats list them. */
export interface TopicIdPartitions {
  readonly topicId: string;
  readonly partitions: readonly number[];
}

/** A ConsumerGroupHeartbeat; null = as in the last one. */
export interface ConsumerHeartbeat {
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly rebalanceTimeoutMs: number;
  readonly subscribedTopicNames: readonly string[] | null;
  readonly subscribedTopicRegex: string | null;
  readonly serverAssignor: string | null;
  readonly topicPartitions: readonly TopicIdPartitions[] | null;
}

/** What a ConsumerGroupHeartbeat answers; without `assignment` = as before. */
export interface ConsumerHeartbeatAnswer {
  readonly errorCode: number;
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  readonly assignment: { readonly topicPartitions: readonly TopicIdPartitions[] } | null;
}

/** What the brokers set for all KIP-848 groups. */
export interface ConsumerGroupTimes {
  readonly heartbeatIntervalMs: number;
  readonly sessionTimeoutMs: number;
}

const NOTHING: ReadonlySet<PartitionKey> = new Set();
const JOIN_EPOCH = 0;
const LEAVE_EPOCH = -1;

/** A group of KIP-848, where the coordinator assigns and each member follows at its own pace. */
export class ConsumerGroup {
  readonly type = 'consumer';
  readonly protocolType = 'consumer';
  /** Counts what changes the assignment: members, subscriptions, topics. */
  epoch = 0;
  /** The group epoch that the target assignment is for. */
  targetEpoch = 0;
  readonly members = new Map<string, ConsumerMember>();
  private readonly staticIds = new Map<string, string>();
  private target = new Map<string, ReadonlySet<PartitionKey>>();
  private topicsSeen = '';

  constructor(
    readonly id: string,
    private readonly clock: GroupClock,
    private readonly topics: ReadonlyMap<string, AssignableTopic>,
    private readonly times: ConsumerGroupTimes,
  ) {}

  get isEmpty(): boolean {
    return this.members.size === 0;
  }

  /** Under Kafka's names. */
  get state(): 'Empty' | 'Assigning' | 'Reconciling' | 'Stable' {
    if (this.isEmpty) return 'Empty';
    if (this.epoch > this.targetEpoch) return 'Assigning';
    const arrived = ({ state, epoch }: ConsumerMember): boolean => state === 'stable' && epoch === this.targetEpoch;
    return [...this.members.values()].every(arrived) ? 'Stable' : 'Reconciling';
  }

  get assignorName(): string {
    const votes = new Map([...SERVER_ASSIGNORS.keys()].map(name => [name, 0]));
    for (const { assignor } of this.members.values()) {
      if (assignor !== null) votes.set(assignor, votes.get(assignor)! + 1);
    }
    return [...votes].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
  }

  targetOf(memberId: string): ReadonlySet<PartitionKey> {
    return this.target.get(memberId) ?? NOTHING;
  }

  subscribedTopics({ topics, regex }: ConsumerMember): ReadonlySet<string> {
    const pattern = regex === null ? undefined : new RegExp(`^(?:${regex})$`);
    const matching = [...this.topics.keys()].filter(name => pattern?.test(name));
    return new Set([...topics.filter(name => this.topics.has(name)), ...matching]);
  }

  heartbeat(request: ConsumerHeartbeat, clientId: string): ConsumerHeartbeatAnswer {
    if (request.memberEpoch < JOIN_EPOCH) return this.goodbye(request);
    const owned = request.topicPartitions === null ? undefined : keysOf(request.topicPartitions);
    const member = this.admit(request, clientId, owned);
    if (typeof member === 'number') return refusedHeartbeat(member, request);
    this.subscribe(member, request);
    this.assign();
    const before = member.assigned;
    const isFree = (key: PartitionKey): boolean => {
      for (const other of this.members.values()) {
        if (other !== member && (other.assigned.has(key) || other.revoking.has(key))) return false;
      }
      return true;
    };
    reconcile(member, this.targetOf(member.memberId), this.targetEpoch, owned, isFree);
    this.keepAlive(member);
    const { memberId, rebalanceTimeoutMs, subscribedTopicNames, subscribedTopicRegex } = request;
    const full =
      request.memberEpoch === JOIN_EPOCH ||
      (owned !== undefined && rebalanceTimeoutMs >= 0 && (subscribedTopicNames ?? subscribedTopicRegex) !== null);
    return {
      errorCode: 0,
      memberId,
      memberEpoch: member.epoch,
      heartbeatIntervalMs: this.times.heartbeatIntervalMs,
      assignment: full || !sameKeys(before, member.assigned) ? { topicPartitions: listed(member.assigned) } : null,
    };
  }

  /** Why a commit is not in order, or 0. `version` 8 and below know no member epochs. */
  commitError({ memberId }: MemberClaim, epoch: number, version: number): number {
    if (epoch < 0 && this.isEmpty) return 0;
    const member = this.members.get(memberId);
    if (member === undefined) return CODE.UNKNOWN_MEMBER_ID;
    if (version < 9) return CODE.UNSUPPORTED_VERSION;
    return epoch === member.epoch ? 0 : CODE.STALE_MEMBER_EPOCH;
  }

  /** Why an OffsetFetch is not in order, or 0. Without member it is an admin's. */
  fetchError(memberId: string | null, epoch: number): number {
    if (memberId === null && epoch < 0) return 0;
    const member = this.members.get(memberId ?? '');
    if (member === undefined) return CODE.UNKNOWN_MEMBER_ID;
    return epoch === member.epoch ? 0 : CODE.STALE_MEMBER_EPOCH;
  }

  /** Begins a new group epoch; who has what only changes if something else did. */
  rebalance(): void {
    this.epoch++;
  }

  /** Another broker has loaded the group: everybody gets a whole session, and a whole rebalance timeout. */
  coordinatorMoved(): void {
    for (const member of this.members.values()) {
      member.rebalanceTimer?.unsubscribe();
      member.rebalanceTimer = undefined;
      this.keepAlive(member);
    }
  }

  /** The member that the request is from, new or known; or an error code. */
  private admit(
    request: ConsumerHeartbeat,
    clientId: string,
    owned: ReadonlySet<PartitionKey> | undefined,
  ): ConsumerMember | number {
    const { memberId, memberEpoch, instanceId } = request;
    const joins = memberEpoch === JOIN_EPOCH;
    const placeholder = instanceId === null ? undefined : this.staticIds.get(instanceId);
    const member = this.members.get(placeholder ?? (instanceId === null ? memberId : ''));
    if (member === undefined) return joins ? this.addMember(request, clientId) : CODE.UNKNOWN_MEMBER_ID;
    if (member.memberId !== memberId) {
      if (!joins) return CODE.FENCED_INSTANCE_ID;
      return member.epoch === AWAY_EPOCH ? this.takePlace(member, request, clientId) : CODE.UNRELEASED_INSTANCE_ID;
    }
    if (joins) {
      member.epoch = JOIN_EPOCH;
      return member;
    }
    if (memberEpoch === member.epoch) return member;
    // The answer with the new epoch was lost, and the member does not hold what it is not to have.
    const sound = owned !== undefined && [...owned].every(key => member.assigned.has(key));
    return sound && memberEpoch === member.previousEpoch ? member : CODE.FENCED_MEMBER_EPOCH;
  }

  private addMember(request: ConsumerHeartbeat, clientId: string): ConsumerMember {
    const member = newMember(request, clientId);
    this.members.set(member.memberId, member);
    if (member.instanceId !== null) this.staticIds.set(member.instanceId, member.memberId);
    return member;
  }

  /** A static member has started anew within its session: what it had is still its own (KIP-345). */
  private takePlace(old: ConsumerMember, request: ConsumerHeartbeat, clientId: string): ConsumerMember {
    const member: ConsumerMember = {
      ...newMember(request, clientId),
      topics: old.topics,
      regex: old.regex,
      assignor: old.assignor,
      assigned: old.assigned,
    };
    const target = this.targetOf(old.memberId);
    this.forget(old);
    this.members.set(member.memberId, member);
    this.staticIds.set(member.instanceId!, member.memberId);
    this.target.set(member.memberId, target);
    return member;
  }

  private subscribe(member: ConsumerMember, request: ConsumerHeartbeat): void {
    const before = JSON.stringify([member.topics, member.regex, member.assignor, member.rackId]);
    if (request.subscribedTopicNames !== null) member.topics = [...request.subscribedTopicNames].sort();
    // An empty pattern takes the pattern back.
    if (request.subscribedTopicRegex !== null) member.regex = request.subscribedTopicRegex || null;
    if (request.serverAssignor !== null) member.assignor = request.serverAssignor;
    if (request.rackId !== null) member.rackId = request.rackId;
    if (request.rebalanceTimeoutMs >= 0) member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    const changed = before !== JSON.stringify([member.topics, member.regex, member.assignor, member.rackId]);
    if (changed || !this.target.has(member.memberId)) this.epoch++;
  }

  /** Makes a target for the group epoch of now, if there is none yet or the topics have changed. */
  private assign(): void {
    const subscriptions = [...this.members.values()].map(member => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      topics: this.subscribedTopics(member),
      target: this.targetOf(member.memberId),
    }));
    const names = [...new Set(subscriptions.flatMap(({ topics }) => [...topics]))].sort();
    const topics = names.map(name => this.topics.get(name)!);
    const seen = topics.map(({ id, partitions }) => `${id} ${partitions.length}`).join();
    if (seen !== this.topicsSeen && this.epoch === this.targetEpoch) this.epoch++;
    this.topicsSeen = seen;
    if (this.epoch === this.targetEpoch) return;
    this.target = new Map(SERVER_ASSIGNORS.get(this.assignorName)!(subscriptions, topics));
    this.targetEpoch = this.epoch;
  }

  private keepAlive(member: ConsumerMember): void {
    member.session?.unsubscribe();
    member.session = this.clock.after(this.times.sessionTimeoutMs, () => this.remove(member));
    if (member.state !== 'unrevoked') {
      member.rebalanceTimer?.unsubscribe();
      member.rebalanceTimer = undefined;
    }
    // Who does not give up in time is out: others wait for its partitions.
    else member.rebalanceTimer ??= this.clock.after(member.rebalanceTimeoutMs, () => this.remove(member));
  }

  private goodbye(request: ConsumerHeartbeat): ConsumerHeartbeatAnswer {
    const { memberId, memberEpoch, instanceId } = request;
    const known = instanceId === null ? memberId : this.staticIds.get(instanceId);
    const member = known === undefined ? undefined : this.members.get(known);
    if (member === undefined) return refusedHeartbeat(CODE.UNKNOWN_MEMBER_ID, request);
    if (known !== memberId) return refusedHeartbeat(CODE.FENCED_INSTANCE_ID, request);
    if (memberEpoch === LEAVE_EPOCH) this.remove(member);
    else {
      member.epoch = AWAY_EPOCH;
      member.state = 'stable';
      member.revoking = NOTHING;
      member.rebalanceTimer?.unsubscribe();
      member.rebalanceTimer = undefined;
    }
    return { errorCode: 0, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
  }

  private remove(member: ConsumerMember): void {
    this.forget(member);
    this.epoch++;
  }

  private forget(member: ConsumerMember): void {
    member.session?.unsubscribe();
    member.rebalanceTimer?.unsubscribe();
    this.members.delete(member.memberId);
    this.target.delete(member.memberId);
    if (member.instanceId !== null) this.staticIds.delete(member.instanceId);
  }
}

function newMember({ memberId, instanceId, rackId }: ConsumerHeartbeat, clientId: string): ConsumerMember {
  return {
    memberId,
    instanceId,
    clientId,
    rackId,
    rebalanceTimeoutMs: 0,
    topics: [],
    regex: null,
    assignor: null,
    epoch: JOIN_EPOCH,
    previousEpoch: JOIN_EPOCH,
    state: 'stable',
    assigned: NOTHING,
    revoking: NOTHING,
    session: undefined,
    rebalanceTimer: undefined,
  };
}

/** What a refused ConsumerGroupHeartbeat answers. */
export function refusedHeartbeat(
  errorCode: number,
  { memberId }: { readonly memberId: string },
): ConsumerHeartbeatAnswer {
  return { errorCode, memberId, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
}

function keysOf(topics: readonly TopicIdPartitions[]): ReadonlySet<PartitionKey> {
  return new Set(
    topics.flatMap(({ topicId, partitions }) => partitions.map(partition => partitionKey(topicId, partition))),
  );
}

/** By topic, in the order of partitions. */
export function listed(keys: ReadonlySet<PartitionKey>): TopicIdPartitions[] {
  const topics = new Map<string, number[]>();
  for (const key of keys) {
    const [topicId, partition] = key.split(' ') as [string, string];
    let partitions = topics.get(topicId);
    if (partitions === undefined) topics.set(topicId, (partitions = []));
    partitions.push(Number(partition));
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions: partitions.sort((a, b) => a - b) }));
}

function sameKeys(a: ReadonlySet<PartitionKey>, b: ReadonlySet<PartitionKey>): boolean {
  return a.size === b.size && [...a].every(key => b.has(key));
}
