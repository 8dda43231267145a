import { Observable, ReplaySubject, Subscription } from 'rxjs';
import { ConnectionError } from '../errors';
import type { AnyApi, Api } from '../protocol/api';
import type { BrokerAddress, ByteStream, ConnectionState, DisconnectReason, Runtime } from '../types';
import { next } from './connection-state';
import { Deadlines } from './deadlines';
import { endFault, frameFault, socketFault, type Fault } from './faults';
import { FrameSplitter, type FrameSink } from './frames';
import { Liveness, type Oldest, type Watched } from './liveness';
import { Pipeline, type PipelineHost, type Renewal, type RequestOptions } from './pipeline';
import { chooseVersion, unsupportedVersion, type BrokerVersions } from './version-choice';

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
export class Link implements PipelineHost, FrameSink, Watched {
  readonly broker: BrokerAddress;
  readonly generation: number;
  /** By api key; empty until negotiated. */
  versions: BrokerVersions = new Map();
  features: ReadonlyMap<string, number> = new Map();
  /** Requests that the end of this link errored. */
  cancelled = 0;
  /** Chunks received so far, and their bytes. */
  received = 0;
  receivedBytes = 0;
  readonly deadlines: Deadlines;
  readonly #options: LinkOptions;
  /** Told at the first moment of the end, before any request learns of it; and at the last. */
  readonly #leaving: (fault: Fault, pending: number) => void;
  readonly #ended: (fault: Fault) => void;
  readonly #states = new ReplaySubject<ConnectionState>(1);
  readonly #splitter: FrameSplitter;
  readonly #pipeline: Pipeline;
  readonly #liveness: Liveness;
  /** Reading the socket, and having it. */
  readonly #reading = new Subscription();
  readonly #socket = new Subscription();
  #stream: ByteStream | undefined;
  #writable = true;
  #state: ConnectionState = 'connecting';
  #fault: Fault | undefined;

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
    this.#pipeline = new Pipeline(this, this.deadlines, options);
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

  /** The end has begun. */
  get ended(): boolean {
    return this.#state === 'disconnected';
  }

  /** Places in the pipeline, abandoned ones included, and requests that wait out a throttle. */
  get inFlight(): number {
    return this.#pipeline.size;
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
      endFault(this.broker, {
        tls: this.#options.tls !== undefined,
        spoken: this.#spoken,
        connected: this.connected,
        pending: this.#pipeline.pending,
      }),
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
    // 0. Refuse what comes. (What set-up asked is nobody's request.)
    const pending = this.connected ? this.#pipeline.pending : 0;
    this.#state = next(this.#state, 'lost');
    this.#fault = fault;
    this.#leaving(fault, pending);
    // 1. Read no further, but what was complete had succeeded. (A violation has stopped the splitter already.)
    this.#reading.unsubscribe();
    this.#splitter.drain();
    // 2. Drop the partial frame and what was never written.
    this.#splitter.stop();
    // 3. Tell the requests, in order.
    this.cancelled = this.#pipeline.cancel();
    // 4. Let go.
    this.deadlines.stop();
    this.#stream = undefined;
    this.#socket.unsubscribe();
    this.#states.next('disconnected');
    this.#states.complete();
    this.#ended(fault);
  }

  // ── Requests ──

  versionOf(api: AnyApi, max?: number): number | undefined {
    return chooseVersion(api, this.versions.get(api.key), max);
  }

  request<Q, R>(
    api: Api<any, Q, R, any>,
    body: Q | ((version: number) => Q),
    options: RequestOptions = {},
  ): Observable<R> {
    return new Observable<R>(subscriber => {
      if (this.#state === 'disconnected') {
        subscriber.error(this.lost(`${api.name} was not sent`, false));
        return;
      }
      const version = this.versionOf(api, options.maxVersion);
      if (version === undefined) {
        subscriber.error(unsupportedVersion(this.broker, api, this.versions.get(api.key), options.maxVersion));
      } else {
        this.#pipeline.send(subscriber, api, version, body, options);
      }
    });
  }

