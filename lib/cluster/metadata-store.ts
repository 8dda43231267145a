import { BehaviorSubject, Observable, Subscription } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { RequestTimeoutError } from '../errors';
import { brokerError, codeOf } from '../protocol/error-table';
import type { EventSink, Runtime, TopicPartition } from '../types';
import { leaderChanges, mergeMetadata, NO_METADATA, saysTheSame, withLeader } from './metadata';
import type { BrokerNode, MetadataAnswer, MetadataSnapshot } from './metadata';
import { backoffMs, isRetriable, until } from './retry';
import type { Backoff } from './retry';

/** What a `MetadataStore` is made of: time, patience, and whom to ask and tell. */
export interface MetadataStoreOptions {
  readonly runtime: Runtime;
  readonly backoff: Backoff;
  readonly maxAgeMs: number;
  /** How long `topics` waits. */
  readonly timeoutMs: number;
  readonly emit: EventSink;
  /**
   * Asks some broker about these topics; none asks about the brokers alone. Missing ones may be created only when somebody waits
   * for each of them: a refresh, or a wait for others, must not bring back what was deleted.
   */
  readonly ask: (topics: readonly string[], mayCreate: boolean) => Observable<MetadataAnswer>;
  /** Called before a new snapshot is published, so that whoever sees it can connect. */
  readonly onBrokers: (brokers: ReadonlyMap<number, BrokerNode>) => void;
}

/** An election takes a moment: so many answers without news do not slow the asking down yet (KIP-580 as Java reads it). */
const PATIENT_ANSWERS = 4;

interface Waiter {
  readonly names: readonly string[];
  readonly subscriber: Subscriber<MetadataSnapshot>;
}

/**
 * The one snapshot of the cluster that everybody shares. Refreshed on age, on demand and for topics not seen before;
 * one request in flight at most, with backoff between requests that were not asked for by a new topic.
 */
export class MetadataStore {
  readonly #options: MetadataStoreOptions;
  readonly #snapshots = new BehaviorSubject<MetadataSnapshot>(NO_METADATA);
  readonly #interest = new Set<string>();
  readonly #waiters: Waiter[] = [];
  #asking = Subscription.EMPTY;
  #timer = Subscription.EMPTY;
  #age = Subscription.EMPTY;
  #askedAt = -Infinity;
  #failures = 0;
  /** Answers in a row, asked for one right after the other, that brought nothing new. */
  #alike = 0;
  #lastError: unknown;
  #wanted = false;
  /** A refresh of everything is due. */
  #stale = false;
  /** The last request was about the topics that somebody waited for, and no others. */
  #partial = false;
  #closed = false;

  constructor(options: MetadataStoreOptions) {
    this.#options = options;
  }

  get snapshot(): MetadataSnapshot {
    return this.#snapshots.value;
  }

  /** Why the last attempt to refresh failed; `undefined` when it did not. */
  get trouble(): unknown {
    return this.#lastError;
  }

  /** Replays the current snapshot. Never errors; completes on close. */
  get snapshots(): Observable<MetadataSnapshot> {
    return this.#snapshots.asObservable();
  }

  /**
   * A snapshot that answers about all of these topics: the current one if it does, else the next that does. What went
   * wrong with a topic is in its `errorCode`; asking again about such a topic asks the cluster again. With no names:
   * any snapshot. Errors when no broker answers in time, or when one refuses us.
   */
  topics(names: readonly string[]): Observable<MetadataSnapshot> {
    const { runtime, timeoutMs } = this.#options;
    const answer = new Observable<MetadataSnapshot>(subscriber => {
      // One name that cannot be written would spoil every later request, for all names are asked for together.
      const fault = firstFault(names);
      if (fault !== undefined) {
        subscriber.error(fault);
        return;
      }
      const now = this.snapshot;
      let news = false;
      for (const name of names) {
        if (!this.#interest.has(name)) news = true;
        this.#interest.add(name);
      }
      if (now.at !== -Infinity && names.every(name => now.topics.get(name)?.errorCode === 0)) {
        subscriber.next(now);
        subscriber.complete();
        return;
      }
      const waiter = { names, subscriber };
      this.#waiters.push(waiter);
      subscriber.add(() => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
      });
      this.#want(news ? 0 : undefined);
    });
    return until(
      answer,
      timeoutMs,
      runtime,
      () =>
        this.#lastError ??
        new RequestTimeoutError(`Metadata: no broker answered within ${timeoutMs} ms; check "brokers" and the network`),
    );
  }

  /** Something did not fit: asks again soon, once for all who say so meanwhile. */
  refresh(): void {
    if (this.snapshot.at === -Infinity) return;
    this.#stale = true;
    this.#want(undefined);
  }

