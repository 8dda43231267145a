import type { Cluster } from '../cluster/cluster';
import type { TopicMetadata } from '../cluster/metadata';
import type { KafkaError } from '../errors';
import type { Pressure } from './pressure';
import { tellFailed } from './send-call';
import { TopicLookup } from './topic-lookup';
import type { ParkedRecord, TopicQueues } from './topic-queues';

/** How long a record waits for its topic to be known, at most (`max.block.ms`). */
const TOPIC_TIMEOUT_MS = 60_000;

/** Keeps records aside, in order, until the partitions of their topic are known, and fails those that waited in vain. */
export class Parking {
  readonly #lookup: TopicLookup;
  readonly #timeoutMs: number;

  constructor(
    private readonly cluster: Cluster,
    private readonly pressure: Pressure,
    deliveryTimeoutMs: number,
    private readonly events: {
      readonly onFound: (topic: TopicQueues, metadata: TopicMetadata) => void;
      /** What it throws is the record's error. */
      readonly place: (topic: TopicQueues, parked: ParkedRecord, now: number) => void;
      /** Records were placed or failed. */
      readonly onLeft: () => void;
    },
  ) {
    this.#lookup = new TopicLookup(cluster);
    this.#timeoutMs = Math.min(TOPIC_TIMEOUT_MS, deliveryTimeoutMs);
  }

  park(topic: TopicQueues, record: ParkedRecord): void {
    topic.parked.push(record);
    this.pressure.add(record.bytes);
    this.#lookUp(topic, record.since);
  }

  /** Fails the first `count` parked records of a topic. */
  fail(topic: TopicQueues, count: number, error: KafkaError): void {
    const failed: ParkedRecord[] = [];
    while (failed.length < count && topic.parked.length > 0) failed.push(topic.parked.shift()!);
    // Before anybody hears of it, since who does may send again: the oldest of the rest says how long to look.
    this.#lookUp(topic, this.cluster.runtime.scheduler.now());
    for (const { bytes } of failed) this.pressure.remove(bytes);
    for (const { waiter, index } of failed) tellFailed(waiter, index, error);
  }

  close(): void {
    this.#lookup.close();
  }

  #lookUp(topic: TopicQueues, now: number): void {
    if (topic.parked.length === 0 || this.#lookup.running(topic.name)) return;
    this.#lookup.start(
      topic.name,
      topic.parked.first!.since + this.#timeoutMs - now,
      metadata => {
        this.events.onFound(topic, metadata);
        this.#place(topic);
      },
      error => {
        const at = this.cluster.runtime.scheduler.now();
        // Those that came later have not waited for long enough, unless waiting is useless. The time left must be worth
        // another attempt: the lookup itself ends before a pause that would outlast it.
        const due = at + this.cluster.options.retryBackoffMaxMs;
        let over = error.retriable ? 1 : topic.parked.length;
        while (over < topic.parked.length && topic.parked.at(over)!.since + this.#timeoutMs <= due) over += 1;
        this.fail(topic, over, error);
        this.events.onLeft();
      },
    );
  }

  #place(topic: TopicQueues): void {
    const now = this.cluster.runtime.scheduler.now();
    // One by one from the list: a record that is sent from within an error told here goes behind those still parked.
    while (topic.parked.length > 0) {
      const parked = topic.parked.shift()!;
      this.pressure.remove(parked.bytes);
      try {
        this.events.place(topic, parked, now);
      } catch (error) {
        // A partitioner of the user's threw. Whoever sent the record hears of it.
        tellFailed(parked.waiter, parked.index, error as KafkaError);
      }
    }
    this.events.onLeft();
  }
}
