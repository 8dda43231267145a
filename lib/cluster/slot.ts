import { Observable, Subscription } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { AuthenticationError, ConnectionError } from '../errors';
import type { KafkaError } from '../errors';
import { connect } from '../network/connection';
import type { ConnectOptions, Connection } from '../network/connection';
import type { ClientOptions } from '../options';
import type { BrokerAddress, ConnectionStatus, DisconnectReason, EventSink, Purpose } from '../types';
import { backoffMs } from './retry';

/** What a slot needs of the pool. */
export interface SlotOptions {
  readonly client: ClientOptions;
  readonly emit: EventSink;
  /** Runs on every new connection before it is offered. */
  readonly authenticate?: ConnectOptions['authenticate'];
  /** The list of connections changed. */
  readonly onStatus: () => void;
  /** The connection was lost for a cause of the peer or the network. */
  readonly onLost: (broker: BrokerAddress) => void;
  /** An attempt of this slot has succeeded, or has failed with `error`: its siblings need not try the same by themselves. */
  readonly onTried?: (slot: Slot, error: unknown) => void;
}

/**
 * The one live socket of a (broker, owner, purpose). Made on the first use; after a loss it connects again by itself,
 * at once the first time and then with backoff of its own, until it is closed. An idle close and refused credentials wait for
 * the next use.
 */
export class Slot {
  readonly #owner: string;
  readonly #purpose: Purpose;
  readonly #options: SlotOptions;
  readonly broker: BrokerAddress;
  readonly #waiters: Subscriber<Connection>[] = [];
  #connection: Connection | undefined;
  #attempt = Subscription.EMPTY;
  /** `ending`: the connection is on its way out, and the requests that it had are being told. */
  #phase: 'idle' | 'pausing' | 'connecting' | 'connected' | 'ending' | 'closed' = 'idle';
  #generation = 0;
  /** Attempts in a row that came to nothing, or to a connection that died young. */
  #failures = 0;
  #connectedAt: number | undefined;
  #reason: DisconnectReason | undefined;
  /** The peer refused us, or we the peer: nothing is tried again before `until`, and then only for who asks. */
  #refused: { readonly error: AuthenticationError; readonly until: number } | undefined;
  /** Requests that the end of the last connection cancelled. */
  #cancelled = 0;

  constructor(broker: BrokerAddress, owner: string, purpose: Purpose, options: SlotOptions) {
    this.broker = broker;
    this.#owner = owner;
    this.#purpose = purpose;
    this.#options = options;
  }

  /** The live connection, if there is one. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** The last attempt failed and no new one has succeeded. */
  get failing(): boolean {
    return this.#failures > 0 && this.#connection === undefined;
  }

