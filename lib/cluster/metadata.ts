import { errorOf } from '../protocol/error-table';

/** A broker of the cluster at its advertised address. */
export interface BrokerNode {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** Who leads a partition, and who has copies. */
export interface PartitionMetadata {
  readonly partition: number;
  /** -1 = none at the moment. */
  readonly leader: number;
  /** -1 = unknown. */
  readonly leaderEpoch: number;
  /** The newest epoch that anybody told, where the present leader's is unknown: nothing older replaces that leader. */
  readonly newestEpoch?: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
  readonly errorCode: number;
}

/** A topic as far as it is known. */
export interface TopicMetadata {
  readonly name: string;
  /** `ZERO_ID` where the broker has no topic ids. */
  readonly topicId: string;
  readonly internal: boolean;
  /** 0, or why the last answer about this topic was none; the partitions are then those known before. */
  readonly errorCode: number;
  /** Indexed by partition; a hole is a partition nobody has told us of. */
  readonly partitions: readonly (PartitionMetadata | undefined)[];
}

/** What is known of the cluster at one moment. Never changed in place: a new answer makes a new snapshot. */
export interface MetadataSnapshot {
  /** The runtime's clock in ms; `-Infinity` = nothing is known yet. */
  readonly at: number;
  readonly clusterId: string | null;
  /** -1 = unknown. */
  readonly controllerId: number;
  readonly brokers: ReadonlyMap<number, BrokerNode>;
  readonly topics: ReadonlyMap<string, TopicMetadata>;
  /** Topic id → name. */
  readonly topicNames: ReadonlyMap<string, string>;
}

/** Kafka's "no topic id". */
export const ZERO_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

/** Before the first answer. */
export const NO_METADATA: MetadataSnapshot = Object.freeze({
  at: -Infinity,
  clusterId: null,
  controllerId: -1,
  brokers: new Map(),
  topics: new Map(),
  topicNames: new Map(),
});

/** No host has a longer name. */
const LONGEST_HOST = 255;
const LAST_PORT = 65_535;

/** Whether an address that a broker told of can be dialled at all. */
export function isReachable({ host, port }: { readonly host: string; readonly port: number }): boolean {
  return host !== '' && host.length <= LONGEST_HOST && port >= 1 && port <= LAST_PORT;
}

/** The part of a Metadata response that a snapshot is made of. */
export interface MetadataAnswer {
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly brokers: readonly BrokerNode[];
  readonly topics: readonly {
    readonly errorCode: number;
    readonly name: string | null;
    readonly topicId: string;
    readonly isInternal: boolean;
    readonly partitions: readonly {
      readonly errorCode: number;
      readonly partitionIndex: number;
      readonly leaderId: number;
      readonly leaderEpoch: number;
      readonly replicaNodes: readonly number[];
      readonly isrNodes: readonly number[];
    }[];
  }[];
}

/**
 * The snapshot after an answer. A broker may lag behind the cluster, so three things survive a worse answer: the
 * brokers when it names none, a topic's partitions when it has only an error for it (a flap in metadata must not
 * cost an idempotent producer its sequences), and a leader of a newer epoch.
 */
export function mergeMetadata(before: MetadataSnapshot, answer: MetadataAnswer, at: number): MetadataSnapshot {
  const brokers =
    answer.brokers.length === 0 ? before.brokers : new Map(answer.brokers.map(node => [node.nodeId, node]));
  const topics = new Map(before.topics);
  for (const topic of answer.topics) {
    if (topic.name === null) continue;
    topics.set(topic.name, mergeTopic(before.topics.get(topic.name), topic.name, topic));
  }
  const topicNames = new Map<string, string>();
  for (const topic of topics.values()) if (topic.topicId !== ZERO_ID) topicNames.set(topic.topicId, topic.name);
  const clusterId = answer.clusterId ?? before.clusterId;
  return { at, clusterId, controllerId: answer.controllerId, brokers, topics, topicNames };
}

function mergeTopic(
  before: TopicMetadata | undefined,
  name: string,
  answer: MetadataAnswer['topics'][number],
): TopicMetadata {
  if (answer.errorCode !== 0 && answer.partitions.length === 0) {
    const known = before !== undefined && errorOf(answer.errorCode).retriable ? before : undefined;
    return {
      name,
      topicId: known?.topicId ?? answer.topicId,
      internal: answer.isInternal,
      errorCode: answer.errorCode,
      partitions: known?.partitions ?? [],
    };
  }
  const sameTopic = before !== undefined && before.topicId === answer.topicId;
  const partitions: (PartitionMetadata | undefined)[] = sameTopic ? before.partitions.slice() : [];
  for (const one of answer.partitions) {
    const old = partitions[one.partitionIndex];
    partitions[one.partitionIndex] = {
      partition: one.partitionIndex,
      ...mergeLeader(old, one),
      replicas: one.replicaNodes,
      inSync: one.isrNodes,
    };
  }
  return { name, topicId: answer.topicId, internal: answer.isInternal, errorCode: answer.errorCode, partitions };
}

type Leader = Pick<PartitionMetadata, 'leader' | 'leaderEpoch' | 'newestEpoch' | 'errorCode'>;

/**
 * Epochs order what brokers tell: an older leader must not replace a newer one that a hint or another broker named. -1 says
 * nothing of the order: the leader is believed, and the newest epoch kept in mind.
 */
function mergeLeader(
  old: PartitionMetadata | undefined,
  told: { readonly leaderId: number; readonly leaderEpoch: number; readonly errorCode: number },
): Leader {
  const newest = newestEpochOf(old);
  const { leaderId: leader, leaderEpoch, errorCode } = told;
  if (old === undefined || newest < 0 || leaderEpoch >= newest) return { leader, leaderEpoch, errorCode };
  if (leaderEpoch < 0 && leader !== old.leader) return { leader, leaderEpoch, newestEpoch: newest, errorCode };
  const kept = {
    leader: old.leader,
    leaderEpoch: old.leaderEpoch,
    errorCode: leaderEpoch < 0 ? errorCode : old.errorCode,
  };
  return old.leaderEpoch < 0 ? { ...kept, newestEpoch: newest } : kept;
}

function newestEpochOf(partition: PartitionMetadata | undefined): number {
  return partition === undefined ? -1 : Math.max(partition.leaderEpoch, partition.newestEpoch ?? -1);
}

/** A leader named by a response (KIP-951): moves the partition without asking for metadata. The same snapshot when it is old news. */
export function withLeader(
  before: MetadataSnapshot,
  hint: { readonly topic: string; readonly partition: number; readonly leader: number; readonly leaderEpoch: number },
  endpoints: readonly BrokerNode[],
): MetadataSnapshot {
  const topic = before.topics.get(hint.topic);
  const old = topic?.partitions[hint.partition];
  if (topic === undefined || old === undefined || hint.leader < 0 || hint.leaderEpoch <= newestEpochOf(old))
    return before;
  const named = endpoints.find(node => node.nodeId === hint.leader && isReachable(node));
  if (named === undefined && !before.brokers.has(hint.leader)) return before;
  const brokers = named === undefined ? before.brokers : new Map(before.brokers).set(named.nodeId, named);
  const partitions = topic.partitions.slice();
  const { partition, replicas, inSync } = old;
  const { leader, leaderEpoch } = hint;
  partitions[hint.partition] = { partition, replicas, inSync, leader, leaderEpoch, errorCode: 0 };
  return { ...before, brokers, topics: new Map(before.topics).set(topic.name, { ...topic, partitions }) };
}

/** The partitions whose leader differs between two snapshots. */
export function leaderChanges(
  before: MetadataSnapshot,
  after: MetadataSnapshot,
): { topic: string; partition: number; leader: number }[] {
  const changes: { topic: string; partition: number; leader: number }[] = [];
  for (const topic of after.topics.values()) {
    const old = before.topics.get(topic.name);
    if (old === undefined || old === topic) continue;
    for (const now of topic.partitions) {
      const then = now && old.partitions[now.partition];
      if (now !== undefined && then !== undefined && now.leader !== then.leader && now.leader >= 0)
        changes.push({ topic: topic.name, partition: now.partition, leader: now.leader });
    }
  }
  return changes;
}

/**
 * Whether two snapshots lead every partition to the same broker: asking once more soon is then unlikely to help. The
 * controller does not count: in KRaft each answer names another broker for it.
 */
export function saysTheSame(before: MetadataSnapshot, after: MetadataSnapshot): boolean {
  if (before.brokers.size !== after.brokers.size || before.topics.size !== after.topics.size) return false;
  for (const [nodeId, { host, port }] of after.brokers) {
    const old = before.brokers.get(nodeId);
    if (old === undefined || old.host !== host || old.port !== port) return false;
  }
  for (const topic of after.topics.values()) {
    const old = before.topics.get(topic.name);
    if (old === topic) continue;
    if (old === undefined || old.topicId !== topic.topicId || old.errorCode !== topic.errorCode) return false;
    if (old.partitions.length !== topic.partitions.length) return false;
    for (const now of topic.partitions) {
      const then = now && old.partitions[now.partition];
      if (then?.leader !== now?.leader || then?.leaderEpoch !== now?.leaderEpoch) return false;
    }
  }
  return true;
}
