import {
  catchError,
  defaultIfEmpty,
  defer,
  distinctUntilChanged,
  map,
  of,
  skip,
  switchMap,
  take,
  takeUntil,
} from 'rxjs';
import type { Observable } from 'rxjs';
import { leaderOf } from '../../cluster/leader-of';
import type { MetadataSnapshot } from '../../cluster/metadata';
import { RequestTimeoutError, UnsupportedVersionError } from '../../errors';
import { OffsetForLeaderEpoch } from '../../protocol/apis/offset-for-leader-epoch';
import { brokerError } from '../../protocol/error-table';
import type { PartitionState } from '../partition-state';
import type { FetchContext } from './fetch-context';

/** Where a leader says that an epoch ends; -1 = it does not know. */
export interface EpochEnd {
  readonly leaderEpoch: number;
  readonly endOffset: bigint;
}

/** What a leader says of the position of a partition, or why it says nothing. */
export type EpochAnswer = { readonly state: PartitionState } & (
  { readonly end: EpochEnd } | { readonly error: unknown }
);

const UNKNOWN: EpochEnd = { leaderEpoch: -1, endOffset: -1n };

/** The leader epoch of a partition; -1 = unknown. */
export function leaderEpochOf(metadata: MetadataSnapshot, { topic, partition }: PartitionState): number {
  return metadata.topics.get(topic)?.partitions[partition]?.leaderEpoch ?? -1;
}

/**
 * Asks a leader where the epochs end that the last records before these positions are of (KIP-320): below a position, the log was truncated.
 * One request, one value, an answer for each; gives up as soon as the metadata name another leader for one of them.
 */
export function askEpochEnds(
  { cluster }: FetchContext,
  leader: number,
  states: readonly PartitionState[],
): Observable<readonly EpochAnswer[]> {
  const all = (answer: { readonly error: unknown } | { readonly end: EpochEnd }): EpochAnswer[] =>
    states.map(state => ({ state, ...answer }));
  const moved = cluster.snapshots.pipe(
    map(snapshot => states.every(state => leaderOf(snapshot, state) === leader)),
    distinctUntilChanged(),
    skip(1),
  );
  return defer(() => cluster.connection(leader, 'client', 'client')).pipe(
    take(1),
    switchMap(connection => connection.request(OffsetForLeaderEpoch, questions(cluster.metadata, states))),
    map(({ topics }) => {
      const found = new Map<string, EpochAnswer>();
      const byKey = new Map(states.map(state => [state.key, state]));
      for (const { topic, partitions } of topics)
        for (const { partition, errorCode, leaderEpoch, endOffset } of partitions) {
          const state = byKey.get(`${topic}/${partition}`);
          if (state === undefined) continue;
          const error = brokerError(errorCode, { api: OffsetForLeaderEpoch.name, topic, partition });
          found.set(state.key, errorCode === 0 ? { state, end: { leaderEpoch, endOffset } } : { state, error });
        }
      return states.map(
        state => found.get(state.key) ?? { state, error: new RequestTimeoutError(`the answer lacks ${state.key}`) },
      );
    }),
    takeUntil(moved),
    defaultIfEmpty(all({ error: new RequestTimeoutError(`broker ${leader} is not the leader any more`) })),
    // A broker that cannot say truncates all the same, and Fetch may tell.
    catchError((error: unknown) => of(all(error instanceof UnsupportedVersionError ? { end: UNKNOWN } : { error }))),
  );
}

function questions(metadata: MetadataSnapshot, states: readonly PartitionState[]) {
  const topics = new Map<string, { partition: number; currentLeaderEpoch: number; leaderEpoch: number }[]>();
  for (const state of states) {
    let partitions = topics.get(state.topic);
    if (partitions === undefined) topics.set(state.topic, (partitions = []));
    const currentLeaderEpoch = leaderEpochOf(metadata, state);
    partitions.push({ partition: state.partition, currentLeaderEpoch, leaderEpoch: state.lastFetchedEpoch });
  }
  return { replicaId: -1, topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })) };
}
