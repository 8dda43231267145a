import { Observable, Subject, Subscription } from 'rxjs';
import type { Subscriber } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { AuthenticationError, BrokerError, ClosedError, RequestTimeoutError } from '../errors';
import { codeOf } from '../protocol/error-table';
import type { TopicPartitionOffset } from '../types';
import { commitOffsetsOf } from './commit-request';
import type { CommitEntry } from './commit-request';
import type { OffsetToCommit } from './consumer-api';
import type { Membership } from './group/membership';
import { partitionKey } from './partition-state';
import type { PartitionState } from './partition-state';

/** What commits need of their consumer. */
export interface CommitsOptions {
  readonly cluster: Cluster;
  readonly owner: string;
  readonly groupId: string;
  /** `undefined` = only when asked. */
  readonly schedule: { readonly everyMs: number; readonly everyRecords: number } | undefined;
  readonly states: ReadonlyMap<string, PartitionState>;
  /** The membership that commits go through; `gone` = partitions come from the group, and we are not in it; `undefined` = they do not. */
  readonly member: () => Membership | 'gone' | undefined;
  /** The group or a topic may not be used: no later commit would fare better. */
  readonly fatal: (error: unknown) => void;
}

/** Somebody who waits for a commit. `offsets` = as given; without, the watermarks. */
interface Waiter {
  readonly offsets: readonly OffsetToCommit[] | undefined;
  readonly subscriber: Subscriber<readonly TopicPartitionOffset[]> | undefined;
  readonly timeoutMs: number | undefined;
}

/** A round has passed since, or is on: what was refused is committed in the next generation, unless the partition moved. */
const OUTDATED: ReadonlySet<number> = new Set(
  (
    [
      'REBALANCE_IN_PROGRESS',
      'ILLEGAL_GENERATION',
      'UNKNOWN_MEMBER_ID',
      'STALE_MEMBER_EPOCH',
      'FENCED_MEMBER_EPOCH',
    ] as const
  ).map(name => codeOf(name)),
);

const REFUSALS: ReadonlySet<number> = new Set(
  (['GROUP_AUTHORIZATION_FAILED', 'TOPIC_AUTHORIZATION_FAILED', 'INVALID_GROUP_ID'] as const).map(name => codeOf(name)),
);

/**
 * The commits of one consumer. One request is in flight at most; all who ask meanwhile share the next one, so that commits cannot
 * overtake each other and an older offset never lands on a newer one. What is committed on their own are the watermarks,
 * and only where they moved: they go back after a `seek` or an offset reset, never else.
 */
export class Commits {
  readonly #options: CommitsOptions;
  readonly #commits = new Subject<readonly TopicPartitionOffset[]>();
  #waiting: Waiter[] = [];
  #request = Subscription.EMPTY;
  #timer = Subscription.EMPTY;
  #closed = false;

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  /** Hot: each successful commit. */
  get commits(): Observable<readonly TopicPartitionOffset[]> {
    return this.#commits.asObservable();
  }