  /**
   * A connection was let in. After a refusal nothing is asked by itself, not even on age: the same credentials would be refused
   * again and again, and lock an account whose program does nothing. Now they may be good.
   */
  admitted(): void {
    if (this.#asking.closed && this.#lastError !== undefined && !isRetriable(this.#lastError)) this.refresh();
  }

  /** No address that we know is good any more: what is known of topics stays, the brokers are to be found again (KIP-1102). */
  forgetBrokers(): void {
    this.#publish({ ...this.snapshot, brokers: new Map(), controllerId: -1 });
  }

  /** A response named a newer leader (KIP-951). */
  hint(partition: TopicPartition, leader: number, leaderEpoch: number, endpoints: readonly BrokerNode[]): void {
    const after = withLeader(this.snapshot, { ...partition, leader, leaderEpoch }, endpoints);
    if (after !== this.snapshot) this.#publish(after);
  }

  close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const running of [this.#asking, this.#timer, this.#age]) running.unsubscribe();
    for (const waiter of this.#waiters.splice(0)) waiter.subscriber.error(error);
    this.#snapshots.complete();
  }

  #want(delayMs: number | undefined): void {
    this.#wanted = true;
    if (this.#closed || !this.#asking.closed) return;
    const pause = delayMs ?? this.#pauseMs();
    if (pause > 0 && !this.#timer.closed) return;
    this.#timer.unsubscribe();
    if (pause > 0) this.#timer = this.#options.runtime.scheduler.schedule(() => this.#ask(), pause);
    else this.#ask();
  }

  /** Until the next request may leave: failures slow the asking down, and so does what brings no news. */
  #pauseMs(): number {
    const { runtime, backoff } = this.#options;
    const step = backoffMs(Math.max(1, this.#failures, this.#alike - PATIENT_ANSWERS), backoff, runtime.random);
    return Math.max(0, this.#askedAt + step - runtime.scheduler.now());
  }

  #ask(): void {
    const { runtime, ask, maxAgeMs, emit, backoff } = this.#options;
    this.#timer.unsubscribe();
    this.#wanted = false;
    const now = runtime.scheduler.now();
    if (now - this.#askedAt > 2 * backoff.maxMs) this.#alike = 0;
    this.#askedAt = now;
    const { names, mayCreate } = this.#question();
    const asked = new Set(names);
    const asking = new Subscription();
    this.#asking = asking;
    asking.add(
      ask(names, mayCreate).subscribe({
        next: answer => {
          asking.unsubscribe();
          this.#failures = 0;
          this.#lastError = undefined;
          if (!this.#partial || this.#age.closed) {
            this.#age.unsubscribe();
            this.#age = runtime.scheduler.schedule(() => this.refresh(), maxAgeMs);
          }
          const after = mergeMetadata(this.snapshot, answer, runtime.scheduler.now());
          this.#alike = saysTheSame(this.snapshot, after) ? this.#alike + 1 : 0;
          this.#publish(after);
          const answered = this.#waiters.filter(waiter => waiter.names.every(name => asked.has(name)));
          for (const { subscriber } of answered) {
            subscriber.next(this.snapshot);
            subscriber.complete();
          }
          if (this.#waiters.length > 0) this.#want(0);
          else if (this.#wanted || this.#stale) this.#want(undefined);
        },
        error: (error: unknown) => {
          asking.unsubscribe();
          this.#failures += 1;
          this.#lastError = error;
          if (!isRetriable(error)) {
            this.#age.unsubscribe();
            for (const waiter of this.#waiters.splice(0)) waiter.subscriber.error(error);
            return;
          }
          if (!this.#partial) this.#stale = true;
          const delayMs = this.#pauseMs();
          emit({ type: 'retry', api: 'Metadata', attempt: this.#failures, delayMs, error });
          this.#want(delayMs);
        },
      }),
    );
  }

  /**
   * A request that may create is about nothing but what somebody waits for. It takes turns with the refresh of everything, so that
   * neither keeps the other waiting.
   */
  #question(): { readonly names: readonly string[]; readonly mayCreate: boolean } {
    const waitedFor = new Set(this.#waiters.flatMap(waiter => waiter.names));
    const others = waitedFor.size < this.#interest.size;
    this.#partial = waitedFor.size > 0 && others && !(this.#stale && this.#partial);
    if (this.#partial) return { names: [...waitedFor], mayCreate: true };
    this.#stale = false;
    return { names: [...this.#interest], mayCreate: waitedFor.size > 0 && !others };
  }

  #publish(snapshot: MetadataSnapshot): void {
    const before = this.snapshot;
    this.#options.onBrokers(snapshot.brokers);
    this.#snapshots.next(snapshot);
    for (const { topic, partition, leader } of leaderChanges(before, snapshot))
      this.#options.emit({ type: 'leader-changed', partition: { topic, partition }, leader });
  }
}

/** Kafka's own limit. Everything else that a name may be wrong in, the broker tells as data. */
const LONGEST_NAME = 249;

function firstFault(names: readonly unknown[]): Error | undefined {
  for (const name of names) {
    if (typeof name !== 'string') return new TypeError(`The name of a topic is a string, not ${typeof name}`);
    if (name === '' || name.length > LONGEST_NAME) {
      return brokerError(codeOf('INVALID_TOPIC_EXCEPTION'), {
        api: 'Metadata',
        message: `a topic has a name of 1 to ${LONGEST_NAME} characters, not ${name.length}`,
      });
    }
  }
  return undefined;
}
