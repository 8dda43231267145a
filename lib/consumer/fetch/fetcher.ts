import { Subscription } from 'rxjs';
import type { DecodeError } from '../../errors';
import { mayPass } from '../may-pass';
import type { PartitionState } from '../partition-state';
import { BrokerFetch } from './broker-fetch';
import { askEpochEnds, leaderEpochOf } from './epoch-check';
import type { EpochAnswer } from './epoch-check';
import { onTruncated, setBack, suspect } from './faults';
import type { FetchContext } from './fetch-context';
import { leaderOf } from '../../cluster/leader-of';
import { resolvePositions } from './positions';
import { sourceOf } from './source-of';
import type { Wish, WishAnswer } from './positions';

/**
 * Brings the partitions of a consumer: looks up where to begin, then keeps one fetch going per leader. Runs only between
 * `start` and `stop`, which is while a view is subscribed. There is no stored "paused" or "full": each look at the
 * partitions computes anew who may be fetched.
 */
export class Fetcher {
  readonly #context: FetchContext;
  readonly #brokers = new Map<number, BrokerFetch>();
  #running = Subscription.EMPTY;
  #looking = false;
  #soon = Subscription.EMPTY;
  #timer = Subscription.EMPTY;
  /** Brokers of partitions that want records, as of the last look; each has the same share of the buffer. */
  #sources = 1;

  constructor(context: FetchContext) {
    this.#context = context;
  }

