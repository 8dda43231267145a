import { DELIVERY } from '../../types';
import type { ConsumerBatch, ConsumerRecord, DeliverySource, Outgoing, ProducerRecord } from '../../types';
import type { DeliveredRecord, RecordHome } from './record';

/** A contiguous run of one partition's records, as far as the window let them through at once. Settles its records. */
export class DeliveredBatch<K, V> implements ConsumerBatch<K, V> {
  constructor(
    /** @internal */ readonly delivery: RecordHome,
    private readonly delivered: readonly DeliveredRecord<K, V>[],
    readonly highWatermark: bigint,
  ) {}

  get records(): readonly ConsumerRecord<K, V>[] {
    return this.delivered;
  }

  get topic(): string {
    return this.delivery.topic;
  }

  get partition(): number {
    return this.delivery.partition;
  }

  get firstOffset(): bigint {
    return this.delivered[0]!.offset;
  }

  get lastOffset(): bigint {
    return this.last.offset;
  }

  get settled(): boolean {
    return this.delivered.every(record => record.settled);
  }

  get signal(): AbortSignal {
    return this.delivery.signalOf(this);
  }

  get [DELIVERY](): DeliverySource {
    return this.delivery.owner.source;
  }

  /** @internal What the batch's signal hangs on: superseding its last record supersedes the batch. */
  get sequence(): number {
    return this.last.sequence;
  }

  /** @internal */
  get generation(): number {
    return this.last.generation;
  }

  ack(): boolean {
    let acked = false;
    for (const record of this.delivered) if (record.ack()) acked = true;
    return acked;
  }

  /** Redelivers from the first record of the batch that is not settled. */
  nack(error: unknown): boolean {
    let nacked = false;
    for (const record of this.delivered) if (record.nack(error)) nacked = true;
    return nacked;
  }

  ackThrough(offset: bigint): boolean {
    let acked = false;
    for (const record of this.delivered) {
      if (record.offset > offset) break;
      if (record.ack()) acked = true;
    }
    return acked;
  }

  produce<K2 = never, V2 = never>(...records: ProducerRecord<K2, V2>[]): Outgoing<K2, NonNullable<V2>, this> {
    return { records: records as ProducerRecord<K2, NonNullable<V2>>[], source: this, context: this };
  }

  toJSON(): unknown {
    const { topic, partition, firstOffset, lastOffset, delivered } = this;
    return {
      topic,
      partition,
      firstOffset: firstOffset.toString(),
      lastOffset: lastOffset.toString(),
      records: delivered,
    };
  }

  private get last(): DeliveredRecord<K, V> {
    return this.delivered[this.delivered.length - 1]!;
  }
}
