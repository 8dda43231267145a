import type { Subscriber } from 'rxjs';
import { SendError } from '../errors';
import type { KafkaError } from '../errors';
import type { RecordMetadata } from '../types';

/** Whoever waits for one record to be stored: the subscriber itself when it sent one record, so that nothing more is allocated. */
export type Waiter = Subscriber<readonly RecordMetadata[]> | SendCall;

/** One `send` of several records: collects what became of each, in input order, and settles once all are known. */
export class SendCall {
  readonly #subscriber: Subscriber<readonly RecordMetadata[]>;
  readonly #results: (RecordMetadata | KafkaError)[];
  #remaining: number;
  #failed = 0;
  #cause: KafkaError | undefined;
  #retriable = true;

  constructor(subscriber: Subscriber<readonly RecordMetadata[]>, count: number) {
    this.#subscriber = subscriber;
    this.#results = new Array<RecordMetadata | KafkaError>(count);
    this.#remaining = count;
  }

  stored(index: number, metadata: RecordMetadata): void {
    this.#results[index] = metadata;
    this.#remaining -= 1;
    if (this.#remaining === 0) this.#settle();
  }

  failed(index: number, error: KafkaError): void {
    this.#results[index] = error;
    this.#failed += 1;
    this.#cause ??= error;
    this.#retriable &&= error.retriable;
    this.#remaining -= 1;
    if (this.#remaining === 0) this.#settle();
  }

  #settle(): void {
    if (this.#failed === 0) {
      this.#subscriber.next(this.#results as RecordMetadata[]);
      this.#subscriber.complete();
      return;
    }
    const message = `${this.#failed} of ${this.#results.length} records were not stored; the first: ${this.#cause!.message}. "results" says which`;
    this.#subscriber.error(new SendError(message, this.#results, { cause: this.#cause, retriable: this.#retriable }));
  }
}

/** Tells a waiter that its record is stored. `index` is its place in a `SendCall`. */
export function tellStored(waiter: Waiter, index: number, metadata: RecordMetadata): void {
  if (waiter instanceof SendCall) {
    waiter.stored(index, metadata);
  } else {
    waiter.next([metadata]);
    waiter.complete();
  }
}

/** Tells a waiter that its record failed: a single `send` errors with the error itself, since there is nothing partial to describe. */
export function tellFailed(waiter: Waiter, index: number, error: KafkaError): void {
  if (waiter instanceof SendCall) waiter.failed(index, error);
  else waiter.error(error);
}
