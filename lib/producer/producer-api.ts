import type { Observable } from 'rxjs';
import type { Bytes, ProducerRecord, RecordMetadata } from '../types';
import type { PressureLevel } from './pressure';

/** Writes records. Made by `kafka.producer()`; opens nothing before the first `send` is subscribed. */
export interface Producer<K = Bytes, V = Bytes> {
  /**
   * Stores records and emits where, in input order. Cold: nothing is sent before it is subscribed, and each subscription
   * sends again. Records of one partition are stored in the order of their subscriptions.
   *
   * One record errors with its own error: `BrokerError`, `DeliveryTimeoutError`. Of an array, all are tried, and
   * `SendError.results` says which were stored. A full buffer errors at once with `BufferFullError`, a closed producer
   * with `ClosedError`, what is neither bytes nor encoded with a `TypeError`. Sending again after a timeout may store
   * twice: idempotence covers the retries of one `send`. Unsubscribing gives up the result, not the records.
   *
   * @example
   * producer.send({ topic: 'orders', key: 'k1', value: 'hello' }).subscribe(([{ offset }]) => console.log(offset));
   */
  readonly send: (
    records: ProducerRecord<K, V> | readonly ProducerRecord<K, V>[],
  ) => Observable<readonly RecordMetadata[]>;
  /** Hot, replays the current value; completes on close. `full`: a `send` would error with `BufferFullError`. */
  readonly pressure: Observable<PressureLevel>;
  /** Lets all batches leave at once. Cold; emits once everything sent before is settled, stored or failed; never errors. Unsubscribing stops waiting. */
  flush(): Observable<void>;
  /**
   * Refuses new records, waits up to `drainMs` [20 000] for those under way, fails the rest with `ClosedError` and
   * closes the connections. Cold, one value; idempotent, always settles. Unsubscribing stops waiting, not closing.
   */
  close(options?: { readonly drainMs?: number }): Observable<void>;
}
