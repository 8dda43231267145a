import type { Subscriber } from 'rxjs';
import { RequestTimeoutError, describeBroker, type ConnectionError } from '../errors';
import { Fifo } from '../fifo';
import type { AnyApi, Api } from '../protocol/api';
import { encodeRequestFrame } from '../protocol/header';
import type { BrokerAddress } from '../types';
import type { Deadline, Deadlines } from './deadlines';
import type { Oldest } from './liveness';
import { PendingRequest, type RequestHost } from './pending-request';
import { throttleOf } from './throttle';

/** How one request differs from the rest. */
export interface RequestOptions {
  /**
   * Until the reply; time in which the broker throttles us does not count, and while bytes come in at a fair rate, a reply
   * is waited for. [the connection's `requestTimeoutMs`]
   */
  readonly timeoutMs?: number;
  /** For how long the broker may hold the reply on purpose (`maxWaitMs` of a fetch, …). Silence for 5 s more closes the connection. [0] */
  readonly holdMs?: number;
  /** The highest version to use, where a field or a missing topic id forbids the newest. [no limit] */
  readonly maxVersion?: number;
  /** `false`: the broker will not answer (produce with acks=0). Emits `undefined` once written, after what piled up before it. [true] */
  readonly expectReply?: boolean;
  /** Written at once, before everything that is held back: for authentication. [false] */
  readonly ahead?: boolean;
}

/** Something that must happen before the first request that is made at or after `at`. */
export interface Renewal {
  readonly at: number;
  wanted(): void;
}

/** What a pipeline needs of its link. */
export interface PipelineHost {
  readonly broker: BrokerAddress;
  now(): number;
  /** `oldest` is another one now. */
  changed(): void;
  /** Hands the bytes to the socket. `false`: that failed, and the link has ended. */
  write(chunks: readonly Uint8Array[], now: number): boolean;
  /** False while written bytes pile up because the peer does not read. */
  readonly writable: boolean;
  /** Taken in from the socket so far. */
  readonly receivedBytes: number;
  /** The broker will read nothing until then. */
  throttled(until: number): void;
  /** Passes on that the broker asked us to wait. */
  tellThrottle(throttleMs: number): void;
  /** The error of a request that the end of the link cut off. */
  lost(what: string, sent: boolean): ConnectionError;
}

/** Replies are waited for beyond their deadlines while they come faster than this: 4 kB a second. */
const MIN_BYTES_PER_MS = 4;

/**
 * The requests of one connection: written at once and in order, matched to their replies by place, each with its own
 * patience. While the broker throttles us, new requests are held back, and those under way get as much more time.
 */
export class Pipeline implements RequestHost {
  readonly #host: PipelineHost;
  readonly #deadlines: Deadlines;
  readonly #clientId: string;
  readonly #requestTimeoutMs: number;
  /**
   * Sent, oldest first. A request keeps its place until its reply has come, also when nobody wants it any more: only so
   * are the later replies told apart.
   */
  readonly #inFlight = new Fifo<PendingRequest>();
  /** Encoded, but not to be written before the throttle ends. */
  #held: PendingRequest[] = [];
  /**
   * Without a reply and not written through yet. If they succeeded at once, nothing would hold back who sends to a broker
   * that does not read, and their bytes would pile up in the socket without bound.
   */
  #unwritten: PendingRequest[] = [];
  /** New requests are held back until `release`. */
  #onHold = false;
  /** Called once nothing is in flight any more. */
  #whenDrained: (() => void) | undefined;
  renewal: Renewal | undefined;
  readonly #release: Deadline = { at: 0, slot: -1, due: () => this.#writeHeld() };
  #correlationId = 0;
  #ended = false;

  constructor(
    host: PipelineHost,
    deadlines: Deadlines,
    options: { readonly clientId: string; readonly requestTimeoutMs: number },
  ) {
    this.#host = host;
    this.#deadlines = deadlines;
    this.#clientId = options.clientId;
    this.#requestTimeoutMs = options.requestTimeoutMs;
  }

  /** Places taken, abandoned ones included, and requests that are held back or not written through. */
  get size(): number {
    return this.#inFlight.length + this.#held.length + this.#unwritten.length;
  }

  /** Changes with every request that is made. */
  get asked(): number {
    return this.#correlationId;
  }

