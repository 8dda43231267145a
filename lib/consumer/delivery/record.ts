import { isUtf8 } from 'node:buffer';
import { DecodeError } from '../../errors';
import { readHeaders, readKey, readValue } from '../../records/record-fields';
import { DELIVERY } from '../../types';
import type {
  ConsumerRecord,
  Decoder,
  DeliverySource,
  Outgoing,
  ProducerRecord,
  RecordHeaders,
  TopicPartition,
} from '../../types';
import type { OpenedBatch } from './partition-log';
import type { Delivered } from './signals';

/** What a record needs of the partition that delivers it: who settles it, and who decodes. */
export interface RecordHome extends TopicPartition {
  readonly owner: {
    readonly key: Decoder<unknown> | undefined;
    readonly value: Decoder<unknown> | undefined;
    readonly source: DeliverySource;
  };
  ack(sequence: number, generation: number): boolean;
  ackThrough(sequence: number, generation: number): boolean;
  nack(sequence: number, generation: number, offset: number, attempt: number): boolean;
  release(sequence: number, generation: number): boolean;
  isSettled(sequence: number, generation: number): boolean;
  isSuperseded(sequence: number, generation: number): boolean;
  signalOf(delivered: Delivered): AbortSignal;
  abort(delivered: Delivered, reason: unknown): void;
}

/** Stands for "not decoded yet" where `undefined` and `null` are values. */
const UNREAD = Symbol('unread');
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * One record as it was read: a place in a frame, and a sequence in its partition's ring of deliveries. Key, value and
 * headers are parsed on first read. All records have the same shape, and no closure is made for any of them.
 */
export class DeliveredRecord<K, V> implements ConsumerRecord<K, V> {
  // `declare`: a class field would first write `undefined` into each slot of each record.
  /** @internal */ declare readonly delivery: RecordHome;
  /** @internal */ declare readonly batch: OpenedBatch;
  /** @internal */ declare readonly position: number;
  /** @internal */ declare readonly delta: number;
  /** @internal */ declare readonly sequence: number;
  /** @internal */ declare readonly generation: number;
  declare readonly timestamp: number;
  declare readonly attempt: number;
  declare private decodedKey: unknown;
  declare private decodedValue: unknown;

  constructor(
    delivery: RecordHome,
    batch: OpenedBatch,
    position: number,
    delta: number,
    timestamp: number,
    sequence: number,
    generation: number,
    attempt: number,
  ) {
    this.delivery = delivery;
    this.batch = batch;
    this.position = position;
    this.delta = delta;
    this.sequence = sequence;
    this.generation = generation;
    this.timestamp = timestamp;
    this.attempt = attempt;
    this.decodedKey = UNREAD;
    this.decodedValue = UNREAD;
  }

  get topic(): string {
    return this.delivery.topic;
  }

  get partition(): number {
    return this.delivery.partition;
  }

  get offset(): bigint {
    return this.batch.header.baseOffset + BigInt(this.delta);
  }

  get timestampType(): 'create' | 'append' {
    return this.batch.header.timestampType;
  }

  get leaderEpoch(): number {
    return this.batch.header.leaderEpoch;
  }

  get key(): K {
    if (this.decodedKey === UNREAD) {
      const decoder = this.delivery.owner.key;
      this.decodedKey = decoder === undefined ? this.rawKey : this.decode(decoder, this.rawKey, 'key');
    }
    return this.decodedKey as K;
  }

  get value(): V {
    if (this.decodedValue === UNREAD) {
      const decoder = this.delivery.owner.value;
      this.decodedValue = decoder === undefined ? this.rawValue : this.decode(decoder, this.rawValue, 'value');
    }
    return this.decodedValue as V;
  }

  get rawKey(): Buffer | null {
    return readKey(this.batch.frame, this.position);
  }

  get rawValue(): Buffer | null {
    return readValue(this.batch.frame, this.position);
  }

  get headers(): RecordHeaders {
    return readHeaders(this.batch.frame, this.position);
  }

  get signal(): AbortSignal {
    return this.delivery.signalOf(this);
  }

  get settled(): boolean {
    return this.delivery.isSettled(this.sequence, this.generation);
  }

  get [DELIVERY](): DeliverySource {
    return this.delivery.owner.source;
  }

  ack(): boolean {
    return this.delivery.ack(this.sequence, this.generation);
  }

  nack(_error?: unknown): boolean {
    return this.delivery.nack(this.sequence, this.generation, this.batch.base + this.delta, this.attempt);
  }

  ackThrough(): boolean {
    return this.delivery.ackThrough(this.sequence, this.generation);
  }

  release(): boolean {
    return this.delivery.release(this.sequence, this.generation);
  }

  produce<K2 = never, V2 = never>(...records: ProducerRecord<K2, V2>[]): Outgoing<K2, NonNullable<V2>, this> {
    return { records: records as ProducerRecord<K2, NonNullable<V2>>[], source: this, context: this };
  }

  toJSON(): unknown {
    return {
      topic: this.topic,
      partition: this.partition,
      offset: this.offset.toString(),
      timestamp: this.timestamp,
      timestampType: this.timestampType,
      key: printable(this.rawKey),
      value: printable(this.rawValue),
      headers: Array.from(this.headers, ([name, value]) => [name, printable(value)]),
      leaderEpoch: this.leaderEpoch,
      attempt: this.attempt,
    };
  }

  /** `subscribe(console.log)` shows the record, not the frame it lies in. */
  [INSPECT](): unknown {
    return this.toJSON();
  }

  private decode<T>(decoder: Decoder<T>, bytes: Buffer | null, what: string): T {
    try {
      return decoder.decode(bytes, this.topic);
    } catch (error) {
      if (!(error instanceof DecodeError) || error.offset !== undefined) throw error;
      const { topic, partition, offset } = this;
      const message = `${topic}-${partition}@${offset}: ${what}: ${error.message}`;
      throw new DecodeError(message, { position: error.position, topic, partition, offset, cause: error });
    }
  }
}

function printable(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  return isUtf8(bytes) ? bytes.toString() : `base64:${bytes.toString('base64')}`;
}
