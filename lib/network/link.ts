import { Observable, ReplaySubject, Subscription } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { ConnectionError, RequestTimeoutError, describeBroker } from '../errors';
import type { Api } from '../protocol/api';
import { encodeRequestFrame } from '../protocol/header';
import type { BrokerAddress, ByteStream, ConnectionState, DisconnectReason, Runtime } from '../types';
import { next } from './connection-state';
import { Deadlines } from './deadlines';
import type { Deadline } from './deadlines';
import { endFault, frameFault, socketFault } from './faults';
import type { Fault } from './faults';
import { FrameSplitter } from './frames';
import type { FrameSink } from './frames';
import { InFlight } from './in-flight';
import { Liveness } from './liveness';
import { PendingRequest } from './pending-request';
import type { RequestHost } from './pending-request';
import { throttleOf } from './throttle';
import { chooseVersion, unsupportedVersion } from './version-choice';
import type { BrokerVersions } from './version-choice';

/** How one request differs from the rest. */
export interface RequestOptions {
  /** Until the reply; time in which the broker throttles us does not count. [the connection's `requestTimeoutMs`] */
  readonly timeoutMs?: number;
  /** For how long the broker may hold the reply on purpose (`maxWaitMs` of a fetch, …). Silence for 5 s more closes the connection. [0] */
  readonly holdMs?: number;
  /** The highest version to use, where a field or a missing topic id forbids the newest. [no limit] */
  readonly maxVersion?: number;
  /** `false`: the broker will not answer (produce with acks=0). Emits `undefined` once written. [true] */
  readonly expectReply?: boolean;
}

/** What a link is made with. */
export interface LinkOptions {
  readonly clientId: string;
  readonly runtime: Runtime;
  readonly requestTimeoutMs: number;
  readonly idleMs: number;
  readonly maxResponseBytes: number;
  readonly tls: unknown;
  /** Which attempt this is; 1 for the first. */
  readonly generation: number;
  /** The broker asked us to wait: nothing is written to this connection for so long. */
  readonly onThrottle?: (throttleMs: number) => void;
}

/** Until the peer has proven that it speaks Kafka it gets no more memory than this. */
const MAX_SET_UP_BYTES = 65_536;

/**
 * One socket from its first byte to its last: the frames in, the requests out, and the one step in which it ends. Never
 * reused: what belongs to a socket hangs on its link, so nothing of an old one can reach a new one.
 */
export class Link implements RequestHost, FrameSink {
  readonly broker: BrokerAddress;
  readonly generation: number;
  /** By api key; empty until negotiated. */
  versions: BrokerVersions = new Map();
  features: ReadonlyMap<string, number> = new Map();
  /** Requests that the end of this link errored. */
  cancelled = 0;
  /** Chunks received so far. */
  received = 0;
  readonly deadlines: Deadlines;
  readonly #options: LinkOptions;
  /** Told at the first moment of the end, before any request learns of it; and at the last. */
  readonly #leaving: (fault: Fault, pending: number) => void;
  readonly #ended: (fault: Fault) => void;
  readonly #states = new ReplaySubject<ConnectionState>(1);
  readonly #splitter: FrameSplitter;
  readonly #inFlight = new InFlight<PendingRequest>();
  /** Encoded, but not to be written before the broker's throttle ends. */
  #held: PendingRequest[] = [];
  readonly #release: Deadline = { at: 0, slot: -1, due: () => this.#writeHeld() };
  readonly #liveness: Liveness;
  /** Reading the socket, and having it. */
  readonly #reading = new Subscription();
  readonly #socket = new Subscription();
  #stream: ByteStream | undefined;
  #writable = true;
  #state: ConnectionState = 'connecting';
  #fault: Fault | undefined;
  #correlationId = 0;

  constructor(
    broker: BrokerAddress,
    options: LinkOptions,
    leaving: (fault: Fault, pending: number) => void,
    ended: (fault: Fault) => void,
  ) {
    this.broker = broker;
    this.generation = options.generation;
    this.#options = options;
    this.#leaving = leaving;
    this.#ended = ended;
    this.#states.next('connecting');
    this.#splitter = new FrameSplitter(Math.min(MAX_SET_UP_BYTES, options.maxResponseBytes), this);
    this.deadlines = new Deadlines(options.runtime, () => this.received);
    this.#liveness = new Liveness(this.deadlines, this, options.idleMs);
  }

  /** Replays the current state; completes after `disconnected`. */
  get state(): Observable<ConnectionState> {
    return this.#states.asObservable();
  }

  /** Whether requests are taken: false from the very first moment of the end. */
  get connected(): boolean {
    return this.#state === 'connected';
  }

  /** Places in the pipeline, abandoned ones included, and requests that wait out a throttle. */
  get inFlight(): number {
    return this.#inFlight.size + this.#held.length;
  }

  /** False while written bytes pile up. */
  get writable(): boolean {
    return this.#writable;
  }

