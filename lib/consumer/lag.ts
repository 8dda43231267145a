import { defer, map, merge, of, reduce } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { retrying } from '../cluster/retry';
import type { PartitionLag } from './consumer-api';
import { listOffsetsOf } from '../cluster/list-offsets';
import type { OffsetQuery } from '../cluster/list-offsets';
import { leaderOf } from './fetch/leader-of';
import type { PartitionState } from './partition-state';

/** Asks the leaders for the ends of these partitions and compares. Those whose position is not known yet are left out. Retried until twice `requestTimeoutMs`. */
export function lagOf(
  cluster: Cluster,
  isolation: 'read_committed' | 'read_uncommitted',
  states: () => readonly PartitionState[],
): Observable<readonly PartitionLag[]> {
  const { runtime, emit, options } = cluster;
  return defer(() => {
    const byLeader = new Map<number, OffsetQuery<PartitionState>[]>();
    for (const state of states()) {
      if (state.delivery === undefined) continue;
      const leader = leaderOf(cluster, state);
      if (typeof leader !== 'number') throw leader;
      const queries = byLeader.get(leader);
      const query = { topic: state.topic, partition: state.partition, at: 'latest' as const, tag: state };
      if (queries === undefined) byLeader.set(leader, [query]);
      else queries.push(query);
    }
    return merge(
      of([]),
      ...[...byLeader].map(([leader, queries]) => listOffsetsOf(cluster, leader, isolation, queries)),
    );
  }).pipe(
    map(answers =>
      answers.flatMap((answer): PartitionLag[] => {
        if ('error' in answer) throw answer.error;
        const { topic, partition, delivery } = answer.tag;
        if (delivery === undefined) return [];
        const { position, watermark } = delivery;
        const lag = Number(answer.offset - watermark);
        return [{ topic, partition, position, watermark, endOffset: answer.offset, lag: Math.max(0, lag) }];
      }),
    ),
    reduce((all, some) => [...all, ...some], [] as readonly PartitionLag[]),
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
