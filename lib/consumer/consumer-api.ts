import type { Observable } from 'rxjs';
import type {
  ConsumerBatch,
  ConsumerRecord,
  Position,
  RebalanceEvent,
  TopicPartition,
  TopicPartitionOffset,
} from '../types';
import type { SubscriptionMode, SubscriptionPhase } from './subscription-state';

/** The partitions of a consumer, and how they came about. */
export interface Assignment {
  readonly mode: SubscriptionMode;
  readonly phase: SubscriptionPhase;
  readonly partitions: readonly TopicPartition[];
}

/** A partition to read. `offset`: where from [the committed offset with a `groupId`, else `offsetReset`]; `until` (exclusive; `latest` = the end as of now) ends it. */
export interface AssignedPartition extends TopicPartition {
  readonly offset?: Position;
  readonly until?: Position;
}

/** How far a partition was read, and how far it goes. */
export interface PartitionLag extends TopicPartition {
  /** Next to deliver. */
  readonly position: bigint;
  /** Next to commit: the end of the acked prefix. */
  readonly watermark: bigint;
  /** The last stable offset for `read_committed`, else the high watermark. */
  readonly endOffset: bigint;
  /** `endOffset` minus `watermark`. */
  readonly lag: number;
}

/** An offset to commit: that of the *next* record to read. */
export interface OffsetToCommit extends TopicPartitionOffset {
  readonly metadata?: string;
}

/**
 * Reads partitions. Made by `kafka.consumer()`; nothing is fetched before one of the views is subscribed.
 *
 * @example
 * kafka.consumer().assign([{ topic: 'orders', partition: 0, offset: 'earliest' }]).records.subscribe(record => console.log(record.value));
 */
export interface Consumer<K = Buffer | null, V = Buffer | null> {
  /**
   * With a `groupId`: joins the group with the first view, and reads what the group gives us. Without: all partitions of the topics,
   * following growth. A pattern is matched against the names of all topics, again each `metadataMaxAgeMs`. Clears an earlier
   * `assign`; called again, only the difference moves.
   */
  subscribe(topics: string | readonly string[] | RegExp): this;
  /**
   * A fixed list, without group membership; commits still work with `groupId`. Clears an earlier `subscribe`; called again, kept partitions keep
   * position, pause and what is in flight: their `offset` is not looked at (see `seek`), and `until` is what the last call says, none
   * included; `latest` is the end as of that call. A partition or topic that is not there yet is waited for. When all partitions have reached their `until`, the view completes: as soon as everything is
   * delivered, or, behind `handle`, settled. What is nacked after that comes with the next view.
   */
  assign(partitions: readonly AssignedPartition[]): this;
  /** Gives all partitions up: emission stops at once, records in flight are waited for up to `drainMs`, offsets committed. The view stays open. */
  unsubscribe(): this;
  /** Hot, replays the current value; completes on close. */
  readonly assignment: Observable<Assignment>;
  /**
   * One record at a time. Errors with what no retry can change (a refusal, bytes that cannot be read, `offsetReset: 'error'`),
   * with a retriable `ConnectionError` when no broker has ever answered this client within twice `requestTimeoutMs`, and with
   * `ConsumerBusyError` when another view is subscribed. Outages, leader moves and missing topics are waited out: see `kafka.events`.
   * Completes on `close`, and when all partitions have reached their `until`. Unsubscribing stops delivery at once and commits the
   * acked prefix in the background; the next view goes on behind it.
   */
  readonly records: Observable<ConsumerRecord<K, V>>;
  /** Contiguous runs of one partition, for bulk sinks. */
  readonly batches: Observable<ConsumerBatch<K, V>>;
  /** Hot: the steps of the group's rebalances, by the group protocol, mode switch or close; see `RebalanceEvent`. Silent without a `groupId`. Completes on close. */
  readonly rebalances: Observable<RebalanceEvent>;
  /** Hot: each successful commit. Completes on close. */
  readonly commits: Observable<readonly TopicPartitionOffset[]>;
  readonly paused: readonly TopicPartition[];
  /**
   * Cold, one value: what was committed. Without arguments what was acked so far; given offsets are committed as they are, even backwards. Retried until
   * twice `requestTimeoutMs`; errors with `BrokerError`, or with `InvalidStateError` without a `groupId`. Unsubscribing gives up the answer, not the commit.
   */
  commit(offsets?: readonly OffsetToCommit[]): Observable<readonly TopicPartitionOffset[]>;
  /** Stops emission and fetching of these partitions [all]; what was fetched stays. */
  pause(partitions?: readonly TopicPartition[]): void;
  resume(partitions?: readonly TopicPartition[]): void;
  /** Legal at any time, also before the first fetch and inside `next`. Undelivered records of the partition are dropped. A timestamp past the last record is the end. */
  seek(partition: TopicPartition, to: Position): void;
  /** The next offset to deliver; `undefined` while it is not known, or the partition is not ours. */
  position(partition: TopicPartition): bigint | undefined;
  /** Cold, one value: asks the leaders for the ends of the partitions whose position is known. */
  lag(): Observable<readonly PartitionLag[]>;
  /** Completes the views, waits for records in flight, commits, closes the sockets. Idempotent; always settles; unsubscribing stops waiting, not closing. */
  close(options?: { readonly drainMs?: number }): Observable<{ readonly settled: number; readonly abandoned: number }>;
}
