import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import type { MetadataSnapshot, TopicMetadata } from '../cluster/metadata';
import type { KafkaError } from '../errors';
import { BatchWriter, recordSizeBound } from '../records/batch-writer';
import type { ListedHeaders } from '../records/record-encoder';
import type { Bytes, ProducerRecord } from '../types';
import { Alarm } from './alarm';
import { Batch } from './batch';
import { BufferPool } from './buffer-pool';
import { Drains } from './drains';
import type { ResolvedProducerOptions } from './options';
import { Parking } from './parking';
import { keyBytes, partitionOfKey } from './partitioner';
import { PartitionQueue } from './partition-queue';
import type { ProducerIdentity } from './partition-queue';
import type { Pressure } from './pressure';
import { BATCH_OVERHEAD_BYTES, REQUEST_OVERHEAD_BYTES } from './produce-request';
import { tellFailed } from './send-call';
import type { Waiter } from './send-call';
import { deliveryTimedOut, noSuchPartition, recordTooLarge } from './send-errors';
import { TopicQueues } from './topic-queues';

/** What a batch begins with by itself. */
const SMALL_BATCH_BYTES = 4_096;
/** With sequences, as many of one partition as requests of a broker. Without, a retry would be overtaken. */
const IDEMPOTENT_IN_FLIGHT = 5;

/** Whom the accumulator tells. */
export interface AccumulatorEvents {
  /** The queue has something to send, now or when its batch is due. Called per record: cheap when it is known already. */
  readonly onWork: (queue: PartitionQueue) => void;
  /** The leader of a queue is another one. */
  readonly onMoved: (queue: PartitionQueue) => void;
  readonly onExhausted: (identity: ProducerIdentity) => void;
}

/**
 * Holds every record between `send` and its result: writes it into the open batch of its partition, keeps it aside
 * while its topic is unknown, and fails it when its time is over.
 */
