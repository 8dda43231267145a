import type { TopicMetadata } from '../cluster/metadata';
import { Fifo } from '../fifo';
import type { ListedHeaders } from '../records/record-encoder';
import type { Bytes, ProducerRecord } from '../types';
import { type PartitionQueue } from './partition-queue';
import { StickyPartition } from './partitioner';
import type { Waiter } from './send-call';

/** A record whose topic is not known yet. */
export interface ParkedRecord {
  readonly record: ProducerRecord<unknown, unknown>;
  readonly key: Bytes;
  readonly value: Bytes;
  readonly headers: ListedHeaders | undefined;
  readonly waiter: Waiter;
  readonly index: number;
  readonly bytes: number;
  readonly since: number;
  readonly serial: number;
}

/** One topic as the producer sees it: a queue per partition, and the records that came before its partitions were known. */
export class TopicQueues {
  /** Its partitions are known. */
  ready = false;
  topicId = '';
  readonly partitions: PartitionQueue[] = [];
  /** The partitions that have a leader; all of them while none has. */
  available: readonly number[] = [];
  readonly sticky = new StickyPartition();
  readonly parked = new Fifo<ParkedRecord>();
  #seen: TopicMetadata | undefined;

  constructor(
    readonly name: string,
    private readonly queueOf: (topic: string, partition: number, topicId: string) => PartitionQueue,
  ) {}

  /** Takes over what is known of the topic; gives the queues whose leader is another one now, those of lost partitions among them. */
  update(metadata: TopicMetadata): readonly PartitionQueue[] {
    if (metadata === this.#seen || metadata.partitions.length === 0) return [];
    this.#seen = metadata;
    // Partitions never go away, unless the topic was deleted and made anew with fewer of them.
    const lost = metadata.topicId === this.topicId ? [] : this.partitions.splice(metadata.partitions.length);
    this.topicId = metadata.topicId;
    const moved: PartitionQueue[] = [];
    const led: number[] = [];
    const count = Math.max(this.partitions.length, metadata.partitions.length);
    for (let partition = 0; partition < count; partition++) {
      const queue = (this.partitions[partition] ??= this.queueOf(this.name, partition, metadata.topicId));
      queue.topicId = metadata.topicId;
      const leader = metadata.partitions[partition]?.leader ?? queue.leader;
      if (leader >= 0) led.push(partition);
      if (leader === queue.leader) continue;
      queue.leader = leader;
      moved.push(queue);
    }
    for (const queue of lost) {
      queue.leader = -1;
      queue.lost = true;
      moved.push(queue);
    }
    this.available = led.length > 0 ? led : this.partitions.map(queue => queue.partition);
    this.sticky.keepTo(this.available);
    this.ready = true;
    return moved;
  }
}
