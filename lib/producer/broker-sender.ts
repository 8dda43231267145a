import { Subscription, concat, ignoreElements, of, switchMap } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { retryPauseMs } from '../cluster/retry';
import { ClosedError, KafkaError, RequestTimeoutError } from '../errors';
import type { Connection } from '../network/connection';
import { Produce } from '../protocol/apis/produce';
import type { ResponseOf } from '../protocol/api';
import type { IdentitySource } from './identity-source';
import type { ResolvedProducerOptions } from './options';
import type { PartitionQueue } from './partition-queue';
import { BATCH_OVERHEAD_BYTES, REQUEST_OVERHEAD_BYTES, maxVersionOf, produceRequest } from './produce-request';
import type { Taken } from './produce-request';

/** Requests to one broker at once (`max.in.flight.requests.per.connection`): as many as it keeps sequences for. */
const MAX_IN_FLIGHT = 5;
/**
 * An idempotent request may be repeated without harm, so a silent broker is given up long before its own timeout: with the 5 s of
 * silence that a connection is granted beyond this, and the way to another broker, within ten seconds.
 */
const IDEMPOTENT_HOLD_MS = 3_000;

/** What a sender shares with its producer. */
export interface SenderContext {
  readonly cluster: Cluster;
  readonly owner: string;
  readonly options: ResolvedProducerOptions;
  readonly identity: IdentitySource;
  /** Something may be sent now that could not be sent before. */
  readonly schedule: () => void;
  /** `response` is undefined with `acks: 0`. */
  readonly onAnswer: (
    nodeId: number,
    taken: readonly Taken[],
    response: ResponseOf<typeof Produce> | undefined,
  ) => void;
  readonly onFault: (taken: readonly Taken[], error: unknown) => void;
  /** This broker cannot be used at all. */
  readonly onRefused: (queues: Iterable<PartitionQueue>, error: KafkaError) => void;
}

/**
 * Sends the batches of all partitions that one broker leads: a batch per partition and request, up to five requests in
 * flight. While they are under way new records go on filling their batches, so a slow broker gets larger ones.
 */
export class BrokerSender {
  /** Queues with something to send, those that have waited longest first. */
  readonly #queues = new Set<PartitionQueue>();
  #connection: Connection | undefined;
  #connecting = Subscription.EMPTY;
  readonly #requests = new Subscription();
  #inFlight = 0;
  #failures = 0;
  #pausedUntil = 0;

  constructor(
    readonly nodeId: number,
    private readonly context: SenderContext,
  ) {}

  add(queue: PartitionQueue): void {
    this.#queues.add(queue);
  }

  remove(queue: PartitionQueue): void {
    this.#queues.delete(queue);
  }

  /** Sends what may be sent now. Returns when to look again for want of time alone; `Infinity` = an event will tell. */
  drain(now: number): number {
    if (this.#queues.size === 0) {
      if (this.#connection === undefined) this.#connecting.unsubscribe();
      return Infinity;
    }
    if (this.#connection === undefined || !this.#connection.connected) return this.#connect(now);
    let wakeAt = Infinity;
    while (this.#inFlight < MAX_IN_FLIGHT) {
      const taken: Taken[] = [];
      wakeAt = this.#take(now, taken);
      if (taken.length === 0) break;
      this.#send(this.#connection, taken);
    }
    return wakeAt;
  }

  /** Gives up connection and replies. */
  close(): void {
    this.#connecting.unsubscribe();
    this.#requests.unsubscribe();
    this.#queues.clear();
  }

  #take(now: number, taken: Taken[]): number {
    const { options, identity } = this.context;
    let room = options.maxRequestBytes - REQUEST_OVERHEAD_BYTES;
    let wakeAt = Infinity;
    for (const queue of this.#queues) {
      if (queue.idle) {
        this.#queues.delete(queue);
        queue.active = false;
        continue;
      }
      // Its batches are under way to the leader before: what becomes of them decides what may follow.
      if (queue.holder !== undefined && queue.holder !== this) continue;
      const batch = queue.next(now);
      if (batch === undefined) {
        wakeAt = Math.min(wakeAt, queue.wakeAt(now));
        continue;
      }
      if (queue.needsIdentity) {
        identity.need();
        if (identity.current === undefined) continue;
      }
      const bytes = batch.bytes + BATCH_OVERHEAD_BYTES + queue.topic.length;
      if (bytes > room && taken.length > 0) continue;
      room -= bytes;
      queue.take(batch, identity.current, this);
      taken.push({ queue, batch });
    }
    // To the end of the line, so that a request without room for all serves the others next.
    for (const { queue } of taken) {
      this.#queues.delete(queue);
      this.#queues.add(queue);
    }
    return wakeAt;
  }

  #send(connection: Connection, taken: readonly Taken[]): void {
    const { cluster, options, schedule, onAnswer, onFault } = this.context;
    const { requestTimeoutMs } = cluster.options;
    const acks = options.acks === 'all' ? -1 : options.acks;
    const maxVersion = maxVersionOf(taken);
    const request = new Subscription();
    this.#requests.add(request);
    this.#inFlight += 1;
    const returned = (): void => {
      this.#inFlight -= 1;
      this.#requests.remove(request);
      schedule();
    };
    request.add(
      connection
        .request(Produce, produceRequest(taken, acks, requestTimeoutMs), {
          holdMs: options.idempotent ? Math.min(IDEMPOTENT_HOLD_MS, requestTimeoutMs) : requestTimeoutMs,
          ...(maxVersion === undefined ? {} : { maxVersion }),
          ...(acks === 0 ? { expectReply: false } : {}),
        })
        .subscribe({
          next: (response: ResponseOf<typeof Produce> | undefined) => {
            this.#failures = 0;
            returned();
            onAnswer(this.nodeId, taken, response);
          },
          error: (error: unknown) => {
            returned();
            onFault(taken, error);
            // The broker does not even read: repeated on this connection, each copy would pile up behind the one before.
            if (error instanceof RequestTimeoutError && !connection.writable) connection.close('timeout');
          },
        }),
    );
  }

  #connect(now: number): number {
    if (!this.#connecting.closed) return Infinity;
    if (now < this.#pausedUntil) return this.#pausedUntil;
    const { cluster, owner, options, schedule, onRefused } = this.context;
    const ended = (): void => {
      this.#connection = undefined;
      this.#connecting.unsubscribe();
      schedule();
    };
    const connecting = new Subscription();
    this.#connecting = connecting;
    connecting.add(
      cluster
        .connection(this.nodeId, owner, 'produce')
        .pipe(switchMap(connection => concat(of(connection), connection.state.pipe(ignoreElements()))))
        .subscribe({
          next: connection => {
            this.#connection = connection;
            for (const queue of this.#queues) queue.trouble = undefined;
            schedule();
          },
          complete: () => {
            ended();
            // Without answers this is how a broker says that it does not lead a partition (any more).
            if (options.acks === 0) cluster.refresh();
          },
          error: (error: unknown) => {
            ended();
            // A closed slot is a broker that left the cluster or moved; metadata says where to go on.
            if (error instanceof KafkaError && !error.retriable && !(error instanceof ClosedError)) {
              onRefused([...this.#queues], error);
              return;
            }
            for (const queue of this.#queues) queue.trouble = error;
            this.#failures += 1;
            this.#pausedUntil = cluster.runtime.scheduler.now() + retryPauseMs(cluster, this.#failures);
            cluster.refresh();
          },
        }),
    );
    return Infinity;
  }
}