  get #spoken(): boolean {
    return this.#state !== 'connecting' || this.versions.size > 0;
  }

  now(): number {
    return this.#options.runtime.scheduler.now();
  }

  // ── The life of the socket ──

  /** What holds the socket open; it goes in the last step of the end. */
  own(socket: Subscription): void {
    this.#socket.add(socket);
  }

  /** Takes the socket's bytes. */
  attach(stream: ByteStream): void {
    if (this.#state === 'disconnected') return;
    this.#stream = stream;
    this.#reading.add(
      stream.writable.subscribe({
        next: writable => this.#pressure(writable),
        error: (error: unknown) => this.broke(error),
      }),
    );
    this.#reading.add(
      stream.received.subscribe({
        next: chunk => this.#receive(chunk),
        error: (error: unknown) => this.broke(error),
        complete: () => this.peerEnded(),
      }),
    );
  }

  /** Set-up is done. */
  ready(): void {
    this.#state = next(this.#state, 'ready');
    this.#splitter.maxBytes = this.#options.maxResponseBytes;
    this.#liveness.start(this.now());
    this.#states.next('connected');
  }

  /** The socket failed. */
  broke(error: unknown): void {
    this.end(socketFault(this.broker, error, { tls: this.#options.tls !== undefined, spoken: this.#spoken }));
  }

  /** The peer sent FIN: half-closed is closed, for nobody will answer. */
  peerEnded(): void {
    this.end(
      endFault(this.broker, { tls: this.#options.tls !== undefined, spoken: this.#spoken, pending: this.#pending() }),
    );
  }

  /** Ends the connection from our side. Idempotent, in every state. */
  close(reason: DisconnectReason = 'shutdown'): void {
    const orderly = reason === 'shutdown' || reason === 'idle';
    this.end({
      reason,
      error: orderly ? undefined : new ConnectionError(this.broker, reason, `the connection was closed: ${reason}`),
    });
  }

  /**
   * The move to `disconnected`: once, whatever the cause, in one synchronous step. Requests learn of it in their own
   * `error` handlers, which may retry at once; so from step 0 on nothing of this link is offered or accepted.
   */
  end(fault: Fault): void {
    if (this.#state === 'disconnected') return;
    // 0. Refuse what comes.
    this.#state = next(this.#state, 'lost');
    this.#fault = fault;
    this.#leaving(fault, this.#pending());
    // 1. Read no further, but what was complete had succeeded. (A violation has stopped the splitter already.)
    this.#reading.unsubscribe();
    this.#splitter.drain();
    // 2. Drop the partial frame and what was never written.
    this.#splitter.stop();
    const unsent = this.#held;
    this.#held = [];
    // 3. Tell the requests, in order.
    for (let request = this.#inFlight.shift(); request !== undefined; request = this.#inFlight.shift())
      this.#cancel(request, fault);
    for (const request of unsent) this.#cancel(request, fault);
    // 4. Let go.
    this.deadlines.stop();
    this.#stream = undefined;
    this.#socket.unsubscribe();
    this.#states.next('disconnected');
    this.#states.complete();
    this.#ended(fault);
  }

  /** Requests that somebody waits for. */
  #pending(): number {
    let pending = this.#held.length;
    this.#inFlight.forEach(request => (pending += request.live ? 1 : 0));
    return pending;
  }

  #cancel(request: PendingRequest, fault: Fault): void {
    if (!request.live) return;
    this.cancelled += 1;
    request.fail(this.#lost(`${request.api.name} was cancelled`, fault, request.sent));
  }

  #lost(what: string, { reason, error }: Fault, sent: boolean): ConnectionError {
    const why = error === undefined ? `the connection was closed (${reason})` : error.message;
    return new ConnectionError(this.broker, reason, `${what}: ${why}`, {
      sent,
      cause: error,
      retriable: reason !== 'authentication',
    });
  }

  // ── Requests ──

  versionOf(api: Api<any, any, any, any>, max?: number): number | undefined {
    return chooseVersion(api, this.versions.get(api.key), max);
  }

  request<Q, R>(
    api: Api<any, Q, R, any>,
    body: Q | ((version: number) => Q),
    options: RequestOptions = {},
  ): Observable<R> {
    return new Observable<R>(subscriber => {
      const version = this.versionOf(api, options.maxVersion);
      if (version !== undefined) this.#send(subscriber, api, version, body, options);
      else if (this.#state === 'disconnected') subscriber.error(this.#refusal(api.name));
      else subscriber.error(unsupportedVersion(this.broker, api, this.versions.get(api.key), options.maxVersion));
    });
  }

  /** As `request`, in a version of one's own choice: for what comes before versions are known. */
  exchange<Q, R>(api: Api<any, Q, R, any>, version: number, body: Q, options: RequestOptions = {}): Observable<R> {
    return new Observable<R>(subscriber => this.#send(subscriber, api, version, body, options));
  }

  #send<Q>(
    subscriber: Subscriber<any>,
    api: Api<any, Q, any, any>,
    version: number,
    body: Q | ((version: number) => Q),
    options: RequestOptions,
  ): void {
    if (this.#state === 'disconnected') {
      subscriber.error(this.#refusal(api.name));
      return;
    }
    const correlationId = this.#correlationId;
    let chunks: Uint8Array[];
    try {
      const value = typeof body === 'function' ? (body as (version: number) => Q)(version) : body;
      chunks = encodeRequestFrame(api, version, correlationId, this.#options.clientId, value);
    } catch (error) {
      subscriber.error(error);
      return;
    }
    this.#correlationId = (correlationId + 1) & 0x7fffffff;
    const { timeoutMs = this.#options.requestTimeoutMs, holdMs = 0, expectReply = true } = options;
    const request = new PendingRequest(
      this,
      subscriber,
      { api, version, correlationId, chunks },
      { timeoutMs, holdMs, expectReply },
    );
    if (this.#held.length > 0 || this.#release.slot >= 0) this.#held.push(request);
    else this.#write(request);
  }

  #refusal(name: string): ConnectionError {
    return this.#lost(`${name} was not sent`, this.#fault!, false);
  }

  #write(request: PendingRequest): void {
    const now = this.now();
    const { chunks } = request;
    request.chunks = [];
    request.sent = true;
    request.sentAt = now;
    // Before the write: an in-memory peer may answer inside of it.
    if (request.expectReply) {
      this.#inFlight.push(request);
      if (request.timeoutMs !== Infinity) this.deadlines.set(request, now + request.timeoutMs);
    }
    this.#liveness.used(now);
    try {
      this.#stream!.write(chunks);
    } catch (error) {
      this.broke(error);
      this.#cancel(request, this.#fault!);
      return;
    }
    if (!request.expectReply && request.live) request.succeed(undefined);
  }

  #writeHeld(): void {
    // A reply to one of them may throttle us again: the rest keeps its turn, and what is new stays behind it.
    while (this.#held.length > 0 && this.#release.slot < 0) this.#write(this.#held.shift()!);
  }

  abandoned(request: PendingRequest): void {
    this.deadlines.clear(request);
    if (!request.sent) this.#held = this.#held.filter(other => other !== request);
  }

  expired(request: PendingRequest): void {
    const waited = request.timeoutMs;
    request.fail(
      new RequestTimeoutError(
        `${request.api.name} to ${describeBroker(this.broker)} was not answered within ${waited} ms`,
      ),
    );
  }

  // ── Bytes in ──

  #receive(chunk: Uint8Array): void {
    if (this.#state === 'disconnected') return;
    this.received += 1;
    this.#liveness.moved(this.now());
    this.#splitter.push(chunk);
  }

  #pressure(writable: boolean): void {
    if (writable && !this.#writable) this.#liveness.moved(this.now());
    this.#writable = writable;
  }

  begin(correlationId: number): boolean {
    const request = this.#inFlight.head;
    if (request === undefined || request.correlationId !== correlationId) {
      const wanted =
        request === undefined ? 'nothing was asked' : `${request.correlationId} (${request.api.name}) was due`;
      this.violation(`a reply to request ${correlationId} came, but ${wanted}`, Buffer.alloc(0));
      return false;
    }
    if (request.live) return true;
    this.#inFlight.shift();
    return false;
  }

  frame(frame: Buffer): void {
    const request = this.#inFlight.shift()!;
    this.deadlines.clear(request);
    if (!request.live) return;
    let value: unknown;
    try {
      value = request.decode(frame);
    } catch (error) {
      request.fail(error);
      return;
    }
    const throttleMs = throttleOf(request.api, request.version, value);
    if (throttleMs > 0) this.#throttle(throttleMs);
    request.succeed(value);
  }

  violation(why: string, head: Buffer): void {
    // What follows the offending frame means nothing, complete or not.
    this.#splitter.stop();
    this.end(frameFault(this.broker, why, head, { spoken: this.#spoken }));
  }

  /** The broker will not read from us for that long: hold what is new, and be patient with what is under way. */
  #throttle(throttleMs: number): void {
    if (this.#state === 'disconnected') return;
    const until = this.now() + throttleMs;
    this.#liveness.quiet(until);
    if (until > this.#release.at || this.#release.slot < 0) this.deadlines.set(this.#release, until);
    this.#inFlight.forEach(request => {
      if (request.slot >= 0) this.deadlines.set(request, request.at + throttleMs);
    });
    this.#options.onThrottle?.(throttleMs);
  }

  // ── What liveness asks ──

  oldest(): PendingRequest | undefined {
    return this.#inFlight.head;
  }

  waiting(): boolean {
    return this.#held.length > 0;
  }

  halfOpen(forMs: number): void {
    const { api } = this.#inFlight.head!;
    const message = `no byte for ${Math.round(forMs)} ms while ${api.name} waits for its reply: the connection is taken for dead`;
    this.end({ reason: 'timeout', error: new ConnectionError(this.broker, 'timeout', message) });
  }

  idle(): void {
    this.close('idle');
  }
}