  start(): void {
    if (!this.#running.closed) return;
    this.#running = new Subscription();
    this.watch();
    this.#running.add(this.#context.cluster.snapshots.subscribe(() => this.wake()));
  }

  /** Requests and look-ups under way are given up; positions stay. */
  stop(): void {
    for (const one of [this.#running, this.#soon, this.#timer]) one.unsubscribe();
    // They stay: each has a session at its broker to go on with, or to close.
    for (const broker of this.#brokers.values()) broker.stop();
    for (const state of this.#context.states.values()) state.resolving = 0;
  }

  /** Has the metadata know the topics of all partitions. To be called when partitions were added. */
  watch(): void {
    if (this.#running.closed) return;
    const topics = [...new Set([...this.#context.states.values()].map(state => state.topic))];
    if (topics.length === 0) return;
    // What a topic lacks is in the snapshots; that no broker answers yet is no reason to stop asking.
    this.#running.add(
      this.#context.cluster
        .topics(topics)
        .subscribe({ next: () => this.wake(), error: (error: unknown) => this.#unwatched(error) }),
    );
  }

  /** What a partition has for delivery cannot be read, so that its view ends. `undefined` = it is not ours any more. */
  corrupt(state: PartitionState | undefined, error: DecodeError): void {
    if (state !== undefined) suspect(this.#context, state);
    this.#context.fatal(error);
  }

  /** Something changed. Looks at the partitions once, after this turn, however often it is called. */
  wake(): void {
    if (this.#running.closed || !this.#soon.closed) return;
    const soon = new Subscription();
    this.#soon = soon;
    soon.add(
      this.#context.cluster.runtime.yield(() => {
        soon.unsubscribe();
        this.#look();
      }),
    );
  }

  #unwatched(error: unknown): void {
    // An outage is waited out. A cluster that never answered this client, all the time that `topics` waits, is rather a
    // wrong address: silence for ever would hide it. The error is retriable, so a view with `retry` goes on asking.
    const everReached = this.#context.cluster.metadata.at !== -Infinity;
    if (mayPass(error) && everReached) this.watch();
    else this.#context.fatal(error);
  }

  /** For whoever was called while the partitions are being looked at, or at any other time. */
  readonly #again = (): void => {
    if (this.#looking) this.wake();
    else this.#look();
  };

  #look(): void {
    const { cluster, states } = this.#context;
    if (this.#running.closed || cluster.metadata.at === -Infinity) return;
    this.#looking = true;
    this.#timer.unsubscribe();
    const now = cluster.runtime.scheduler.now();
    let lookAgainAt = Infinity;
    const homeless: PartitionState[] = [];
    const doubtful = new Map<number, PartitionState[]>();
    const bySource = new Map<number, PartitionState[]>();
    for (const state of states.values()) {
      if (state.leaving || state.held || state.resolving > 0 || !(state.wantsPlace || state.wantsRecords)) continue;
      if (state.suspect !== undefined && state.suspect.until > now) {
        lookAgainAt = Math.min(lookAgainAt, state.suspect.until);
        continue;
      }
      const leader = leaderOf(cluster.metadata, state);
      const source = state.wantsPlace ? leader : sourceOf(cluster, state, now);
      const node = typeof source === 'number' ? source : -1;
      // A pause ends early when somebody else leads the partition now.
      if (state.retryAt > now && node !== state.failedAt) state.retryAt = now;
      if (state.retryAt <= now && typeof leader !== 'number') setBack(this.#context, state, leader);
      if (state.retryAt > now) lookAgainAt = Math.min(lookAgainAt, state.retryAt);
      if (typeof leader !== 'number') continue;
      const isDue = state.retryAt <= now;
      if (state.wantsPlace) {
        if (isDue) homeless.push(state);
      } else if (state.isDoubtful(leaderEpochOf(cluster.metadata, state))) {
        if (isDue) listOf(doubtful, leader).push(state);
      } else listOf(bySource, node).push(state);
    }
    this.#sources = Math.max(1, bySource.size);
    if (homeless.length > 0 && !this.#running.closed) this.#place(homeless);
    for (const [leader, list] of doubtful) if (!this.#running.closed) this.#check(leader, list);
    for (const [nodeId, list] of bySource)
      if (!this.#running.closed) lookAgainAt = Math.min(lookAgainAt, this.#broker(nodeId).poll(list, now));
    if (lookAgainAt < Infinity && !this.#running.closed)
      this.#timer = cluster.runtime.scheduler.schedule(() => this.#look(), Math.max(0, lookAgainAt - now));
    this.#looking = false;
  }

  #broker(nodeId: number): BrokerFetch {
    const known = this.#brokers.get(nodeId);
    if (known !== undefined) return known;
    const made = new BrokerFetch({
      context: this.#context,
      nodeId,
      partitions: () => this.#wantedOf(nodeId),
      shareBytes: () => this.#context.options.fetch.bufferBytes / this.#sources,
      again: this.#again,
    });
    this.#brokers.set(nodeId, made);
    return made;
  }

  #wantedOf(nodeId: number): readonly PartitionState[] {
    const { cluster, states } = this.#context;
    const now = cluster.runtime.scheduler.now();
    return [...states.values()].filter(
      state =>
        state.wantsRecords &&
        state.resolving === 0 &&
        (state.suspect?.until ?? 0) <= now &&
        sourceOf(cluster, state, now) === nodeId &&
        !state.isDoubtful(leaderEpochOf(cluster.metadata, state)),
    );
  }

  /** Another leader leads these: is what we have read still in its log? Nothing is fetched before that is known. */
  #check(leader: number, states: readonly PartitionState[]): void {
    const turns = new Map<PartitionState, { readonly turn: number; readonly leaderEpoch: number }>();
    for (const state of states) {
      state.resolving = 1;
      // The leader before may still answer.
      turns.set(state, { turn: ++state.turn, leaderEpoch: leaderEpochOf(this.#context.cluster.metadata, state) });
    }
    this.#running.add(
      askEpochEnds(this.#context, leader, states).subscribe(answers => {
        for (const answer of answers) {
          const { turn, leaderEpoch } = turns.get(answer.state)!;
          if (answer.state.turn === turn && !answer.state.leaving) this.#checked(answer, leaderEpoch);
        }
        this.wake();
      }),
    );
  }

  #checked(answer: EpochAnswer, leaderEpoch: number): void {
    const { state } = answer;
    state.resolving = 0;
    if ('error' in answer) return setBack(this.#context, state, answer.error);
    const { end } = answer;
    const unknown = end.leaderEpoch < 0 || end.endOffset < 0n;
    state.recovered();
    state.soundEpoch = leaderEpoch;
    // That it does not know is no truncation: that the position is in its log is all there is to be asked then, and Fetch does.
    if (unknown) state.lastFetchedEpoch = -1;
    else if (end.leaderEpoch < state.lastFetchedEpoch || end.endOffset < state.offset)
      onTruncated(this.#context, state, end.endOffset);
  }

  /** Looks up where these partitions begin and end. */
  #place(states: readonly PartitionState[]): void {
    const wishes: Wish[] = [];
    for (const state of states) {
      const { turn } = state;
      const before = wishes.length;
      if (state.from === undefined) wishes.push({ state, turn, what: 'from', at: state.start });
      if (state.until !== undefined && state.end === undefined)
        wishes.push({ state, turn, what: 'until', at: state.until });
      state.resolving = wishes.length - before;
    }
    this.#running.add(
      resolvePositions(this.#context, wishes).subscribe({
        next: answers => {
          for (const answer of answers) this.#placed(answer);
          this.wake();
        },
        error: (error: unknown) => this.#context.fatal(error),
      }),
    );
  }

  #placed(answer: WishAnswer): void {
    const { state, turn, what } = answer.tag;
    if (state.turn !== turn || state.leaving) return;
    state.resolving--;
    if ('error' in answer) return setBack(this.#context, state, answer.error);
    if (what === 'until') state.end = answer.offset;
    else {
      state.from = answer.offset;
      state.fromEpoch = answer.leaderEpoch ?? -1;
    }
    if (state.from === undefined || (state.until !== undefined && state.end === undefined)) return;
    this.#context.place(state, state.from);
    state.lastFetchedEpoch = state.fromEpoch;
  }
}

function listOf(lists: Map<number, PartitionState[]>, node: number): PartitionState[] {
  let list = lists.get(node);
  if (list === undefined) lists.set(node, (list = []));
  return list;
}
