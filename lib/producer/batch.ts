import type { KafkaError } from '../errors';
import type { BatchWriter } from '../records/batch-writer';
import type { Bytes, HeadersInput } from '../types';
import { tellFailed, tellStored } from './send-call';
import type { Waiter } from './send-call';

/**
 * Where a batch is.
 * - `open`: records are still written to it.
 * - `ready`: closed, and never sent.
 * - `inFlight`: in a request under way.
 * - `retry`: came back with a retriable fault and waits for its turn; it keeps its sequence.
 * - `done`: out of its queue.
 */
export type BatchState = 'open' | 'ready' | 'inFlight' | 'retry' | 'done';

/** What a batch needs to know of time and order when it is made. */
export interface BatchTimes {
  /** Orders batches by the oldest record they hold: `flush` waits for the smaller ones. */
  readonly serial: number;
  /** When it may leave although it is not full. */
  readonly dueAt: number;
  /** When its records have failed if they are not stored. */
  readonly deadline: number;
}

/** One record batch of one partition, and who waits for its records: the n-th waiter for the n-th record. */
export class Batch {
  state: BatchState = 'open';
  serial: number;
  dueAt: number;
  deadline: number;
  /** Requests that carried it. */
  attempts = 0;
  /** In state `retry`: not before this time. */
  retryAt = 0;
  /** The sequence of its first record, given when it is first drained; -1 = none yet. */
  sequence = -1;
  /** The waiters were told. It may still be in flight: then its answer matters only for the sequence. */
  settled = false;
  /** Why the last attempt failed. */
  lastError: unknown;
  /** What goes over the wire, once stamped. */
  wire: Buffer | undefined;
  /** Counted against `bufferBytes`. */
  reservedBytes = 0;

  #writer: BatchWriter | undefined;
  readonly #waiters: Waiter[];
  readonly #indices: number[];
  readonly #timestamps: number[];

  constructor(
    readonly topic: string,
    readonly partition: number,
    writer: BatchWriter,
    times: BatchTimes,
    records: { readonly waiters: Waiter[]; readonly indices: number[]; readonly timestamps: number[] } = {
      waiters: [],
      indices: [],
      timestamps: [],
    },
  ) {
    this.#writer = writer;
    this.serial = times.serial;
    this.dueAt = times.dueAt;
    this.deadline = times.deadline;
    this.#waiters = records.waiters;
    this.#indices = records.indices;
    this.#timestamps = records.timestamps;
  }

  get count(): number {
    return this.#timestamps.length;
  }

  /** Size so far, or as it is sent once it is closed. */
  get bytes(): number {
    return this.wire?.length ?? this.#writer?.bytes ?? 0;
  }

  /** The memory that its bytes lie in; `undefined` once its records are settled. */
  get storage(): Buffer | undefined {
    return this.#writer?.storage;
  }

  /** Writes a record for a waiter and returns the bytes it took; -1 = it does not fit. Throws `TypeError` on what is no bytes. */
  append(
    timestamp: number,
    key: Bytes,
    value: Bytes,
    headers: HeadersInput | undefined,
    waiter: Waiter,
    index: number,
  ): number {
    const writer = this.#writer!;
    const before = writer.bytes;
    if (!writer.append(timestamp, key, value, headers)) return -1;
    this.#waiters.push(waiter);
    this.#indices.push(index);
    this.#timestamps.push(timestamp);
    const bytes = writer.bytes - before;
    this.reservedBytes += bytes;
    return bytes;
  }

  /** Compresses and seals it; no record can be added from here on. */
  close(): void {
    this.#writer!.close();
  }

  /** Writes producer and sequence into the header. Only while no request that carries it is under way. */
  stamp(producerId: bigint, epoch: number, sequence: number): void {
    this.wire = this.#writer!.stamp(producerId, epoch, sequence);
    this.sequence = sequence;
  }

  /** Settles every record as stored; `baseOffset` -1 = not known, `appendedAt` -1 = each keeps its own timestamp. */
  tellStored(baseOffset: bigint, appendedAt: number): void {
    if (this.settled) return;
    this.settled = true;
    const { topic, partition } = this;
    const waiters = this.#waiters;
    const indices = this.#indices;
    const timestamps = this.#timestamps;
    const known = baseOffset >= 0n;
    let offset = baseOffset;
    for (let i = 0; i < waiters.length; i++) {
      const timestamp = appendedAt === -1 ? timestamps[i]! : appendedAt;
      tellStored(waiters[i]!, indices[i]!, { topic, partition, offset, timestamp });
      if (known) offset += 1n;
    }
    this.#release();
  }

  /** Settles every record as failed, with one error for all or one for each. */
  tellFailed(errorOf: KafkaError | ((record: number) => KafkaError)): void {
    if (this.settled) return;
    this.settled = true;
    const waiters = this.#waiters;
    for (let i = 0; i < waiters.length; i++)
      tellFailed(waiters[i]!, this.#indices[i]!, typeof errorOf === 'function' ? errorOf(i) : errorOf);
    this.#release();
  }

  /** The waiters of the records from `from` to `to`, for a part of this batch. */
  recordsOf(from: number, to: number): { waiters: Waiter[]; indices: number[]; timestamps: number[] } {
    return {
      waiters: this.#waiters.slice(from, to),
      indices: this.#indices.slice(from, to),
      timestamps: this.#timestamps.slice(from, to),
    };
  }

  // An expired batch may stay in flight for long: it must not keep the results' subscribers alive meanwhile. The bytes
  // stay with the request that carries them.
  #release(): void {
    this.#waiters.length = 0;
    this.#indices.length = 0;
    this.#writer = undefined;
  }
}
