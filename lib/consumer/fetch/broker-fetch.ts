import { Subscription, switchMap, take } from 'rxjs';
import { retryPauseMs } from '../../cluster/retry';
import { DecodeError } from '../../errors';
import type { ResponseOf } from '../../protocol/api';
import { Fetch } from '../../protocol/apis/fetch';
import { brokerError } from '../../protocol/error-table';
import { mayPass } from '../may-pass';
import type { PartitionState } from '../partition-state';
import { takeIn } from './arrivals';
import { isRecreated, onFetchError, onRecreated, onSpoilt, onTruncated } from './faults';
import type { FetchContext } from './fetch-context';
import type { FetchPlan } from './fetch-plan';
import { FetchSession } from './fetch-session';
import { backToLeader, followReplica } from './source-of';

type FetchResponse = ResponseOf<typeof Fetch>;

/** What a broker's fetch asks of the fetcher. */
export interface BrokerFetchOptions {
  readonly context: FetchContext;
  readonly nodeId: number;
  /** The partitions that this broker leads and that want records, as of now. */
  readonly partitions: () => readonly PartitionState[];
  /** How much of `fetch.bufferBytes` is this broker's. */
  readonly shareBytes: () => number;
  /** Something changed: look at all brokers again, before a record of the response is decoded. */
  readonly again: () => void;
}

/** The pause between two requests that may not wait at the broker: doubles while they bring nothing. */
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 100;

/**
 * Fetches from one broker: one request in flight, the next one right behind the response. Brokers know nothing of each other,
 * each has its share of the buffer, so a slow one delays nobody.
 */
export class BrokerFetch {
  readonly #options: BrokerFetchOptions;
  readonly #session = new FetchSession();
  #request = Subscription.EMPTY;
  /** Failed requests in a row. */
  #attempts = 0;
  #retryAt = 0;
  /** Until then only a partition that has come into question since the last, empty response is a reason to ask. */
  #pauseMs = 0;
  #pausedUntil = 0;

  constructor(options: BrokerFetchOptions) {
    this.#options = options;
  }

