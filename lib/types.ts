import type { ConnectionOptions } from 'node:tls';
import type { Observable, ObservableInput, SchedulerLike, Unsubscribable } from 'rxjs';

// The shared vocabulary of the library, as interfaces only. Anything may import this file; it imports nothing of ours.

// ── Where ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** An offset in a partition. In commits and positions it is the offset of the *next* record to read. */
export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: bigint;
}

/**
 * Where to read from: an offset, an end of the log, the group's committed offset (falling back to the consumer's
 * `offsetReset`), or the first record whose timestamp in ms is not earlier (the end of the log if there is none).
 */
export type Position = bigint | 'earliest' | 'latest' | 'committed' | { readonly timestamp: number };

// ── Records ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** A key, value or header value as it is sent. A string is written as UTF-8; `null` is Kafka's null (a tombstone for values). */
export type Bytes = Uint8Array | string | null;

/** Headers to send: an object, or pairs where order or repeated names matter. */
export type HeadersInput = Readonly<Record<string, Bytes>> | Iterable<readonly [string, Bytes]>;

/** Received headers in wire order, repeated names and null values kept, so that a forwarded record is byte-equal. */
export interface RecordHeaders extends Iterable<readonly [string, Buffer | null]> {
  /** The last value of that name; `undefined` when there is none. */
  get(name: string): Buffer | null | undefined;
  getAll(name: string): readonly (Buffer | null)[];
  /** The last value of that name as UTF-8; `undefined` when it is absent or null. */
  text(name: string): string | undefined;
}

/** Makes bytes of a value; `null` writes a tombstone. Called synchronously inside `send`. */
export interface Encoder<T> {
  encode(value: T, topic: string): Uint8Array | null;
}

/** Makes a value of bytes. Called when `record.key` or `record.value` is first read; what it throws is thrown there. */
export interface Decoder<T> {
  decode(bytes: Buffer | null, topic: string): T;
}

/** One object for both directions, so that a topic's format is named once. */
export interface Serde<T> extends Encoder<T>, Decoder<T> {}

/** Batch compression (`compression.type`). */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** A record to send. `value: null` is a tombstone; no `key` (or a null one) lets the partitioner choose freely. */
export interface ProducerRecord<K = Bytes, V = Bytes> {
  readonly topic: string;
  readonly key?: K | null;
  readonly value: V | null;
  /** An explicit partition; one that does not exist is an error. [chosen by the partitioner] */
  readonly partition?: number;
  /** Milliseconds since the epoch. [now] */
  readonly timestamp?: number;
  readonly headers?: HeadersInput;
}

/** Where a record was stored. `offset` is -1 with `acks: 0` and after a duplicate whose offset the broker no longer knows. */
export interface RecordMetadata extends TopicPartitionOffset {
  /** The record's own timestamp, or the broker's where the topic uses LogAppendTime. */
  readonly timestamp: number;
}

/** What can be settled once. Both calls are idempotent and never throw; `false` = already settled, or superseded by a seek, a rebalance or a new view. */
export interface Settleable {
  /** Done: gives the credit back and lets the commit watermark move over it. */
  ack(): boolean;
  /** Failed: gives the credit back and redelivers from this record of its partition on, after the retry backoff, with `attempt + 1`. */
  nack(error: unknown): boolean;
  readonly settled: boolean;
}

/** A record as it was read. Properties live on the prototype and decode on first read: read them, do not spread. */
export interface ConsumerRecord<K = Buffer | null, V = Buffer | null> extends TopicPartition, Settleable {
  readonly offset: bigint;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** `append` = set by the broker (LogAppendTime). */
  readonly timestampType: 'create' | 'append';
  /** Decoded on first read; a decoder's error is thrown here, so that it reaches your error policy. */
  readonly key: K;
  readonly value: V;
  readonly headers: RecordHeaders;
  readonly rawKey: Buffer | null;
  readonly rawValue: Buffer | null;
  /** Of the batch; -1 = unknown. */
  readonly leaderEpoch: number;
  /** 1 for the first delivery, one more for each `nack` of this record. */
  readonly attempt: number;
  /** Aborts when the record is superseded: its partition is lost, the drain deadline passes, or `handle` times out. */
  readonly signal: AbortSignal;
  /** Acks this record and every earlier one of its partition. */
  ackThrough(): boolean;
  /** Gives the credit back without acking, for windows of your own that hold records; bounded by `window.ackAhead`. */
  release(): boolean;
  /** The records to send because of this one; a `handle` that returns it leaves the ack to whoever stores them. */
  produce<K2 = never, V2 = never>(...records: ProducerRecord<K2, V2>[]): Outgoing<K2, NonNullable<V2>, this>;
  /** Offset as text, bytes as text or base64, so that a record can be logged. */
  toJSON(): unknown;
}

