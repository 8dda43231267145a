import { Observable, Subject, Subscription } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { retryPauseMs } from '../cluster/retry';
import { BrokerError, ClosedError, RequestTimeoutError } from '../errors';
import type { KafkaError } from '../errors';
import type { TopicPartitionOffset } from '../types';
import { doubtIn, isForGood, isOutdated } from './commit-errors';
import { commitOffsetsOf, entriesOf } from './commit-request';
import type { CommitEntry } from './commit-request';
import { lossOf, offsetsError } from './commit-waiter';
import type { CommitWaiter } from './commit-waiter';
import type { OffsetToCommit } from './consumer-api';
import type { GroupIdentity, Membership } from './group/membership';
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

type Refused = ReadonlyMap<string, KafkaError>;
/**
 * The commits of one consumer. One request is in flight at most; all who ask meanwhile share the next one, so that commits cannot
 * overtake each other and an older offset never lands on a newer one. What is committed on their own are the watermarks,
 * and only where they moved: they go back after a `seek` or an offset reset, never else.
 *
 * A member commits as who it is when the request leaves. What is refused because a round of the group has passed, or is on,
 * goes out again as who we are then, as far as the partitions have been ours all the time.
 */
export class Commits {
  readonly #options: CommitsOptions;
  readonly #commits = new Subject<readonly TopicPartitionOffset[]>();
  /** In the order of the asking. */
  #waiting: CommitWaiter[] = [];
  #request = Subscription.EMPTY;
  #timer = Subscription.EMPTY;
  /** After a refusal: nothing goes out until then as who was refused. */
  #pause = Subscription.EMPTY;
  #refusedAs: GroupIdentity | undefined;
  #refusals = 0;
  /** The last failure that was told as an event. */
  #told: unknown;
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
    const { schedule, states } = this.#options;
    this.#timer.unsubscribe();
    if (this.#closed || schedule === undefined || distance(states) === 0) return;
    if (this.#waiting.some(({ kind }) => kind === 'due')) return;
    this.#join({
      kind: 'due',
      offsets: undefined,
      about: this.#about(undefined),
      until: this.#limit(),
      done: () => undefined,
      failed: error => this.#failed(error),
    });
  }

  /** Cold, one value: what was committed, by this call or before it. Errors with the first refusal. */
  commit(offsets?: readonly OffsetToCommit[]): Observable<readonly TopicPartitionOffset[]> {
    return new Observable(subscriber => {
      if (this.#closed)
        return subscriber.error(new ClosedError('the consumer is closed; nothing can be committed any more'));
      const { cluster, states } = this.#options;
      const wrong = offsetsError(offsets ?? [], this.#options.member() === undefined ? undefined : states);
      if (wrong !== undefined) return subscriber.error(wrong);
      const until = this.#limit();
      // Whoever leaves gives up the answer, not the commit.
      const limit = cluster.runtime.scheduler.schedule(() => this.#outwaited(waiter), until - this.#now());
      const waiter: CommitWaiter = {
        kind: 'asked',
        offsets,
        about: this.#about(offsets),
        until,
        done: stored => {
          limit.unsubscribe();
          subscriber.next(stored);
          subscriber.complete();
        },
        failed: error => {
          limit.unsubscribe();
          subscriber.error(error);
        },
      };
      this.#join(waiter);
    });
  }

  /** We may be a member again, or not any more: what waited for that can go out, or never will. */
  resume(): void {
    this.#goOn();
  }

  /** Commits the watermarks before partitions are given up, unless committing is manual. Completes without a value, and never errors: a failure is an event. */
  flush(timeoutMs: number): Observable<never> {
    return new Observable(subscriber => {
      if (this.#closed || this.#options.schedule === undefined) return subscriber.complete();
      const waiter: CommitWaiter = {
        ...{ kind: 'last', offsets: undefined, about: [], until: Infinity, timeoutMs },
        done: () => subscriber.complete(),
        failed: error => {
          this.#failed(error);
          subscriber.complete();
        },
      };
      subscriber.add(() => {
        if (!this.#take(waiter) || waiter.refusal === undefined || this.#closed) return;
        this.#failed(waiter.refusal);
      });
      this.#join(waiter);
    });
  }

  /** Nothing is committed any more; who still waits gets a `ClosedError`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const one of [this.#timer, this.#pause, this.#request]) one.unsubscribe();
    const error = new ClosedError('the consumer was closed before this commit was answered');
    for (const waiter of this.#waiting.splice(0)) if (waiter.kind === 'asked') waiter.failed(error);
    this.#commits.complete();
  }

  #now(): number {
    return this.#options.cluster.runtime.scheduler.now();
  }

  /** Until when a commit may be repeated. */
  #limit(): number {
    return this.#now() + 2 * this.#options.cluster.options.requestTimeoutMs;
  }

  /** What a commit is about, where that can be lost. */
  #about(offsets: readonly OffsetToCommit[] | undefined): readonly PartitionState[] {
    const { states, member } = this.#options;
    if (member() === undefined) return [];
    if (offsets !== undefined) return offsets.map(one => states.get(partitionKey(one))!);
    return [...states.values()].filter(({ delivery, accounted }) => delivery && delivery.watermark !== accounted);
  }

  // ── Who waits ──────────────────────────────────────────────────────────────────────────────────────────────────

  #join(waiter: CommitWaiter): void {
    this.#waiting.push(waiter);
    this.#next();
  }

  /** False when it did not wait. */
  #take(waiter: CommitWaiter): boolean {
    const at = this.#waiting.indexOf(waiter);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  /** A round takes longer than a commit may: the application shall know. */
  #outwaited(waiter: CommitWaiter): void {
    const { groupId, cluster } = this.#options;
    if (!this.#take(waiter)) return;
    const error = `commit: this consumer has not been a member of group ${groupId} for ${2 * cluster.options.requestTimeoutMs} ms; see kafka.events for why`;
    waiter.failed(waiter.refusal ?? new RequestTimeoutError(error));
  }

  /** What was lost while it waited will never go out. */
  #giveUpLost(): void {
    for (const waiter of [...this.#waiting]) {
      const loss = lossOf(waiter, this.#options.states);
      if (loss === undefined || !this.#take(waiter)) continue;
      // In the background a loss is told as one already; that a commit was refused for it is news.
      if (waiter.kind === 'asked' || waiter.refusal !== undefined) waiter.failed(loss);
    }
  }

  #goOn(): void {
    if (this.#closed) return;
    this.#next();
    // By the clock alone: after a refusal, "enough records" would ask again and again.
    const { schedule, cluster, states } = this.#options;
    if (schedule !== undefined && this.#timer.closed && distance(states) > 0)
      this.#timer = cluster.runtime.scheduler.schedule(() => this.soon(), schedule.everyMs);
  }

  // ── The request ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends what all who wait want, as one request; as a member only while we are one. */
  #next(): void {
    if (this.#closed || !this.#request.closed) return;
    this.#giveUpLost();
    if (this.#waiting.length === 0) return;
    const { cluster, states } = this.#options;
    const entries = entriesOf(
      cluster,
      states,
      this.#waiting.map(({ offsets }) => offsets),
    );
    const member = this.#options.member();
    const identity = member === undefined || member === 'gone' || !member.certain ? undefined : member.identity;
    if (entries.length > 0 && member !== undefined) {
      if (identity === undefined) {
        // Who gives partitions up now has lost them already.
        for (const waiter of this.#waiting.filter(({ kind }) => kind === 'last')) waiter.done([]);
        return;
      }
      if (!this.#pause.closed && same(identity, this.#refusedAs)) return;
    }
    const waiters = this.#waiting.splice(0);
    if (entries.length === 0) return waiters.forEach(waiter => waiter.done(this.#committed(waiter, [])));
    this.#send(waiters, entries, identity);
  }

  #send(waiters: readonly CommitWaiter[], entries: readonly CommitEntry[], identity: GroupIdentity | undefined): void {
    const { cluster, owner, groupId } = this.#options;
    const limits = waiters.flatMap(({ timeoutMs }) => timeoutMs ?? []);
    const timeoutMs = limits.length === 0 ? undefined : Math.min(...limits);
    const request = new Subscription();
    this.#request = request;
    request.add(
      commitOffsetsOf(cluster, owner, groupId, entries, timeoutMs, identity).subscribe({
        next: refused => {
          this.#answered(waiters, entries, refused, identity);
          request.unsubscribe();
          this.#goOn();
        },
        error: (error: unknown) => {
          for (const waiter of waiters) waiter.failed(error);
          request.unsubscribe();
          this.#goOn();
        },
      }),
    );
  }

  /** First everything is put in order, then whoever waited hears of it: it may ask for more at once. */
  #answered(
    waiters: readonly CommitWaiter[],
    entries: readonly CommitEntry[],
    refused: Refused,
    identity: GroupIdentity | undefined,
  ): void {
    const stored = entries.filter(entry => !refused.has(partitionKey(entry)));
    for (const { state, offset, covers } of stored) {
      // That of then: a partition that was taken away and given back meanwhile has another state now.
      if (state === undefined) continue;
      state.committed = offset;
      state.accounted = covers ?? state.accounted;
    }
    const again: CommitWaiter[] = [];
    const over: (() => void)[] = [];
    for (const waiter of waiters) {
      const keys = waiter.offsets?.map(partitionKey) ?? [...refused.keys()];
      const error = refused.get(keys.find(key => refused.has(key)) ?? '');
      if (error === undefined) {
        over.push(() => waiter.done(this.#committed(waiter, stored)));
      } else if (identity !== undefined && isOutdated(error) && this.#now() < waiter.until) {
        waiter.refusal = error;
        again.push(waiter);
      } else {
        over.push(() => waiter.failed(error));
      }
    }
    this.#waiting.unshift(...again);
    if (identity !== undefined) this.#doubt(refused, identity);
    if (stored.length > 0) this.#commits.next(stored.map(withoutMore));
    for (const tell of over) tell();
  }

  /** What one of them hears: its own offsets, or where all partitions stand, those included that it has lost since. */
  #committed({ offsets }: CommitWaiter, stored: readonly TopicPartitionOffset[]): readonly TopicPartitionOffset[] {
    if (offsets !== undefined) return offsets.map(withoutMore);
    const all = new Map(stored.map(one => [partitionKey(one), withoutMore(one)]));
    for (const { key, topic, partition, committed: offset } of this.#options.states.values())
      if (offset !== undefined) all.set(key, { topic, partition, offset });
    return [...all.values()];
  }

  /** Who was refused because of who it is has to find out who it is now, and does not ask again and again as the same. */
  #doubt(refused: Refused, identity: GroupIdentity): void {
    const { cluster, member } = this.#options;
    const doubtful = [...refused.values()].map(doubtIn).find(error => error !== undefined);
    if (doubtful === undefined) {
      this.#refusals = 0;
      return;
    }
    const delayMs = retryPauseMs(cluster, ++this.#refusals);
    this.#refusedAs = identity;
    this.#pause.unsubscribe();
    this.#pause = cluster.runtime.scheduler.schedule(() => {
      this.#pause.unsubscribe();
      this.#next();
    }, delayMs);
    const now = member();
    if (now !== undefined && now !== 'gone' && same(now.identity, identity)) now.doubt(doubtful, identity);
  }

  /** A commit that nobody waits for failed: an event, and another attempt with the next one. */
  #failed(error: unknown): void {
    const { cluster, groupId, fatal } = this.#options;
    // For all who shared it, one event.
    if (error === this.#told) return;
    this.#told = error;
    cluster.emit({ type: 'commit-failed', group: groupId, error });
    if (isForGood(error)) fatal(error);
    else if (error instanceof BrokerError && error.retriable) cluster.refresh();
  }
}

function same(a: GroupIdentity | undefined, b: GroupIdentity | undefined): boolean {
  return a !== undefined && b !== undefined && a.epoch === b.epoch && a.memberId === b.memberId;
}

function withoutMore({ topic, partition, offset }: TopicPartitionOffset): TopicPartitionOffset {
  return { topic, partition, offset };
}

/** By how many offsets the watermarks are away from what was committed. */
function distance(states: ReadonlyMap<string, PartitionState>): number {
  let sum = 0;
  for (const { delivery, accounted } of states.values()) {
    if (delivery === undefined || accounted === undefined) continue;
    sum += Math.abs(Number(delivery.watermark - accounted));
  }
  return sum;
}
