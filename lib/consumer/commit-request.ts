import { map } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import type { KafkaError } from '../errors';
import { OffsetCommit } from '../protocol/apis/offset-commit';
import { ZERO_ID } from '../cluster/metadata';
import { commitError } from './commit-errors';
import { COORDINATOR_CODES, LAST_VERSION_BY_NAME, topicIdOf } from './committed-offsets';
import type { OffsetToCommit } from './consumer-api';
import type { GroupIdentity } from './group/membership';
import { partitionKey } from './partition-state';
import type { PartitionState } from './partition-state';

/** An offset on its way to the coordinator. */
export interface CommitEntry extends OffsetToCommit {
  /** Of the record before it (KIP-320); -1 = unknown. */
  readonly leaderEpoch: number;
  /** Of the topic in whose log the offset counts; `ZERO_ID` = unknown. */
  readonly topicId: string;
  /** Whose offset it is, if we have the partition. */
  readonly state: PartitionState | undefined;
  /** The watermark that is committed with it. Given offsets stand until the watermark moves on: it does not overwrite them on the next occasion. */
  readonly covers: bigint | undefined;
}

/**
 * What is to be committed for those who want these offsets, later ones over earlier ones, or (`undefined`) all watermarks that
 * moved, which give way to offsets that were given.
 */
export function entriesOf(
  cluster: Cluster,
  states: ReadonlyMap<string, PartitionState>,
  wanted: readonly (readonly OffsetToCommit[] | undefined)[],
): readonly CommitEntry[] {
  const entries = new Map<string, CommitEntry>();
  if (wanted.includes(undefined)) {
    for (const state of states.values()) {
      const { topic, partition, topicId: ownId } = state;
      const watermark = state.delivery?.watermark;
      if (watermark === undefined || watermark === state.accounted) continue;
      const known = topicIdOf(cluster, topic);
      // It counts in the log of a topic that is gone; the one of that name now is another.
      if (ownId !== undefined && known !== ZERO_ID && ownId !== known) continue;
      const leaderEpoch = state.epochBefore(watermark);
      const topicId = ownId ?? known;
      entries.set(state.key, { topic, partition, offset: watermark, leaderEpoch, topicId, state, covers: watermark });
    }
  }
  for (const one of wanted.flatMap(offsets => offsets ?? [])) {
    const key = partitionKey(one);
    const state = states.get(key);
    const topicId = state?.topicId ?? topicIdOf(cluster, one.topic);
    entries.set(key, { ...one, leaderEpoch: -1, topicId, state, covers: state?.delivery?.watermark });
  }
  return [...entries.values()];
}

/**
 * Commits offsets: as a member of the group, or without an identity as a consumer without membership (generation -1, no member id). One
 * value: the error of each partition that was refused, by key; none = all are stored. Follows the coordinator when it moves;
 * errors with what is wrong with the request as a whole.
 */
export function commitOffsetsOf(
  cluster: Cluster,
  owner: string,
  groupId: string,
  entries: readonly CommitEntry[],
  timeoutMs: number | undefined,
  identity?: GroupIdentity,
): Observable<ReadonlyMap<string, KafkaError>> {
  const byTopic = new Map<string, CommitEntry[]>();
  for (const entry of entries) {
    const key = `${entry.topicId} ${entry.topic}`;
    const list = byTopic.get(key);
    if (list === undefined) byTopic.set(key, [entry]);
    else list.push(entry);
  }
  const topics = [...byTopic.values()].map(list => ({
    name: list[0]!.topic,
    topicId: list[0]!.topicId,
    partitions: list.map(entry => ({
      partitionIndex: entry.partition,
      committedOffset: entry.offset,
      committedLeaderEpoch: entry.leaderEpoch,
      committedMetadata: entry.metadata ?? '',
    })),
  }));
  const maxVersion = topics.some(({ topicId }) => topicId === ZERO_ID) ? LAST_VERSION_BY_NAME : undefined;
  const member = identity && {
    generationIdOrMemberEpoch: identity.epoch,
    memberId: identity.memberId,
    groupInstanceId: identity.groupInstanceId,
  };
  return cluster
    .request(
      OffsetCommit,
      { groupId, topics, ...member },
      {
        route: { group: groupId },
        owner,
        purpose: 'group',
        ...(maxVersion === undefined ? {} : { maxVersion }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        errorsOf: response =>
          response.topics.flatMap(topic =>
            topic.partitions.map(one => one.errorCode).filter(code => COORDINATOR_CODES.has(code)),
          ),
      },
    )
    .pipe(
      map(response => {
        const refused = new Map<string, KafkaError>();
        for (const answer of response.topics) {
          const topic = answer.name !== '' ? answer.name : topics.find(asked => asked.topicId === answer.topicId)?.name;
          if (topic === undefined) continue;
          for (const { partitionIndex: partition, errorCode } of answer.partitions)
            if (errorCode !== 0)
              refused.set(
                partitionKey({ topic, partition }),
                commitError(errorCode, { topic, partition }, groupId, identity),
              );
        }
        return refused;
      }),
    );
}
