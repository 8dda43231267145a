import { map } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import type { KafkaError } from '../errors';
import { OffsetCommit } from '../protocol/apis/offset-commit';
import { brokerError } from '../protocol/error-table';
import { COORDINATOR_CODES, maxVersionFor, topicIdOf } from './committed-offsets';
import type { OffsetToCommit } from './consumer-api';
import type { GroupIdentity } from './group/membership';
import { partitionKey } from './partition-state';

/** An offset on its way to the coordinator. `leaderEpoch`: of the record before it (KIP-320); -1 = unknown. */
export interface CommitEntry extends OffsetToCommit {
  readonly leaderEpoch: number;
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
    const list = byTopic.get(entry.topic);
    if (list === undefined) byTopic.set(entry.topic, [entry]);
    else list.push(entry);
  }
  const maxVersion = maxVersionFor(cluster, byTopic.keys());
  const topics = [...byTopic].map(([name, list]) => ({
    name,
    topicId: topicIdOf(cluster, name),
    partitions: list.map(entry => ({
      partitionIndex: entry.partition,
      committedOffset: entry.offset,
      committedLeaderEpoch: entry.leaderEpoch,
      committedMetadata: entry.metadata ?? '',
    })),
  }));
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
                brokerError(errorCode, { api: 'OffsetCommit', topic, partition, message: `group ${groupId}` }),
              );
        }
        return refused;
      }),
    );
}
