import { defer, map, of, switchMap } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { listOffsets as askLeaders } from '../cluster/list-offsets';
import type { LogPlace } from '../cluster/list-offsets';
import { InvalidStateError } from '../errors';
import type { Position, TopicPartition, TopicPartitionOffset } from '../types';

type Query = TopicPartition & { readonly at: Exclude<Position, 'committed'> };

/** See `Admin.listOffsets`. */
export function listOffsets(cluster: Cluster, queries: readonly Query[]): Observable<readonly TopicPartitionOffset[]> {
  return defer(() => {
    const committed = queries.find(query => (query.at as Position) === 'committed');
    if (committed !== undefined)
      throw new InvalidStateError(
        `listOffsets: "committed" belongs to a group; ${committed.topic}-${committed.partition} was asked for it`,
      );
    return cluster.topics([...new Set(queries.map(query => query.topic))]);
  }).pipe(
    switchMap(() => offsetsOf(cluster, queries)),
    cluster.retried('ListOffsets'),
  );
}

/** One round, in the order of the queries; the first error of any partition ends it. */
function offsetsOf(cluster: Cluster, queries: readonly Query[]): Observable<readonly TopicPartitionOffset[]> {
  const offsets = new Map<Query, bigint>();
  const asked = queries.flatMap(query => {
    if (typeof query.at !== 'bigint') return [{ ...query, at: query.at as LogPlace, tag: query }];
    offsets.set(query, query.at);
    return [];
  });
  return askLeaders(cluster, 'read_uncommitted', asked).pipe(
    switchMap(answers => {
      const tooLate: Query[] = [];
      for (const answer of answers) {
        if ('error' in answer) throw answer.error;
        if (answer.offset < 0n) tooLate.push(answer.tag);
        else offsets.set(answer.tag, answer.offset);
      }
      // No record is that late: then the end of the partition.
      const ends = tooLate.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const }));
      return ends.length === 0
        ? of([])
        : offsetsOf(cluster, ends).pipe(map(found => found.map((end, at) => [tooLate[at]!, end.offset] as const)));
    }),
    map(late => {
      for (const [query, offset] of late) offsets.set(query, offset);
      return queries.map(query => ({ topic: query.topic, partition: query.partition, offset: offsets.get(query)! }));
    }),
  );
}
