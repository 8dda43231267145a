import { scanBatches } from '../records/batch-header';
import { buildBatch, type BatchOptions, type BatchRecord } from '../records/build-batch';
import { controlRecord } from '../records/control-record';
import type { TopicPartition } from '../types';
import type { ClusterState, Partition } from './cluster-state';
import { batchesOf, toBatchRecord, type AppendedRecord } from './stored-records';

/**
 * The transactions of one producer, one after the other, as they come to lie in the logs: between its records and its marker others
 * may write, and readers may read.
 */
export class OpenTransaction {
  private readonly producer;
  private readonly sequences = new Map<Partition, number>();
  private readonly open = new Set<Partition>();

  constructor(
    private readonly cluster: ClusterState,
    private readonly find: (where: TopicPartition) => Partition,
  ) {
    this.producer = { ...cluster.producers.fresh(), transactional: true };
  }

  /** Appends records; the first begins a transaction. */
  append(topic: string, partition: number, records: readonly AppendedRecord[]): void {
    const target = this.find({ topic, partition });
    const now = this.cluster.runtime.scheduler.now();
    for (const batch of batchesOf(records.map(record => toBatchRecord(record, now)))) {
      const baseSequence = this.sequences.get(target) ?? 0;
      this.store(target, batch, { baseSequence });
      this.sequences.set(target, baseSequence + batch.length);
    }
    this.open.add(target);
    this.cluster.appended(target);
  }

  /** Ends the transaction: a marker in every partition that it touched. */
  commit(): void {
    this.end('commit');
  }

  /** Ends the transaction: `read_committed` never sees its records. */
  abort(): void {
    this.end('abort');
  }

  private end(type: 'commit' | 'abort'): void {
    for (const target of this.open) {
      this.store(target, [controlRecord(type, this.cluster.runtime.scheduler.now())], { control: true });
      this.cluster.appended(target);
    }
    this.open.clear();
  }

  private store(target: Partition, records: readonly BatchRecord[], options: BatchOptions): void {
    const batch = buildBatch(records, { ...this.producer, ...options });
    target.log.append(batch, scanBatches(batch)[0]!, target.leaderEpoch);
  }
}