/** Several records settled together. */
export interface RecordBatch<K = Buffer | null, V = Buffer | null> extends Settleable {
  readonly records: readonly ConsumerRecord<K, V>[];
  readonly signal: AbortSignal;
  produce<K2 = never, V2 = never>(...records: ProducerRecord<K2, V2>[]): Outgoing<K2, NonNullable<V2>, this>;
}

/** A contiguous run of one partition, as it came from the broker. */
export interface ConsumerBatch<K = Buffer | null, V = Buffer | null> extends RecordBatch<K, V>, TopicPartition {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  /** The partition's high watermark when the batch was fetched. */
  readonly highWatermark: bigint;
  /** Acks every record of the batch up to and including `offset`. */
  ackThrough(offset: bigint): boolean;
}

/** Records to send, and what to settle once all of them are stored. */
export interface Outgoing<K = Bytes, V = Bytes, C = unknown> {
  readonly records: readonly ProducerRecord<K, V>[];
  readonly source?: Settleable;
  readonly context?: C;
}

// ── Seams ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Time, turns of I/O and chance: all the clocks there are. The default is the real one; tests pass a virtual one. */
export interface Runtime {
  /** `now()` is the clock in ms, `schedule` every timer. */
  readonly scheduler: SchedulerLike;
  /** Runs `work` after a turn of I/O (`setImmediate`). Unsubscribing cancels it. */
  yield(work: () => void): Unsubscribable;
  /** In [0, 1), for jitter and the sticky partitioner. */
  random(): number;
}

/** Where a broker listens. */
export interface BrokerAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Unknown (`undefined`) for a bootstrap address. */
  readonly nodeId?: number;
}

/**
 * Opens the bytes to a broker. Subscribing opens the socket and emits one `ByteStream`; unsubscribing destroys it.
 * Completes on an orderly end by the peer, errors on a fault. `tls` carries the client's options when TLS is on: pass
 * it on when you wrap another transport.
 */
export type Transport = (broker: BrokerAddress, tls: ConnectionOptions | undefined) => Observable<ByteStream>;

/** The bytes to and from one broker, once the way is open; what a `Transport` emits. */
export interface ByteStream {
  /** The received chunks. Subscribed once, at once. Owned by the subscriber from then on. */
  readonly received: Observable<Uint8Array>;
  /** Emits `false` when writes pile up, again whenever some of them have left, and `true` when they may go on. */
  readonly writable: Observable<boolean>;
  /** Writes the chunks in order, as one gathered write where that is possible. Their memory is written to again once the reply has come. */
  write(chunks: readonly Uint8Array[]): void;
}

/** How to authenticate (`sasl.mechanism`, `sasl.jaas.config`). */
export type SaslOptions =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'oauthbearer';
      readonly token: () => ObservableInput<{
        readonly value: string;
        readonly extensions?: Readonly<Record<string, string>>;
      }>;
    };

// ── What one can watch ───────────────────────────────────────────────────────────────────────────────────────────

/** Who uses a connection, and for what: a broker serves one connection one request at a time, so long waits get their own. */
export type Purpose = 'client' | 'produce' | 'fetch' | 'group' | 'join';
/** `connecting` until the broker has answered ApiVersions and accepted our credentials; `disconnected` is the end of this attempt. */
export type ConnectionState = 'connecting' | 'connected' | 'disconnected';
/** Why a connection ended: `broken` socket, `timeout`, a `protocol` violation, `idle` close, refused `authentication`, or our own `shutdown`. */
export type DisconnectReason = 'broken' | 'timeout' | 'protocol' | 'idle' | 'authentication' | 'shutdown';

/** One slot in use: a (broker, owner, purpose). */
export interface ConnectionStatus {
  readonly broker: BrokerAddress;
  /** `client`, or a name unique to the producer or consumer. */
  readonly owner: string;
  /** What it is used for: long waits do not stand in each other's way. */
  readonly purpose: Purpose;
  readonly state: ConnectionState;
  /** Counts the attempts of this slot; a new attempt is a new generation. */
  readonly generation: number;
  /** Requests without a reply, when the list was made. */
  readonly inFlight: number;
  /** Why it is `disconnected`, and while it connects again why it was. */
  readonly reason?: DisconnectReason;
}

