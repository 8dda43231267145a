import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { EMPTY, Observable, catchError, concat, defer, ignoreElements, of, switchMap, tap, throwError } from 'rxjs';
import { ConnectionError, type KafkaError } from '../errors';
import type { Api, AnyApi } from '../protocol/api';
import type { BrokerAddress, ConnectionState, DisconnectReason, Transport } from '../types';
import { setUpFault, type Fault } from './faults';
import { Link, type LinkOptions } from './link';
import { negotiate } from './negotiate';
import type { RequestOptions } from './pipeline';

/** One broker over one socket, from the moment it answered until it is lost. Never comes back: connect again for another one. */
export interface Connection {
  readonly broker: BrokerAddress;
  /** Which attempt of its slot this is. */
  readonly generation: number;
  /** Replays the current state; completes after `disconnected`. */
  readonly state: Observable<ConnectionState>;
  /** False from the first moment of the end on, before any request has learnt of it. */
  readonly connected: boolean;
  /** Requests that take a place in the pipeline, those whose reply nobody wants any more included. */
  readonly inFlight: number;
  /** Requests that were errored because the connection ended; final when `state` completes. */
  readonly cancelled: number;
  /** False while written bytes pile up because the peer does not read. Requests are taken nevertheless. */
  readonly writable: boolean;
  /** Finalized feature levels by name, such as `transaction.version`. */
  readonly features: ReadonlyMap<string, number>;
  /** The highest version of an API that both sides speak, at most `max`; `undefined` when there is none. */
  versionOf(api: AnyApi, max?: number): number | undefined;
  /**
   * Cold, emits one value: the response, decoded. The body may depend on the negotiated version. Errors with
   * `UnsupportedVersionError`; `ConnectionError`, whose `sent` says whether the broker may have executed the request
   * (retriable); `RequestTimeoutError` (retriable; the connection lives on, the late reply is skipped); `DecodeError`
   * (the connection lives on). Error codes inside the response are data. Unsubscribing gives up the reply.
   */
  request<Q, R>(api: Api<any, Q, R, any>, body: Q | ((version: number) => Q), options?: RequestOptions): Observable<R>;
  /** Ends the connection at once; requests under way error. Idempotent. */
  close(reason?: DisconnectReason): void;
}

/** How to connect, and whom to tell. The callbacks must not throw. */
export interface ConnectOptions extends LinkOptions {
  readonly transport: Transport;
  readonly tls: TlsOptions | undefined;
  /** For set-up as a whole: TCP, TLS, ApiVersions and authentication. */
  readonly connectTimeoutMs: number;
  /** Runs between ApiVersions and `connected`; completing lets the connection through. An `AuthenticationError` is fatal. */
  readonly authenticate?: (link: Link) => Observable<unknown>;
  /**
   * The end has begun; no request has learnt of it yet. `error` is undefined for an orderly end; `cancelled` counts the
   * requests in flight, all about to error but those whose reply is already complete.
   */
  readonly onDisconnected?: (reason: DisconnectReason, error: KafkaError | undefined, cancelled: number) => void;
}

/**
 * Connects to a broker. Cold: subscribing opens the socket. Emits one `Connection` once the broker has answered
 * ApiVersions and accepted our credentials (a stopped broker still accepts TCP). Completes when the connection ends in
 * good order (`shutdown`, `idle`, or the broker drops an unused connection); errors with a `ConnectionError` when it is
 * lost or cannot be made, with `AuthenticationError` or `UnsupportedVersionError` when trying again is useless.
 * Unsubscribing closes. Reconnecting is subscribing again, after a backoff of one's own.
 */
export function connect(broker: BrokerAddress, options: ConnectOptions): Observable<Connection> {
  return defer(() => {
    const until = options.runtime.scheduler.now() + options.connectTimeoutMs;
    let mute = false;
    const first = attempt(broker, options, until, undefined, () => (mute = true));
    // Some proxies hang up on an ApiVersions version that they do not know, instead of answering.
    return first.pipe(
      catchError((error: unknown) => (mute ? attempt(broker, options, until, 0) : throwError(() => error))),
    );
  });
}

/** `mute` is called instead of `onDisconnected` when the peer accepted the connection and hung up on ApiVersions without a word. */
function attempt(
  broker: BrokerAddress,
  options: ConnectOptions,
  until: number,
  version: number | undefined,
  mute?: () => void,
): Observable<Connection> {
  return new Observable<Connection>(subscriber => {
    let asked = false;
    const leaving = ({ reason, error }: Fault, pending: number): void => {
      if (mute !== undefined && asked && reason === 'broken' && link.received === 0) mute();
      else options.onDisconnected?.(reason, error, pending);
    };
    const ended = ({ error }: Fault): void => (error === undefined ? subscriber.complete() : subscriber.error(error));
    const link = new Link(broker, options, leaving, ended);
    // Before work starts.
    subscriber.add(() => link.close());

    const overdue = { at: 0, slot: -1, due: () => link.end(setUpTimeout(broker, options.connectTimeoutMs, asked)) };
    link.deadlines.set(overdue, until);
    const setUp = defer(() => options.transport(broker, options.tls)).pipe(
      tap({
        next: stream => {
          asked = true;
          link.attach(stream);
        },
        error: (error: unknown) => link.broke(error),
        complete: () => link.peerEnded(),
      }),
      switchMap(() => negotiate(link, version)),
      switchMap(({ versions, features }) => {
        link.versions = versions;
        link.features = features;
        return concat((options.authenticate?.(link) ?? EMPTY).pipe(ignoreElements()), of(link));
      }),
    );
    link.own(
      setUp.subscribe({
        next: connection => {
          // Authentication may come to its end by a reply that the end of the connection handed over.
          if (link.ended) return;
          link.deadlines.clear(overdue);
          link.ready();
          subscriber.next(connection);
        },
        error: (error: unknown) => link.end(setUpFault(broker, error)),
      }),
    );
  });
}

function setUpTimeout(broker: BrokerAddress, connectTimeoutMs: number, asked: boolean): Fault {
  const what = asked ? 'the broker accepted the connection but did not complete the set-up' : 'no connection';
  return { reason: 'timeout', error: new ConnectionError(broker, 'timeout', `${what} within ${connectTimeoutMs} ms`) };
}