export class Accumulator {
  readonly #topics = new Map<string, TopicQueues>();
  /** Batches whose records are not settled, in the order in which they were made, and the queues they stand in. */
  readonly #live = new Map<Batch, PartitionQueue>();
  readonly #parking: Parking;
  readonly #expiry: Alarm;
  readonly #drains = new Drains();
  readonly #buffers = new BufferPool();
  readonly #capacityBytes: number;
  readonly #maxBatchBytes: number;
  #serial = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly options: ResolvedProducerOptions,
    private readonly pressure: Pressure,
    private readonly events: AccumulatorEvents,
  ) {
    this.#parking = new Parking(cluster, pressure, options.deliveryTimeoutMs, {
      onFound: (topic, metadata) => {
        this.#follow(topic, metadata);
      },
      place: (topic, { record, key, value, headers, waiter, index, since, serial }, now) =>
        this.#place(topic, record, key, value, headers, waiter, index, now, since, serial),
      onLeft: () => {
        // They were taken over before somebody asked to flush: they must not linger now.
        if (!this.#drains.empty) this.closeBatches();
        this.checkDrains();
      },
    });
    this.#expiry = new Alarm(cluster.runtime, () => this.#expire());
    this.#maxBatchBytes = options.maxRequestBytes - REQUEST_OVERHEAD_BYTES - BATCH_OVERHEAD_BYTES;
    this.#capacityBytes = Math.min(options.batchBytes, this.#maxBatchBytes);
  }

  /** Takes one record over; `waiter` hears what became of it. Throws a `TypeError`, having taken nothing, on what is no bytes. */
  add(
    record: ProducerRecord<unknown, unknown>,
    key: Bytes,
    value: Bytes,
    headers: ListedHeaders | undefined,
    waiter: Waiter,
    index: number,
    now: number,
  ): void {
    let topic = this.#topics.get(record.topic);
    if (topic === undefined) this.#topics.set(record.topic, (topic = this.#makeTopic(record.topic)));
    if (topic.ready && topic.parked.length === 0) {
      this.#place(topic, record, key, value, headers, waiter, index, now, now, Infinity);
      return;
    }
    const bytes = recordSizeBound(key, value, headers);
    this.#parking.park(topic, {
      record,
      key,
      value,
      headers,
      waiter,
      index,
      bytes,
      since: now,
      serial: this.#serial++,
    });
  }

  /** Takes over new leaders and new partitions. */
  update(snapshot: MetadataSnapshot): void {
    for (const topic of this.#topics.values()) {
      const metadata = topic.ready ? snapshot.topics.get(topic.name) : undefined;
      if (metadata !== undefined) this.#follow(topic, metadata);
    }
    this.checkDrains();
  }

  /** Lets every open batch leave at once. */
  closeBatches(): void {
    for (const [batch, queue] of this.#live) if (batch === queue.open) queue.closeOpen();
  }

  /** Emits once everything taken over so far is settled, and completes. Open batches do not wait for more. */
  drained(): Observable<void> {
    return this.#drains.wait(
      () => {
        this.closeBatches();
        return this.#serial;
      },
      () => this.checkDrains(),
    );
  }

  /** The batch is stored: tells its waiters. */
  stored(batch: Batch, baseOffset: bigint, appendedAt: number): void {
    if (!this.#forget(batch)) return;
    // The broker has answered the only request that ever carried it, so nobody reads its bytes any more.
    const { storage } = batch;
    if (storage !== undefined && batch.attempts === 1 && this.options.acks !== 0) this.#buffers.give(storage);
    batch.tellStored(baseOffset, appendedAt);
  }

  /** The batch failed: tells its waiters. */
  failed(batch: Batch, error: KafkaError | ((record: number) => KafkaError)): void {
    if (this.#forget(batch)) batch.tellFailed(error);
  }

  /** A batch was split: its records are in the parts now. */
  replaced(batch: Batch, parts: readonly Batch[]): void {
    const queue = this.#live.get(batch);
    this.#forget(batch);
    for (const part of parts) {
      this.#live.set(part, queue!);
      this.pressure.add(part.reservedBytes);
    }
  }

  /** Fails the batches of one queue that are not in flight. */
  failQueue(queue: PartitionQueue, error: KafkaError): void {
    for (const batch of queue.batches()) {
      if (batch.state === 'inFlight') continue;
      queue.giveUp(batch);
      this.failed(batch, error);
    }
  }

  /** Fails whatever is left, in flight or not. */
  failAll(
    errorOf: (what: { readonly topic: string; readonly partition?: number; readonly attempts: number }) => KafkaError,
  ): void {
    // A copy: who hears of it may send again.
    for (const [batch, queue] of [...this.#live]) {
      if (batch.state !== 'inFlight') queue.giveUp(batch);
      this.failed(batch, errorOf(batch));
    }
    for (const topic of this.#topics.values())
      this.#parking.fail(topic, topic.parked.length, errorOf({ topic: topic.name, attempts: 0 }));
    this.checkDrains();
  }

  /** Tells whoever waits in `drained` if nothing older is left. Called when batches were settled. */
  checkDrains(): void {
    if (this.#drains.empty) return;
    let oldest = Infinity;
    for (const batch of this.#live.keys()) oldest = Math.min(oldest, batch.serial);
    for (const { parked } of this.#topics.values()) oldest = Math.min(oldest, parked.first?.serial ?? Infinity);
    this.#drains.check(oldest);
  }

  close(): void {
    this.#parking.close();
    this.#expiry.cancel();
  }

  #follow(topic: TopicQueues, metadata: TopicMetadata): void {
    for (const queue of topic.update(metadata)) {
      if (queue.lost)
        this.failQueue(queue, noSuchPartition(topic.name, queue.partition, topic.partitions.length, 'lost'));
      this.events.onMoved(queue);
    }
  }

  #makeTopic(name: string): TopicQueues {
    const rules = {
      idempotent: this.options.idempotent,
      maxInFlight: this.options.idempotent ? IDEMPOTENT_IN_FLIGHT : 1,
    };
    const { onExhausted } = this.events;
    return new TopicQueues(
      name,
      (topic, partition, id) => new PartitionQueue(topic, partition, id, rules, onExhausted),
    );
  }

  #place(
    topic: TopicQueues,
    record: ProducerRecord<unknown, unknown>,
    key: Bytes,
    value: Bytes,
    headers: ListedHeaders | undefined,
    waiter: Waiter,
    index: number,
    now: number,
    since: number,
    serial: number,
  ): void {
    const sticky = record.partition === undefined && key === null && this.options.partitioner === undefined;
    const partition = sticky
      ? topic.sticky.choose(topic.available, this.#capacityBytes, this.cluster.runtime.random)
      : this.#choose(topic, record, key);
    const queue = topic.partitions[partition];
    if (queue === undefined) {
      this.cluster.refresh();
      const how = record.partition === undefined ? 'chosen' : 'named';
      tellFailed(waiter, index, noSuchPartition(topic.name, partition, topic.partitions.length, how));
      return;
    }
    const bytes = this.#write(queue, record, key, value, headers, waiter, index, now, since, serial);
    if (sticky) topic.sticky.wrote(bytes);
    this.events.onWork(queue);
  }

  #choose(topic: TopicQueues, record: ProducerRecord<unknown, unknown>, key: Bytes): number {
    if (record.partition !== undefined) return record.partition;
    const { partitioner } = this.options;
    const count = topic.partitions.length;
    return partitioner === undefined ? partitionOfKey(key!, count) : partitioner(record, keyBytes(key), count);
  }

  #write(
    queue: PartitionQueue,
    record: ProducerRecord<unknown, unknown>,
    key: Bytes,
    value: Bytes,
    headers: ListedHeaders | undefined,
    waiter: Waiter,
    index: number,
    now: number,
    since: number,
    serial: number,
  ): number {
    const timestamp = Math.trunc(record.timestamp ?? now);
    let batch = queue.open ?? this.#open(queue, now, since);
    let bytes: number;
    try {
      bytes = batch.append(timestamp, key, value, headers, waiter, index);
      if (bytes < 0) {
        queue.closeOpen();
        batch = this.#open(queue, now, since);
        bytes = batch.append(timestamp, key, value, headers, waiter, index);
      }
    } catch (error) {
      if (batch.count === 0) {
        queue.giveUp(batch);
        this.#forget(batch);
      }
      throw error;
    }
    if (serial < batch.serial) this.#backdate(batch, since, serial);
    this.pressure.add(bytes);
    // Only the first record of a batch can be that long.
    if (bytes > this.#maxBatchBytes) {
      queue.giveUp(batch);
      this.failed(batch, recordTooLarge(queue.topic, queue.partition, bytes, this.options.maxRequestBytes));
    }
    return bytes;
  }

  #open(queue: PartitionQueue, now: number, since: number): Batch {
    const { compression, compressionLevel, lingerMs, deliveryTimeoutMs } = this.options;
    // As large as the last one, or it grows up to there by copying itself again and again.
    const bytes = Math.min(this.#capacityBytes, queue.lastBytes + (queue.lastBytes >> 2));
    const writer = new BatchWriter({
      capacityBytes: this.#capacityBytes,
      compression,
      ...(bytes > SMALL_BATCH_BYTES ? { buffer: this.#buffers.take(Math.min(bytes, queue.lastBytes), bytes) } : {}),
      ...(compressionLevel === undefined ? {} : { level: compressionLevel }),
    });
    const deadline = since + deliveryTimeoutMs;
    const batch = new Batch(queue.topic, queue.partition, writer, {
      serial: this.#serial++,
      dueAt: now + lingerMs,
      deadline,
    });
    queue.open = batch;
    this.#live.set(batch, queue);
    this.#expiry.setNoLaterThan(deadline);
    return batch;
  }

  /** The batch got a record that has waited for its topic. */
  #backdate(batch: Batch, since: number, serial: number): void {
    batch.serial = serial;
    batch.deadline = Math.min(batch.deadline, since + this.options.deliveryTimeoutMs);
    this.#expiry.setNoLaterThan(batch.deadline);
  }

  #forget(batch: Batch): boolean {
    if (!this.#live.delete(batch)) return false;
    this.pressure.remove(batch.reservedBytes);
    if (this.#live.size === 0) this.#expiry.cancel();
    return true;
  }

  #expire(): void {
    const now = this.cluster.runtime.scheduler.now();
    const { deliveryTimeoutMs } = this.options;
    for (const [batch, queue] of this.#live) {
      if (batch.deadline > now) {
        this.#expiry.setNoLaterThan(batch.deadline);
        continue;
      }
      // One in flight keeps its place until its answer: only then is it known what became of its sequence.
      if (batch.state !== 'inFlight') queue.giveUp(batch);
      this.failed(batch, deliveryTimedOut(batch, queue, deliveryTimeoutMs));
      this.events.onWork(queue);
    }
    this.checkDrains();
  }
}