  /** Requests that somebody waits for. */
  get pending(): number {
    let pending = this.#held.length + this.#unwritten.length;
    for (let i = 0; i < this.#inFlight.length; i += 1) pending += this.#inFlight.at(i)!.live ? 1 : 0;
    return pending;
  }

  /** The request that the broker is working on, else one that it does not read. */
  get oldest(): (Oldest & { readonly api: AnyApi }) | undefined {
    return this.#inFlight.first ?? this.#unwritten[0];
  }

  send<Q>(
    subscriber: Subscriber<any>,
    api: Api<any, Q, any, any>,
    version: number,
    body: Q | ((version: number) => Q),
    options: RequestOptions,
  ): void {
    // It may hold this request back, or end the connection.
    if (this.renewal !== undefined && options.ahead !== true && this.#host.now() >= this.renewal.at)
      this.renewal.wanted();
    const correlationId = this.#correlationId;
    let chunks: Uint8Array[];
    try {
      const value = typeof body === 'function' ? (body as (version: number) => Q)(version) : body;
      chunks = encodeRequestFrame(api, version, correlationId, this.#clientId, value);
    } catch (error) {
      subscriber.error(error);
      return;
    }
    // Making the body may have ended the connection.
    if (this.#ended) {
      subscriber.error(this.#host.lost(`${api.name} was not sent`, false));
      return;
    }
    this.#correlationId = (correlationId + 1) & 0x7fffffff;
    const { timeoutMs = this.#requestTimeoutMs, holdMs = 0, expectReply = true } = options;
    const terms = { timeoutMs, holdMs, expectReply };
    const request = new PendingRequest(this, subscriber, { api, version, correlationId, chunks }, terms);
    const wait = this.#held.length > 0 || this.#release.slot >= 0 || this.#onHold;
    if (wait && options.ahead !== true) this.#holdBack(request);
    else this.#write(request);
  }

  /** Holds back what comes from now on, but for what goes ahead. Replies still come. */
  hold(): void {
    this.#onHold = true;
  }

  /** Ends `hold`. */
  release(): void {
    this.#onHold = false;
    if (this.#release.slot < 0) this.#writeHeld();
  }

  /** Holds back what comes from now on, for good, and calls `drained` once everything before it is answered. */
  retire(drained: () => void): void {
    this.#onHold = true;
    this.#whenDrained = drained;
    this.#drained();
  }

  #drained(): void {
    if (this.#whenDrained !== undefined && this.#inFlight.length === 0 && this.#unwritten.length === 0)
      this.#whenDrained();
  }

  /** Why a reply with this correlation id must not come now; `undefined` when it is the one that is due. */
  mismatch(correlationId: number): string | undefined {
    const request = this.#inFlight.first;
    if (request?.correlationId === correlationId) return undefined;
    const due = request === undefined ? 'nothing was asked' : `${request.correlationId} (${request.api.name}) was due`;
    return `a reply to request ${correlationId} came, but ${due}`;
  }

  /** The reply that is due begins. `false`: nobody wants it, its bytes are to be skipped. */
  begin(): boolean {
    if (this.#inFlight.first?.live === true) return true;
    this.#inFlight.shift();
    this.#drained();
    return false;
  }

  /** The reply that is due. */
  reply(frame: Buffer): void {
    this.#answer(frame);
    this.#drained();
  }

  #answer(frame: Buffer): void {
    const request = this.#inFlight.shift()!;
    this.#deadlines.clear(request);
    // Given up while its bytes came.
    if (!request.live) return;
    let value: unknown;
    try {
      value = request.decode(frame);
    } catch (error) {
      request.fail(error);
      return;
    }
    const throttleMs = throttleOf(request.api, request.version, value);
    // Before the reply is given: what its subscriber asks next must wait already.
    if (throttleMs > 0) this.#throttle(throttleMs);
    request.succeed(value);
    // After it: who hears of it may close the connection, and this reply had come before.
    if (throttleMs > 0) this.#host.tellThrottle(throttleMs);
  }

  /** What had piled up in the socket has left it. */
  flushed(): void {
    for (const request of [...this.#unwritten]) {
      // One that succeeds may end the wish for the next, or the connection.
      if (!request.live) continue;
      this.#unwritten.shift();
      this.#deadlines.clear(request);
      request.succeed(undefined);
    }
    this.#drained();
  }

  /** Errors all requests, in the order in which they were made; returns how many. Takes no more from now on. */
  cancel(): number {
    const all = [...this.#unwritten, ...this.#held];
    for (let i = 0; i < this.#inFlight.length; i += 1) all.push(this.#inFlight.at(i)!);
    this.#ended = true;
    this.#unwritten = [];
    this.#held = [];
    this.#inFlight.clear();
    // The shift: ids wrap at 2^31.
    all.sort((a, b) => (a.correlationId - b.correlationId) << 1);
    let cancelled = 0;
    for (const request of all) {
      if (!request.live) continue;
      cancelled += 1;
      request.fail(this.#host.lost(`${request.api.name} was cancelled`, request.sent));
    }
    return cancelled;
  }

  abandoned(request: PendingRequest): void {
    this.#deadlines.clear(request);
    if (!request.sent) this.#held = this.#held.filter(other => other !== request);
    else if (!request.expectReply) {
      this.#forget(request);
      this.#drained();
    }
  }

  expired(request: PendingRequest): void {
    const { api, timeoutMs } = request;
    if (request.sent && this.#arriving(request)) {
      this.#deadlines.set(request, this.#host.now() + timeoutMs);
      return;
    }
    const broker = describeBroker(this.#host.broker);
    if (!request.sent) this.#held = this.#held.filter(other => other !== request);
    else if (!request.expectReply) this.#forget(request);
    request.fail(new RequestTimeoutError(`${api.name} to ${broker} was not answered within ${timeoutMs} ms`));
    // It may have been the last one that a retired connection waited for.
    this.#drained();
  }

  /**
   * Replies come in order, so every byte since this request was sent brings its own reply nearer. Given up half-way, a long
   * reply over a slow link would be asked for again, would be given up again, and so on for ever. Enough must have come
   * since the deadline before, so that a trickle does not hold its subscriber for days.
   */
  #arriving(request: PendingRequest): boolean {
    const received = this.#host.receivedBytes;
    if (!request.expectReply || received - request.heard < MIN_BYTES_PER_MS * request.timeoutMs) return false;
    request.heard = received;
    return true;
  }

  /** What it waits for may never come: a broker that trickles is no silent one. A throttle does not count. */
  #holdBack(request: PendingRequest): void {
    this.#held.push(request);
    if (request.timeoutMs === Infinity) return;
    const now = this.#host.now();
    this.#deadlines.set(request, Math.max(now, this.#release.slot < 0 ? now : this.#release.at) + request.timeoutMs);
  }

  #write(request: PendingRequest): void {
    const now = this.#host.now();
    request.heard = this.#host.receivedBytes;
    const { chunks } = request;
    request.chunks = [];
    request.sent = true;
    request.sentAt = now;
    // Before the write: an in-memory peer may answer inside of it.
    if (request.expectReply) {
      this.#inFlight.push(request);
      if (request.timeoutMs !== Infinity) this.#deadlines.set(request, now + request.timeoutMs);
    }
    const written = this.#host.write(chunks, now);
    if (request.expectReply || !request.live) return;
    if (written && this.#host.writable) request.succeed(undefined);
    else if (written) {
      this.#unwritten.push(request);
      if (request.timeoutMs !== Infinity) this.#deadlines.set(request, now + request.timeoutMs);
      this.#host.changed();
    } else request.fail(this.#host.lost(`${request.api.name} was not written`, true));
  }

  /** A request without a reply that was not written through. */
  #forget(request: PendingRequest): void {
    this.#unwritten = this.#unwritten.filter(other => other !== request);
    this.#host.changed();
  }

  #writeHeld(): void {
    // A reply to one of them may throttle us again: the rest keeps its turn, and what is new stays behind it.
    while (this.#held.length > 0 && this.#release.slot < 0 && !this.#onHold) {
      const request = this.#held.shift()!;
      this.#deadlines.clear(request);
      this.#write(request);
    }
  }

  #throttle(throttleMs: number): void {
    const until = this.#host.now() + throttleMs;
    if (until > this.#release.at || this.#release.slot < 0) this.#deadlines.set(this.#release, until);
    const longer = (request: PendingRequest): void => {
      if (request.slot >= 0) this.#deadlines.set(request, request.at + throttleMs);
    };
    for (let i = 0; i < this.#inFlight.length; i += 1) longer(this.#inFlight.at(i)!);
    for (const request of this.#held) longer(request);
    this.#host.throttled(until);
  }
}
