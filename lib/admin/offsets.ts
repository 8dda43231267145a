import { defer, forkJoin, map, of, switchMap } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { listOffsetsOf } from '../cluster/list-offsets';
import type { OffsetQuery } from '../cluster/list-offsets';
import { retrying } from '../cluster/retry';
import { InvalidStateError } from '../errors';
import { brokerError, codeOf } from '../protocol/error-table';
import type { Position, TopicPartition, TopicPartitionOffset } from '../types';

type Query = TopicPartition & { readonly at: Exclude<Position, 'committed'> };

/** See `Admin.listOffsets`. */
export function listOffsets(cluster: Cluster, queries: readonly Query[]): Observable<readonly TopicPartitionOffset[]> {
  const { runtime, emit, options } = cluster;
  return defer(() => {
    const committed = queries.find(query => (query.at as Position) === 'committed');
    if (committed !== undefined)
      throw new InvalidStateError(
        `listOffsets: "committed" belongs to a group; ${committed.topic}-${committed.partition} was asked for it`,
      );
    return cluster.topics([...new Set(queries.map(query => query.topic))]);
  }).pipe(
    switchMap(() => ask(cluster, queries)),
    retrying({
      api: 'ListOffsets',
      runtime,
      emit,
      backoff: { baseMs: options.retryBackoffMs, maxMs: options.retryBackoffMaxMs },
      timeoutMs: 2 * options.requestTimeoutMs,
      onRetry: () => cluster.refresh(),
    }),
  );
}

/** One round: every leader is asked once, and the first error of any partition ends it. */
function ask(cluster: Cluster, queries: readonly Query[]): Observable<readonly TopicPartitionOffset[]> {
  const answers: bigint[] = [];
  const byLeader = new Map<number, OffsetQuery<number>[]>();
  queries.forEach(({ topic, partition, at }, tag) => {
    if (typeof at === 'bigint') {
      answers[tag] = at;
      return;
    }
    const leader = leaderOf(cluster, topic, partition);
    const asked = byLeader.get(leader);
    const query = { topic, partition, at, tag };
    if (asked === undefined) byLeader.set(leader, [query]);
    else asked.push(query);
  });
  if (byLeader.size === 0)
    return of(queries.map(({ topic, partition }, tag) => ({ topic, partition, offset: answers[tag]! })));
  return forkJoin(
    [...byLeader].map(([leader, asked]) => listOffsetsOf(cluster, leader, 'read_uncommitted', asked)),
  ).pipe(
    switchMap(rounds => {
      const late: OffsetQuery<number>[] = [];
      for (const answer of rounds.flat()) {
        if ('error' in answer) throw answer.error;
        const { topic, partition } = queries[answer.tag]!;
        // -1 = no record is that late: then the end of the partition.
        if (answer.offset < 0n) late.push({ topic, partition, at: 'latest', tag: answer.tag });
        else answers[answer.tag] = answer.offset;
      }
      const ends =
        late.length === 0
          ? of([])
          : ask(
              cluster,
              late.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const })),
            );
      return ends.pipe(
        map(found => {
          late.forEach(({ tag }, at) => (answers[tag] = found[at]!.offset));
          return queries.map(({ topic, partition }, tag) => ({ topic, partition, offset: answers[tag]! }));
        }),
      );
    }),
  );
}

function leaderOf(cluster: Cluster, topic: string, partition: number): number {
  const known = cluster.metadata.topics.get(topic);
  const code = known === undefined ? codeOf('UNKNOWN_TOPIC_OR_PARTITION') : known.errorCode;
  if (known === undefined || code !== 0) throw brokerError(code, { api: 'ListOffsets', topic });
  const one = known.partitions[partition];
  if (one === undefined)
    throw brokerError(codeOf('UNKNOWN_TOPIC_OR_PARTITION'), {
      api: 'ListOffsets',
      topic,
      partition,
      hint: `The topic has ${known.partitions.length} partitions`,
    });
  if (one.leader < 0) throw brokerError(codeOf('LEADER_NOT_AVAILABLE'), { api: 'ListOffsets', topic, partition });
  return one.leader;
}