  /** A watermark moved: a commit is due some time, or now when enough has come together. */
  moved(): void {
    const { schedule, cluster, states } = this.#options;
    if (schedule === undefined || this.#closed) return;
    if (schedule.everyRecords < Infinity && distance(states) >= schedule.everyRecords) return this.soon();
    if (this.#timer.closed) this.#timer = cluster.runtime.scheduler.schedule(() => this.soon(), schedule.everyMs);
  }

  /** Commits what is acked, in the background, unless committing is manual. */
  soon(): void {
    this.#timer.unsubscribe();
    if (this.#closed || this.#options.schedule === undefined || distance(this.#options.states) === 0) return;
    if (this.#waiting.every(waiter => waiter.subscriber !== undefined))
      this.#join({ offsets: undefined, subscriber: undefined, timeoutMs: undefined });
  }

  /** Cold, one value: what was committed, by this call or before it. Errors with the first refusal. */
  commit(offsets?: readonly OffsetToCommit[]): Observable<readonly TopicPartitionOffset[]> {
    return new Observable(subscriber => {
      if (this.#closed)
        return subscriber.error(new ClosedError('the consumer is closed; nothing can be committed any more'));
      for (const one of offsets ?? [])
        if (typeof one.offset !== 'bigint' || one.offset < 0n)
          return subscriber.error(
            new RangeError(`commit: the offset of ${one.topic}-${one.partition} must be a bigint of at least 0`),
          );
      const waiter: Waiter = { offsets, subscriber, timeoutMs: undefined };
      const { cluster } = this.#options;
      subscriber.add(
        cluster.runtime.scheduler.schedule(() => this.#outwaited(waiter), 2 * cluster.options.requestTimeoutMs),
      );
      this.#join(waiter);
    });
  }

  /** We may be a member again: what waited for that can go out. */
  resume(): void {
    this.#goOn();
  }

  /** Commits the watermarks before partitions are given up, unless committing is manual. Completes without a value, and never errors: a failure is an event. */
  flush(timeoutMs: number): Observable<never> {
    return new Observable(subscriber => {
      if (this.#closed || this.#options.schedule === undefined) return subscriber.complete();
      const done = new Observable<readonly TopicPartitionOffset[]>(waiter =>
        this.#join({ offsets: undefined, subscriber: waiter, timeoutMs }),
      );
      subscriber.add(
        done.subscribe({
          complete: () => subscriber.complete(),
          error: (error: unknown) => {
            this.#failed(error);
            subscriber.complete();
          },
        }),
      );
    });
  }

  /** Nothing is committed any more; who still waits gets a `ClosedError`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.unsubscribe();
    this.#request.unsubscribe();
    const error = new ClosedError('the consumer was closed before this commit was answered');
    for (const { subscriber } of this.#waiting.splice(0)) subscriber?.error(error);
    this.#commits.complete();
  }

  #join(waiter: Waiter): void {
    this.#waiting.push(waiter);
    if (this.#request.closed) this.#next();
  }

  /** A round takes longer than a commit may: the application shall know. */
  #outwaited(waiter: Waiter): void {
    const at = this.#waiting.indexOf(waiter);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    waiter.subscriber?.error(
      new RequestTimeoutError(
        `commit: this consumer has not been a member of group ${this.#options.groupId} for ${2 * this.#options.cluster.options.requestTimeoutMs} ms; see kafka.events for why`,
      ),
    );
  }

  /** Not a member at the moment: who asked with a commit of their own waits for the next generation, the rest has no reason to. */
  #suspend(): void {
    const waiters = this.#waiting;
    this.#waiting = waiters.filter(({ subscriber, timeoutMs }) => subscriber !== undefined && timeoutMs === undefined);
    for (const { subscriber, timeoutMs } of waiters) if (timeoutMs !== undefined) subscriber?.complete();
  }

  /** Sends what all who wait want, as one request. */
  #next(): void {
    const { cluster, owner, groupId, states } = this.#options;
    const member = this.#options.member();
    const identity = member === undefined || member === 'gone' || !member.certain ? undefined : member.identity;
    if (member !== undefined && identity === undefined) return this.#suspend();
    const waiters = this.#waiting.splice(0);
    if (waiters.length === 0) return;
    const entries = new Map<string, CommitEntry>();
    const covered = new Map<PartitionState, bigint>();
    if (waiters.some(waiter => waiter.offsets === undefined)) {
      for (const state of states.values()) {
        const watermark = state.delivery?.watermark;
        if (watermark === undefined || watermark === state.accounted) continue;
        entries.set(state.key, {
          topic: state.topic,
          partition: state.partition,
          offset: watermark,
          leaderEpoch: state.epochBefore(watermark),
        });
        covered.set(state, watermark);
      }
    }
    for (const one of waiters.flatMap(waiter => waiter.offsets ?? [])) {
      const key = partitionKey(one);
      entries.set(key, { ...one, leaderEpoch: -1 });
      const state = states.get(key);
      // Given offsets stand until the watermark moves on: it does not overwrite them on the next occasion.
      if (state?.delivery !== undefined) covered.set(state, state.delivery.watermark);
    }
    if (entries.size === 0) {
      for (const waiter of waiters) this.#answer(waiter, new Map());
      return;
    }
    const limits = waiters.flatMap(({ timeoutMs }) => timeoutMs ?? []);
    const request = new Subscription();
    this.#request = request;
    request.add(
      commitOffsetsOf(
        cluster,
        owner,
        groupId,
        [...entries.values()],
        limits.length === 0 ? undefined : Math.min(...limits),
        identity,
      ).subscribe({
        next: refused => {
          request.unsubscribe();
          if (member !== undefined && member !== 'gone' && identity !== undefined)
            for (const error of refused.values())
              if (error instanceof BrokerError && OUTDATED.has(error.code)) member.doubt(error, identity);
          this.#done(entries, covered, refused);
          for (const waiter of waiters) this.#answer(waiter, refused);
          this.#goOn();
        },
        error: (error: unknown) => {
          request.unsubscribe();
          for (const { subscriber } of waiters) {
            if (subscriber === undefined) this.#failed(error);
            else subscriber.error(error);
          }
          this.#goOn();
        },
      }),
    );
  }

  #done(
    entries: ReadonlyMap<string, CommitEntry>,
    covered: ReadonlyMap<PartitionState, bigint>,
    refused: ReadonlyMap<string, unknown>,
  ): void {
    const stored: TopicPartitionOffset[] = [];
    for (const [key, { topic, partition, offset }] of entries) {
      if (refused.has(key)) continue;
      const state = this.#options.states.get(key);
      if (state !== undefined) {
        state.committed = offset;
        state.accounted = covered.get(state) ?? state.accounted;
      }
      stored.push({ topic, partition, offset });
    }
    if (stored.length > 0) this.#commits.next(stored);
  }

  /** Tells one waiter how its own offsets fared. */
  #answer({ offsets, subscriber }: Waiter, refused: ReadonlyMap<string, unknown>): void {
    const { states } = this.#options;
    const own =
      offsets ??
      [...states.values()].flatMap(({ topic, partition, committed }) =>
        committed === undefined ? [] : [{ topic, partition, offset: committed }],
      );
    const keys = offsets === undefined ? [...states.keys()] : offsets.map(partitionKey);
    const failed = keys.find(key => refused.has(key));
    if (subscriber === undefined) {
      if (failed !== undefined) this.#failed(refused.get(failed));
    } else if (failed !== undefined) {
      subscriber.error(refused.get(failed));
    } else {
      subscriber.next(own.map(({ topic, partition, offset }) => ({ topic, partition, offset })));
      subscriber.complete();
    }
  }

  /** A commit that nobody waits for failed: an event, and another attempt with the next one. */
  #failed(error: unknown): void {
    const { cluster, groupId, fatal } = this.#options;
    cluster.emit({ type: 'commit-failed', group: groupId, error });
    if (error instanceof AuthenticationError || (error instanceof BrokerError && REFUSALS.has(error.code)))
      fatal(error);
    else if (error instanceof BrokerError && error.retriable) cluster.refresh();
  }

  #goOn(): void {
    if (this.#closed) return;
    if (this.#waiting.length > 0 && this.#request.closed) this.#next();
    // By the clock alone: after a refusal, "enough records" would ask again and again.
    const { schedule, cluster, states } = this.#options;
    if (schedule !== undefined && this.#timer.closed && distance(states) > 0)
      this.#timer = cluster.runtime.scheduler.schedule(() => this.soon(), schedule.everyMs);
  }
}

/** By how many offsets the watermarks are away from what was committed. */
function distance(states: ReadonlyMap<string, PartitionState>): number {
  let sum = 0;
  for (const { delivery, accounted } of states.values()) {
    if (delivery === undefined || accounted === undefined) continue;
    const moved = Number(delivery.watermark - accounted);
    sum += Math.abs(moved);
  }
  return sum;
}
