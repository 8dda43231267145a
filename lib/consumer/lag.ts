import { defer, map } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { listOffsets } from '../cluster/list-offsets';
import type { PartitionLag } from './consumer-api';
import type { PartitionState } from './partition-state';

/** Asks the leaders for the ends of these partitions and compares. Those whose position is not known yet are left out. Retried until twice `requestTimeoutMs`. */
export function lagOf(
  cluster: Cluster,
  isolation: 'read_committed' | 'read_uncommitted',
  states: () => readonly PartitionState[],
): Observable<readonly PartitionLag[]> {
  return defer(() =>
    listOffsets(
      cluster,
      isolation,
      states()
        .filter(state => state.delivery !== undefined)
        .map(state => ({ topic: state.topic, partition: state.partition, at: 'latest', tag: state })),
    ),
  ).pipe(
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
    cluster.retried('ListOffsets'),
  );
}