/** What happened. More members may come: keep a default branch. */
export type KafkaEventBody =
  /** A connection is ready: ApiVersions is answered, credentials are accepted. Once for each generation of a slot that gets so far. */
  | { readonly type: 'connected'; readonly connection: ConnectionStatus }
  /**
   * The end of an attempt or of a connection. Once for each generation, `connected` or not; a slot that cannot connect tells one
   * for every attempt. `error` is absent after an orderly end (`idle`, `shutdown`). Told after the requests have learnt of it.
   */
  | {
      readonly type: 'disconnected';
      readonly connection: ConnectionStatus;
      readonly reason: DisconnectReason;
      readonly error?: unknown;
      /** Requests in flight that were cancelled. */
      readonly cancelled: number;
    }
  /**
   * A request met a fault that may pass and is repeated after `delayMs`. Before each repetition; `attempt` counts the failures so far.
   * Produce tells of it once for all batches of a request.
   */
  | {
      readonly type: 'retry';
      readonly api: string;
      readonly attempt: number;
      readonly delayMs: number;
      readonly error: unknown;
    }
  /** A broker wants this connection to keep quiet for so long (quotas, KIP-219). With every response that says so. */
  | { readonly type: 'throttled'; readonly broker: BrokerAddress; readonly throttleMs: number }
  /** Metadata or a response named another leader. Once for each move that becomes known; not when a partition is left without one. */
  | { readonly type: 'leader-changed'; readonly partition: TopicPartition; readonly leader: number }
  /** No known broker can be reached, or one had us start over: the bootstrap addresses are tried, too. Once until metadata is had again. */
  | { readonly type: 'rebootstrap' }
  /** A partition could not be read twice in a row. Once until it can be read again; reading is tried on and on. */
  | { readonly type: 'partition-unavailable'; readonly partition: TopicPartition; readonly error: unknown }
  /** A position moved by `outOfRange`, a truncated log or a recreated topic. Once for each move; `from` is where reading had got to. */
  | { readonly type: 'offset-reset'; readonly partition: TopicPartition; readonly from: bigint; readonly to: bigint }
  /** The window is full and nothing was settled for `forMs`. Again each `stall.warnMs` while that lasts. */
  | {
      readonly type: 'stalled';
      readonly partition: TopicPartition;
      readonly oldest: bigint;
      readonly unacked: number;
      readonly forMs: number;
    }
  /** A commit in the background failed; the next one commits these offsets, too. Once for each. One of your own errors where it was called. */
  | { readonly type: 'commit-failed'; readonly group: string; readonly error: unknown }
  /** Not emitted yet: groups come with `subscribe`. */
  | {
      readonly type: 'rebalance';
      readonly group: string;
      readonly phase: 'assigning' | 'assigned' | 'revoking' | 'revoked' | 'lost';
      readonly partitions: readonly TopicPartition[];
    };
/** An event and its time: `at` is the runtime's clock in ms. */
export type KafkaEvent = { readonly at: number } & KafkaEventBody;

/**
 * A step of a group's rebalance. Call `waitUntil` inside `next`: the step waits for `work`, at most as long as it may; an error of
 * `work` ends the wait and errors the view. Commit, seek, pause and flush there as you like.
 *
 * - `assigning`: a round has begun; which partitions come of it is not known.
 * - `assigned`: these came in addition; no record of them flows before `work` is done.
 * - `revoking`: these are being given up: nothing of them is emitted any more; `inFlight` records are waited for until `deadline` (ms of
 *   the runtime's clock). Their acks still count.
 * - `revoked`: they are gone, and `committed` is what this consumer last committed of them.
 * - `lost`: they are somebody else's already: nothing was waited for and nothing committed.
 */
export type RebalanceEvent = {
  readonly partitions: readonly TopicPartition[];
  waitUntil(work: ObservableInput<unknown>): void;
} & RebalanceStep;
/** What differs from step to step. */
export type RebalanceStep =
  | { readonly type: 'assigning' }
  | { readonly type: 'assigned' }
  | { readonly type: 'revoking'; readonly deadline: number; readonly inFlight: number }
  | { readonly type: 'revoked'; readonly committed: readonly TopicPartitionOffset[] }
  | { readonly type: 'lost'; readonly error: unknown };

/** How lower layers report: `kafka.ts` owns the stream behind it. Never throws. */
export type EventSink = (event: KafkaEventBody) => void;

// ── What records carry for the operators ─────────────────────────────────────────────────────────────────────────

/** The key under which each record (and batch) carries its `DeliverySource`. */
export const DELIVERY: unique symbol = Symbol.for('kafka-rx.delivery');

/** What an operator may know and do about the stream a record came from. Absent on records made by hand. */
export interface DeliverySource {
  readonly runtime: Runtime;
  /** Called during `next`: in `ack: 'auto'` the record is then settled by the operator, not when `next` returns. */
  claim(record: object): void;
  /** Subscribes to "the source has run out of credit": emits each time it stops for a full window. */
  readonly starved: Observable<void>;
  /** The record will come again, or is somebody else's by now: work on it that has not begun is in vain. */
  isSuperseded(item: object): boolean;
  /** Aborts the record's signal; reading it again gives a new one, for another attempt. */
  abort(item: object, reason: unknown): void;
}

/** Raw access to a request of the protocol: one of `apis`, typed by what it carries. */
export interface ApiDefinition<Q, R> {
  readonly name: string;
  readonly key: number;
  readonly types?: { readonly request: Q; readonly response: R };
}

/** Who answers a request: any broker, the controller, a broker by id, a coordinator, or a partition's leader. */
export type Route =
  | 'any'
  | 'controller'
  | { readonly nodeId: number }
  | { readonly group: string }
  | { readonly transaction: string }
  | { readonly leaderOf: TopicPartition };