  /** Sends the next request if one is due. Returns when to look again at the latest, in ms of the clock; `Infinity` = when something changes. */
  poll(partitions: readonly PartitionState[], now: number): number {
    if (!this.#request.closed) return Infinity;
    if (now < this.#retryAt) return this.#retryAt;
    const plan = this.#plan(partitions, now);
    if (plan === undefined) return Infinity;
    if (now < this.#pausedUntil && plan.maxWaitMs === 0 && plan.partitions.every(state => state.idle))
      return this.#pausedUntil;
    this.#send(plan);
    return Infinity;
  }

  /** Gives the request under way up. The broker may be asked again later. */
  stop(): void {
    if (!this.#request.closed) this.#session.reset();
    this.#request.unsubscribe();
    this.#attempts = this.#retryAt = this.#pauseMs = this.#pausedUntil = 0;
  }

  /** Those with room and without a fault; `undefined` when there are none, or this broker's share of the buffer is full. */
  #plan(partitions: readonly PartitionState[], now: number): FetchPlan | undefined {
    const { context, shareBytes } = this.#options;
    const { fetch } = context.options;
    let usedBytes = 0;
    let crowded = false;
    let soonestMs = fetch.maxWaitMs;
    const ready: PartitionState[] = [];
    for (const state of partitions) {
      usedBytes += state.delivery!.bufferedBytes;
      if (state.retryAt > now) {
        soonestMs = Math.min(soonestMs, Math.ceil(state.retryAt - now));
        continue;
      }
      if (state.hasRoom) ready.push(state);
      else crowded = true;
    }
    const leftBytes = shareBytes() - usedBytes;
    // Waits for a worthwhile piece of the buffer instead of asking for every freed byte; when it is empty, any will do.
    if (ready.length === 0 || (usedBytes > 0 && leftBytes < Math.min(fetch.partitionBytes, shareBytes() / 2)))
      return undefined;
    // While a partition waits for room in the buffer, a request that the broker holds for lack of records would hold that partition
    // up too, once its room is there. So such a request does not wait; the pause between them is ours. One that is set back
    // after a fault is due at a known time, and so long the others may be held.
    return {
      partitions: ready,
      maxBytes: Math.max(1, Math.min(fetch.maxBytes, leftBytes)),
      maxWaitMs: crowded ? 0 : soonestMs,
      rackId: ready.some(state => state.leaderUntil > now) ? '' : (context.cluster.options.rack ?? ''),
    };
  }

  #send(plan: FetchPlan): void {
    const { context, nodeId } = this.#options;
    const { cluster, owner } = context;
    let maxWaitMs = 0;
    let waited = false;
    const sending = new Subscription();
    this.#request = sending;
    sending.add(
      cluster
        .connection(nodeId, owner, 'fetch')
        .pipe(
          take(1),
          switchMap(connection => {
            // Where the connection had to be waited for, the world has moved on: what to ask is decided when it can be sent.
            const now = waited ? this.#plan(this.#options.partitions(), cluster.runtime.scheduler.now()) : plan;
            if (now === undefined) return [];
            const request = this.#session.next(context, now, connection);
            maxWaitMs = now.maxWaitMs;
            return connection.request(Fetch, request.body, {
              holdMs: maxWaitMs,
              ...(request.maxVersion === undefined ? {} : { maxVersion: request.maxVersion }),
            });
          }),
        )
        .subscribe({
          next: response => {
            sending.unsubscribe();
            this.#onResponse(response, maxWaitMs);
          },
          error: (error: unknown) => {
            sending.unsubscribe();
            this.#onError(error);
          },
          complete: () => {
            if (sending.closed) return;
            sending.unsubscribe();
            this.#options.again();
          },
        }),
    );
    waited = true;
  }

  #onResponse(response: FetchResponse, maxWaitMs: number): void {
    const { context, again, nodeId } = this.#options;
    const now = context.cluster.runtime.scheduler.now();
    if (response.errorCode !== 0) {
      if (this.#session.refused()) return again();
      return this.#onError(brokerError(response.errorCode, { api: 'Fetch' }));
    }
    this.#session.answered(response.sessionId);
    this.#attempts = 0;
    this.#retryAt = 0;
    let brought = false;
    for (const topic of response.responses) {
      for (const fetched of topic.partitions) {
        const asked = this.#session.find(topic.topic, topic.topicId, fetched.partitionIndex);
        // Moved away meanwhile by a seek, a new assignment or a request to another leader: these are not the records it wants.
        if (asked === undefined || asked.state.turn !== asked.turn) continue;
        const { state, topicId, leaderEpoch } = asked;
        if (state.leaving || state.wantsPlace) continue;
        if (fetched.currentLeader.leaderId >= 0)
          context.cluster.leaderHint(
            state,
            fetched.currentLeader.leaderId,
            fetched.currentLeader.leaderEpoch,
            response.nodeEndpoints,
          );
        if (fetched.errorCode === 0) state.soundEpoch = Math.max(state.soundEpoch, leaderEpoch);
        if (isRecreated(state, topicId, fetched)) onRecreated(context, state);
        else if (fetched.errorCode !== 0 && backToLeader(state, nodeId, now)) continue;
        else if (fetched.errorCode !== 0) onFetchError(context, state, fetched, nodeId);
        else if (fetched.divergingEpoch.endOffset >= 0n) onTruncated(context, state, fetched.divergingEpoch.endOffset);
        else if (this.#takeIn(state, fetched)) brought = true;
        if (fetched.preferredReadReplica >= 0 && fetched.errorCode === 0)
          followReplica(context.cluster, state, fetched.preferredReadReplica, now);
      }
    }
    this.#pauseMs = brought || maxWaitMs > 0 ? 0 : Math.min(LAST_PAUSE_MS, this.#pauseMs * 2 || FIRST_PAUSE_MS);
    this.#pausedUntil = now + this.#pauseMs;
    again();
  }

  #takeIn(state: PartitionState, fetched: Parameters<typeof takeIn>[1]): boolean {
    const { context } = this.#options;
    const { states, options } = context;
    state.recovered();
    try {
      state.idle = !takeIn(state, fetched, options.isolation === 'read_committed');
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const { topic, partition, offset } = state;
      onSpoilt(
        state,
        new DecodeError(`${topic}-${partition} cannot be read at offset ${error.offset ?? offset}: ${error.message}`, {
          position: error.position,
          api: 'Fetch',
          topic,
          partition,
          offset: error.offset ?? offset,
          cause: error,
        }),
      );
      return false;
    }
    if (state.idle) return false;
    states.delete(state.key);
    states.set(state.key, state);
    return true;
  }

  #onError(error: unknown): void {
    const { context, again, nodeId } = this.#options;
    const { cluster } = context;
    const now = cluster.runtime.scheduler.now();
    this.#session.reset();
    for (const state of context.states.values()) backToLeader(state, nodeId, now);
    if (!mayPass(error)) return context.fatal(error);
    // The leaders may have moved away from this broker, which is nothing that its partitions have to wait for.
    cluster.refresh();
    this.#attempts++;
    const delayMs = retryPauseMs(cluster, this.#attempts);
    this.#retryAt = now + delayMs;
    cluster.emit({ type: 'retry', api: 'Fetch', attempt: this.#attempts, delayMs, error });
    again();
  }
}
