import { ZERO_ID } from '../../cluster/metadata';
import type { RequestOf } from '../../protocol/api';
import type { Fetch } from '../../protocol/apis/fetch';
import type { PartitionState } from '../partition-state';
import type { FetchContext } from './fetch-context';

/** The last version in which topics go by name. */
const LAST_VERSION_BY_NAME = 12;

/** What to ask of a broker. */
export interface FetchPlan {
  readonly partitions: readonly PartitionState[];
  /** For the response as a whole; reserved in the buffer while the request is under way. */
  readonly maxBytes: number;
  /** The broker may hold the request until there are records. */
  readonly maxWaitMs: number;
}

/** A partition as it was asked for. */
export interface AskedPartition {
  readonly state: PartitionState;
  /** `ZERO_ID` = unknown. */
  readonly topicId: string;
  /** Its `turn` at that time; a response counts only while it still is the same. */
  readonly turn: number;
}

/** A request that is about to leave. */
export interface FetchRequest {
  readonly body: (version: number) => RequestOf<typeof Fetch>;
  /** `undefined` = no limit. By name only, unless the id of every topic is known. */
  readonly maxVersion: number | undefined;
  /** What was asked for, by the topic's name and by its id, then by partition. */
  readonly asked: ReadonlyMap<string, ReadonlyMap<number, AskedPartition>>;
}

/** Writes the request of a plan, without a fetch session (session id 0, epoch -1). Each partition's `turn` moves on: an earlier request that is still out loses its claim. */
export function fetchRequest(context: FetchContext, plan: FetchPlan): FetchRequest {
  const { cluster, options } = context;
  const { metadata } = cluster;
  const asked = new Map<string, Map<number, AskedPartition>>();
  const topics: { topic: string; topicId: string; partitions: ReturnType<typeof ask>[] }[] = [];
  const byName = new Map<string, (typeof topics)[number]>();
  let everyId = true;

  const ask = (state: PartitionState) => ({
    partition: state.partition,
    currentLeaderEpoch: metadata.topics.get(state.topic)?.partitions[state.partition]?.leaderEpoch ?? -1,
    fetchOffset: state.offset,
    lastFetchedEpoch: state.lastFetchedEpoch,
    partitionMaxBytes: options.fetch.partitionBytes,
  });

  for (const state of plan.partitions) {
    let topic = byName.get(state.topic);
    if (topic === undefined) {
      const topicId = metadata.topics.get(state.topic)?.topicId ?? ZERO_ID;
      everyId &&= topicId !== ZERO_ID;
      topic = { topic: state.topic, topicId, partitions: [] };
      topics.push(topic);
      byName.set(state.topic, topic);
      const partitions = new Map<number, AskedPartition>();
      asked.set(state.topic, partitions);
      if (topicId !== ZERO_ID) asked.set(topicId, partitions);
    }
    state.turn++;
    asked.get(state.topic)!.set(state.partition, { state, topicId: topic.topicId, turn: state.turn });
    topic.partitions.push(ask(state));
  }

  return {
    asked,
    maxVersion: everyId ? undefined : LAST_VERSION_BY_NAME,
    body: () => ({
      maxWaitMs: plan.maxWaitMs,
      minBytes: options.fetch.minBytes,
      maxBytes: plan.maxBytes,
      isolationLevel: options.isolation === 'read_committed' ? 1 : 0,
      topics,
    }),
  };
}