  /** As `request`, in a version of one's own choice: for what comes before versions are known. */
  exchange<Q, R>(api: Api<any, Q, R, any>, version: number, body: Q, options: RequestOptions = {}): Observable<R> {
    return new Observable<R>(subscriber => {
      if (this.#state === 'disconnected') subscriber.error(this.lost(`${api.name} was not sent`, false));
      else this.#pipeline.send(subscriber, api, version, body, options);
    });
  }

  /** The error of a request that the end of this link cut off or refused. */
  lost(what: string, sent: boolean): ConnectionError {
    const { reason, error } = this.#fault!;
    const why = error === undefined ? `the connection was closed (${reason})` : error.message;
    return new ConnectionError(this.broker, reason, `${what}: ${why}`, { sent, cause: error });
  }

  // ── The life of its session (see sasl/session.ts) ──

  /** Comes before the first request that is made at or after its time. */
  set renewal(renewal: Renewal) {
    this.#pipeline.renewal = renewal;
  }

  /** Changes with every request that is made. */
  get asked(): number {
    return this.#pipeline.asked;
  }

  /** Holds back new requests, but for those that go ahead, until `release`. */
  hold(): void {
    this.#pipeline.hold();
  }

  release(): void {
    this.#pipeline.release();
  }

  /** Ends once everything in flight is answered; new requests are held back until then, and error as not sent. */
  retire(fault: Fault): void {
    this.#pipeline.retire(() => this.end(fault));
  }

  write(chunks: readonly Uint8Array[], now: number): boolean {
    this.#liveness.used(now);
    try {
      this.#stream!.write(chunks);
      return true;
    } catch (error) {
      this.broke(error);
      return false;
    }
  }

  throttled(until: number): void {
    this.#liveness.quiet(until);
  }

  tellThrottle(throttleMs: number): void {
    this.#options.onThrottle?.(throttleMs);
  }

  // ── Bytes in ──

  #receive(chunk: Uint8Array): void {
    if (this.#state === 'disconnected') return;
    this.received += 1;
    this.receivedBytes += chunk.length;
    this.#liveness.moved(this.now());
    this.#splitter.push(chunk);
  }

  #pressure(writable: boolean): void {
    const piledUp = !this.#writable;
    this.#writable = writable;
    if (!piledUp) return;
    this.#liveness.moved(this.now());
    if (writable) this.#pipeline.flushed();
    this.#liveness.changed();
  }

  begin(correlationId: number): boolean {
    const mismatch = this.#pipeline.mismatch(correlationId);
    if (mismatch === undefined) {
      const wanted = this.#pipeline.begin();
      if (!wanted) this.#liveness.changed();
      return wanted;
    }
    this.violation(mismatch, undefined);
    return false;
  }

  frame(frame: Buffer): void {
    this.#pipeline.reply(frame);
    this.#liveness.changed();
  }

  violation(why: string, head: Buffer | undefined): void {
    // What follows the offending frame means nothing, complete or not.
    this.#splitter.stop();
    this.end(frameFault(this.broker, why, head, { spoken: this.#spoken }));
  }

  // ── What liveness asks ──

  get oldest(): Oldest | undefined {
    return this.#pipeline.oldest;
  }

  changed(): void {
    this.#liveness.changed();
  }

  /** Requests wait out a throttle. */
  get waiting(): boolean {
    return this.#pipeline.size > 0;
  }

  halfOpen(forMs: number): void {
    const asked = this.#pipeline.oldest?.api.name ?? 'a request';
    const message = `no byte for ${Math.round(forMs)} ms while ${asked} waits for the broker: the connection is taken for dead`;
    this.end({ reason: 'timeout', error: new ConnectionError(this.broker, 'timeout', message) });
  }

  idle(): void {
    this.close('idle');
  }
}