  get status(): ConnectionStatus | undefined {
    if (this.#generation === 0) return undefined;
    const status = {
      broker: this.broker,
      owner: this.#owner,
      purpose: this.#purpose,
      state:
        this.#phase === 'connected'
          ? ('connected' as const)
          : this.#phase === 'connecting'
            ? ('connecting' as const)
            : ('disconnected' as const),
      generation: this.#generation,
      inFlight: this.#connection?.inFlight ?? 0,
    };
    return this.#reason === undefined || this.#phase === 'connected' ? status : { ...status, reason: this.#reason };
  }

  /**
   * Emits the live connection, or the next one, and completes. Errors when the attempt under way (or the next one,
   * after its backoff) fails: the caller may then choose another broker. Unsubscribing stops waiting. After an
   * `AuthenticationError` only this makes another attempt; within `reconnectBackoffMaxMs` it errors with the same one.
   */
  acquire(): Observable<Connection> {
    return new Observable(subscriber => {
      if (this.#connection !== undefined) {
        subscriber.next(this.#connection);
        subscriber.complete();
        return;
      }
      if (this.#phase === 'closed') {
        subscriber.error(new ConnectionError(this.broker, 'shutdown', 'the connection was closed'));
        return;
      }
      if (this.#refused !== undefined && this.#options.client.runtime.scheduler.now() < this.#refused.until) {
        subscriber.error(this.#refused.error);
        return;
      }
      this.#waiters.push(subscriber);
      subscriber.add(() => {
        const at = this.#waiters.indexOf(subscriber);
        if (at >= 0) this.#waiters.splice(at, 1);
      });
      this.#openIfWanted();
    });
  }

  /**
   * Another slot of the same address has just tried. If it was turned down, so would we be: our next attempt is put off like the
   * sibling's, and whoever waits may look elsewhere. So a dead broker sees one attempt a backoff step, not one from each slot. If it
   * was let in, our pause is over.
   */
  siblingTried(sibling: Slot, error: unknown): void {
    if (this.#phase !== 'pausing') return;
    this.#attempt.unsubscribe();
    if (error === undefined) return this.#open();
    this.#failures = Math.max(this.#failures, sibling.#failures);
    this.#attempt = this.#options.client.runtime.scheduler.schedule(() => this.#open(), this.#pauseMs(false));
    this.#fail(error);
  }

  /** Ends the connection; whoever waits for one is told `why`. Idempotent. */
  close(why: KafkaError): void {
    if (this.#phase === 'closed') return;
    const wasOpen = this.#phase === 'connected' || this.#phase === 'connecting';
    // One that ends already does so to the end, and tells of it.
    const ending = this.#phase === 'ending';
    this.#phase = 'closed';
    this.#connection = undefined;
    this.#reason = 'shutdown';
    if (!ending) this.#attempt.unsubscribe();
    const cancelled = this.#cancelled;
    if (wasOpen) this.#options.emit({ type: 'disconnected', connection: this.status!, reason: 'shutdown', cancelled });
    this.#fail(why);
    this.#options.onStatus();
  }

  #open(): void {
    const { client, emit, authenticate, onStatus } = this.#options;
    this.#phase = 'connecting';
    this.#generation += 1;
    this.#cancelled = 0;
    let why: DisconnectReason = 'broken';
    const attempt = new Subscription();
    this.#attempt = attempt;
    onStatus();
    // Whoever heard of it may have closed us.
    if (attempt.closed) return;
    attempt.add(
      connect(this.broker, {
        clientId: client.clientId,
        transport: client.transport,
        tls: client.tls,
        runtime: client.runtime,
        connectTimeoutMs: client.connectTimeoutMs,
        requestTimeoutMs: client.requestTimeoutMs,
        idleMs: client.connectionIdleMs,
        maxResponseBytes: client.maxResponseBytes,
        generation: this.#generation,
        ...(authenticate === undefined ? {} : { authenticate }),
        onThrottle: throttleMs => emit({ type: 'throttled', broker: this.broker, throttleMs }),
        onDisconnected: (reason, _error, inFlight) => {
          why = reason;
          this.#cancelled = inFlight;
          // Step 0 of the teardown: whoever retries while requests are being cancelled must not land here again.
          this.#connection = undefined;
          if (this.#phase !== 'closed') this.#phase = 'ending';
        },
      }).subscribe({
        next: connection => {
          if (attempt.closed) return;
          this.#connection = connection;
          this.#phase = 'connected';
          this.#reason = undefined;
          this.#connectedAt = client.runtime.scheduler.now();
          const status = this.status!;
          onStatus();
          // Whoever hears of it may end it: nobody is told of, or given, a connection that is gone.
          if (this.#connection === connection) emit({ type: 'connected', connection: status });
          while (this.#connection === connection && this.#waiters.length > 0) {
            const waiter = this.#waiters.shift()!;
            waiter.next(connection);
            waiter.complete();
          }
          this.#options.onTried?.(this, undefined);
        },
        error: (error: unknown) => this.#ended(why, error),
        complete: () => this.#ended(why, undefined),
      }),
    );
  }

  #ended(reason: DisconnectReason, error: unknown): void {
    const { client, emit, onStatus, onLost, onTried } = this.#options;
    if (this.#phase === 'closed') {
      // By one of the requests that the end has told.
      const failure = error === undefined ? {} : { error };
      emit({ type: 'disconnected', connection: this.status!, reason, ...failure, cancelled: this.#cancelled });
      return;
    }
    const now = client.runtime.scheduler.now();
    const wasConnected = this.#connectedAt !== undefined;
    // A connection that held for a while is forgiven its end; one that dies young counts like an attempt that came to
    // nothing, or a broker that accepts and drops would be asked in a hot loop. Half of the longest pause is enough: were it
    // all of it, a network that cuts each second would keep us at the longest pause, cut again as soon as we are back.
    const heldLong = this.#connectedAt !== undefined && now - this.#connectedAt >= client.reconnectBackoffMaxMs / 2;
    this.#failures = heldLong ? 0 : this.#failures + 1;
    this.#connection = undefined;
    this.#connectedAt = undefined;
    this.#reason = reason;
    // The same credentials would be refused again, and a user may be locked out for that.
    const refused = error instanceof AuthenticationError;
    this.#refused = refused ? { error, until: now + client.reconnectBackoffMaxMs } : undefined;
    const again = reason !== 'idle' && reason !== 'shutdown' && !refused;
    this.#phase = again ? 'pausing' : 'idle';
    // Before anybody hears of it: who does may close the client, and that must find this timer to stop it.
    if (again) this.#attempt = client.runtime.scheduler.schedule(() => this.#open(), this.#pauseMs(wasConnected));
    // Taken before anybody hears of it: who does may open the next one.
    const ended = {
      connection: this.status!,
      reason,
      ...(error === undefined ? {} : { error }),
      cancelled: this.#cancelled,
    };
    onStatus();
    emit({ type: 'disconnected', ...ended });
    if (again) {
      if (!wasConnected) {
        this.#fail(error);
        onTried?.(this, error);
      }
      onLost(this.broker);
    } else if (refused) {
      this.#fail(error);
    } else {
      this.#openIfWanted();
    }
  }

  #openIfWanted(): void {
    if (this.#phase === 'idle' && this.#waiters.length > 0) this.#open();
  }

  #pauseMs(wasConnected: boolean): number {
    if (wasConnected && this.#failures <= 1) return 0;
    const { reconnectBackoffMs: baseMs, reconnectBackoffMaxMs: maxMs, runtime } = this.#options.client;
    return backoffMs(this.#failures, { baseMs, maxMs }, runtime.random);
  }

  #fail(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.error(error);
  }
}
