import { map } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { ZERO_ID } from '../cluster/metadata';
import { OffsetFetch } from '../protocol/apis/offset-fetch';
import { brokerError, codeOf } from '../protocol/error-table';
import type { TopicPartition } from '../types';
import { byTopic } from './by-topic';
import type { GroupIdentity } from './group/membership';
import { partitionKey } from './partition-state';

/** Topic ids are the only names in OffsetFetch and OffsetCommit from v10 on. */
export const LAST_VERSION_BY_NAME = 9;

/** The highest version in which these topics can be named: without an id for each, the last one that goes by name. */
export function maxVersionFor(cluster: Cluster, topics: Iterable<string>): number | undefined {
  for (const topic of topics) if (topicIdOf(cluster, topic) === ZERO_ID) return LAST_VERSION_BY_NAME;
  return undefined;
}

/** `ZERO_ID` = unknown, or the cluster has none. */
export function topicIdOf(cluster: Cluster, topic: string): string {
  return cluster.metadata.topics.get(topic)?.topicId ?? ZERO_ID;
}

/** An answer per partition: -1 = nothing committed. */
export type CommittedOffset = { readonly offset: bigint; readonly leaderEpoch: number } | { readonly error: unknown };

/**
 * What a group's coordinator says about itself, or about a transaction that is about to end: the same request is worth repeating. Other errors are
 * a partition's own, and must not hold the rest up.
 */
export const COORDINATOR_CODES: ReadonlySet<number> = new Set(
  (
    [
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_NOT_AVAILABLE',
      'NOT_COORDINATOR',
      'REQUEST_TIMED_OUT',
      'UNSTABLE_OFFSET_COMMIT',
    ] as const
  ).map(name => codeOf(name)),
);

/**
 * The offsets that the group committed, one value: an answer per partition, in order. Asks for stable offsets, so that a transaction which is about to commit is waited
 * for instead of read around (KIP-447). Errors of the answer as a whole are errors, never "nothing committed"; retriable ones
 * are retried until the request's deadline. A member of a group of the newer protocol says who it is, so that it learns when it is that no more.
 */
export function committedOffsets(
  cluster: Cluster,
  owner: string,
  groupId: string,
  partitions: readonly TopicPartition[],
  identity?: GroupIdentity,
): Observable<readonly CommittedOffset[]> {
  const indexes = byTopic(partitions);
  const topics = [...indexes].map(([name, partitionIndexes]) => ({
    name,
    topicId: topicIdOf(cluster, name),
    partitionIndexes,
  }));
  const member =
    identity?.protocol === 'consumer' ? { memberId: identity.memberId, memberEpoch: identity.epoch } : undefined;
  const maxVersion = maxVersionFor(cluster, indexes.keys());
  return cluster
    .request(
      OffsetFetch,
      version =>
        version < 8
          ? {
              groupId,
              topics: topics.map(({ name, partitionIndexes }) => ({ name, partitionIndexes })),
              groups: [],
              requireStable: version >= 7,
            }
          : {
              groupId: '',
              topics: [],
              groups: [{ groupId, topics, ...(version < 9 ? {} : member) }],
              requireStable: true,
            },
      {
        route: { group: groupId },
        owner,
        purpose: 'group',
        ...(maxVersion === undefined ? {} : { maxVersion }),
        errorsOf: response => [
          response.errorCode,
          ...response.groups.map(group => group.errorCode),
          ...answers(response).flatMap(topic =>
            topic.partitions.map(one => one.errorCode).filter(code => COORDINATOR_CODES.has(code)),
          ),
        ],
      },
    )
    .pipe(
      map(response => {
        const failed = response.errorCode || (response.groups[0]?.errorCode ?? 0);
        if (failed !== 0) throw brokerError(failed, { api: 'OffsetFetch', message: `group ${groupId}` });
        const found = new Map<string, CommittedOffset>();
        for (const topic of answers(response)) {
          const name = topic.name !== '' ? topic.name : topics.find(asked => asked.topicId === topic.topicId)?.name;
          if (name === undefined) continue;
          for (const one of topic.partitions) {
            const where = { topic: name, partition: one.partitionIndex };
            found.set(
              partitionKey(where),
              one.errorCode === 0
                ? { offset: one.committedOffset, leaderEpoch: one.committedLeaderEpoch }
                : { error: brokerError(one.errorCode, { api: 'OffsetFetch', ...where }) },
            );
          }
        }
        return partitions.map(partition => found.get(partitionKey(partition)) ?? { offset: -1n, leaderEpoch: -1 });
      }),
    );
}

interface AnsweredTopic {
  readonly name: string;
  readonly topicId?: string;
  readonly partitions: readonly {
    readonly partitionIndex: number;
    readonly committedOffset: bigint;
    readonly committedLeaderEpoch: number;
    readonly errorCode: number;
  }[];
}

function answers(response: {
  readonly topics: readonly AnsweredTopic[];
  readonly groups: readonly { readonly topics: readonly AnsweredTopic[] }[];
}): readonly AnsweredTopic[] {
  return response.groups[0]?.topics ?? response.topics;
}
