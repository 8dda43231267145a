import {
  catchError,
  defaultIfEmpty,
  defer,
  distinctUntilChanged,
  forkJoin,
  map,
  merge,
  of,
  reduce,
  skip,
  switchMap,
  take,
  takeUntil,
} from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from './cluster';
import { leaderOf } from './leader-of';
import { reactionTo } from './retry';
import { RequestTimeoutError } from '../errors';
import type { ResponseOf } from '../protocol/api';
import { ListOffsets } from '../protocol/apis/list-offsets';
import { brokerError } from '../protocol/error-table';
import type { TopicPartition } from '../types';

/** A place in a log that only its leader knows. A timestamp in ms finds the first record not earlier. */
export type LogPlace = 'earliest' | 'latest' | { readonly timestamp: number };

/** What to look up. `Q` is whatever the caller wants back with the answer. */
export interface OffsetQuery<Q> extends TopicPartition {
  readonly at: LogPlace;
  readonly tag: Q;
}

/** An offset, or why there is none; -1 = no record is that late. */
export type OffsetAnswer<Q> =
  { readonly tag: Q; readonly offset: bigint } | { readonly tag: Q; readonly error: unknown };

const TIMESTAMP = { earliest: -2, latest: -1 } as const;

/**
 * Asks one leader for offsets: one attempt, one value, an answer or an error per query. Gives up with a retriable error as
 * soon as the metadata names another leader for one of them, instead of waiting for a broker that may be dead. Errors
 * only with what no retry can change.
 */
export function listOffsetsOf<Q>(
  cluster: Cluster,
  leader: number,
  isolation: 'read_committed' | 'read_uncommitted',
  queries: readonly OffsetQuery<Q>[],
): Observable<readonly OffsetAnswer<Q>[]> {
  const failed = (error: unknown) => queries.map(query => ({ tag: query.tag, error }));
  const moved = cluster.snapshots.pipe(
    map(snapshot =>
      queries.every(query => snapshot.topics.get(query.topic)?.partitions[query.partition]?.leader === leader),
    ),
    distinctUntilChanged(),
    skip(1),
  );
  return defer(() => cluster.connection(leader, 'client', 'client')).pipe(
    take(1),
    switchMap(connection =>
      forkJoin(
        rounds(queries).map(round =>
          connection
            .request(ListOffsets, request(cluster, isolation, round))
            .pipe(map(response => answersIn(response, round))),
        ),
      ),
    ),
    map(answers => answers.flat()),
    takeUntil(moved),
    defaultIfEmpty(failed(new RequestTimeoutError(`ListOffsets: broker ${leader} is not the leader any more`))),
    catchError((error: unknown) => {
      if (reactionTo(error) === 'fatal') throw error;
      return of(failed(error));
    }),
  );
}

/** As `listOffsetsOf`, for partitions of any leaders: each leader is asked once. A partition without a leader is answered with its error. */
export function listOffsets<Q>(
  cluster: Cluster,
  isolation: 'read_committed' | 'read_uncommitted',
  queries: readonly OffsetQuery<Q>[],
): Observable<readonly OffsetAnswer<Q>[]> {
  return defer(() => {
    const answers: OffsetAnswer<Q>[] = [];
    const byLeader = new Map<number, OffsetQuery<Q>[]>();
    for (const query of queries) {
      const leader = leaderOf(cluster.metadata, query);
      const asked = typeof leader === 'number' ? byLeader.get(leader) : undefined;
      if (typeof leader !== 'number') answers.push({ tag: query.tag, error: leader });
      else if (asked === undefined) byLeader.set(leader, [query]);
      else asked.push(query);
    }
    const asking = [...byLeader].map(([leader, asked]) => listOffsetsOf(cluster, leader, isolation, asked));
    return merge(of(answers), ...asking).pipe(
      reduce((all, some) => [...all, ...some], [] as readonly OffsetAnswer<Q>[]),
    );
  });
}

/** Brokers refuse a request that names a partition twice (INVALID_REQUEST), so what is asked of it besides goes into another. */
function rounds<Q>(queries: readonly OffsetQuery<Q>[]): readonly (readonly OffsetQuery<Q>[])[] {
  const made: OffsetQuery<Q>[][] = [];
  const times = new Map<string, number>();
  for (const query of queries) {
    const key = `${query.topic}/${query.partition}`;
    const nth = times.get(key) ?? 0;
    times.set(key, nth + 1);
    (made[nth] ??= []).push(query);
  }
  return made;
}

function answersIn<Q>(
  response: ResponseOf<typeof ListOffsets>,
  queries: readonly OffsetQuery<Q>[],
): readonly OffsetAnswer<Q>[] {
  const found = new Map<string, { readonly errorCode: number; readonly offset: bigint }>();
  for (const topic of response.topics)
    for (const one of topic.partitions) found.set(`${topic.name}/${one.partitionIndex}`, one);
  return queries.map(({ topic, partition, tag }): OffsetAnswer<Q> => {
    const one = found.get(`${topic}/${partition}`);
    if (one === undefined)
      return { tag, error: new RequestTimeoutError(`ListOffsets: the answer lacks ${topic}-${partition}`) };
    if (one.errorCode !== 0)
      return { tag, error: brokerError(one.errorCode, { api: 'ListOffsets', topic, partition }) };
    return { tag, offset: one.offset };
  });
}

function request<Q>(
  cluster: Cluster,
  isolation: 'read_committed' | 'read_uncommitted',
  queries: readonly OffsetQuery<Q>[],
) {
  const topics = new Map<string, { partitionIndex: number; currentLeaderEpoch: number; timestamp: number }[]>();
  for (const { topic, partition, at } of queries) {
    let partitions = topics.get(topic);
    if (partitions === undefined) topics.set(topic, (partitions = []));
    const currentLeaderEpoch = cluster.metadata.topics.get(topic)?.partitions[partition]?.leaderEpoch ?? -1;
    partitions.push({
      partitionIndex: partition,
      currentLeaderEpoch,
      timestamp: typeof at === 'string' ? TIMESTAMP[at] : at.timestamp,
    });
  }
  return {
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
    timeoutMs: cluster.options.requestTimeoutMs,
  };
}
