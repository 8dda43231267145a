import * as net from 'node:net';
import * as tls from 'node:tls';
import { firstValueFrom, type Subscription } from 'rxjs';
import { Kafka, apis, type KafkaEvent, type KafkaOptions } from '../../lib';
import { connect, type Connection, type ConnectOptions } from '../../lib/network/connection';
import { tcpTransport } from '../../lib/network/tcp';
import { realRuntime } from '../../lib/runtime';
import type { BrokerAddress } from '../../lib/types';
import { Echo } from '../network/fake-broker';

/** What a scripted server does with a socket; `nth` counts the sockets of that server from 1. */
export type Serve = (socket: net.Socket, nth: number) => void;

/** One `connect()` to a real socket. */
export interface Opened {
  readonly connection: Connection;
  /** The error it ended with, or `completed`. */
  readonly ended: Promise<any>;
}

/** A client and everything that it told. */
export interface Watched {
  readonly kafka: Kafka;
  readonly events: KafkaEvent[];
  /** One request of a user to node 0, with the client's own retries. */
  ask(): Promise<unknown>;
}

/**
 * Scripted servers and our own connections to them, on real sockets of the loopback interface. Everything that was
 * opened is closed after each test.
 */
export class Loopback {
  /** Sockets in the order in which they came, those of all servers. */
  readonly accepted: net.Socket[] = [];
  readonly #servers: net.Server[] = [];
  readonly #subscriptions: Subscription[] = [];
  readonly #clients: Kafka[] = [];

  /** Sockets that neither side has closed. */
  get live(): number {
    return this.accepted.filter(socket => !socket.destroyed).length;
  }

  async listen(
    serve: Serve,
    options: { readonly secure?: tls.TlsOptions; readonly port?: number } = {},
  ): Promise<BrokerAddress> {
    const { secure, port = 0 } = options;
    let nth = 0;
    const accept = (socket: net.Socket): void => {
      this.accepted.push(socket);
      // What the client does to its end is what the spec looks at.
      socket.on('error', () => undefined);
      socket.on('end', () => socket.end());
      serve(socket, ++nth);
    };
    const server =
      secure === undefined
        ? net.createServer({ allowHalfOpen: true, noDelay: true }, accept)
        : tls.createServer(secure, accept);
    server.on('tlsClientError', () => undefined);
    this.#servers.push(server);
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port };
  }

  /** Gives another certificate to a TLS server, for the connections to come. */
  secureAgain({ port }: BrokerAddress, secure: tls.SecureContextOptions): void {
    for (const server of this.#servers)
      if (server instanceof tls.Server && (server.address() as net.AddressInfo).port === port)
        server.setSecureContext(secure);
  }

  connectOptions(more: Partial<ConnectOptions> = {}): ConnectOptions {
    return {
      clientId: 'test',
      transport: tcpTransport,
      tls: undefined,
      runtime: realRuntime,
      connectTimeoutMs: 5_000,
      requestTimeoutMs: 5_000,
      idleMs: 60_000,
      maxResponseBytes: 104_857_600,
      generation: 1,
      ...more,
    };
  }

  /** Connects and stays so until the test ends. Rejects when there is no connection. */
  open(broker: BrokerAddress, more: Partial<ConnectOptions> = {}): Promise<Opened> {
    return new Promise((resolve, reject) => {
      let end: (error: unknown) => void;
      const ended = new Promise<unknown>(settle => (end = settle));
      this.#subscriptions.push(
        connect(broker, this.connectOptions(more)).subscribe({
          next: connection => resolve({ connection, ended }),
          error: (error: unknown) => {
            reject(error as Error);
            end(error);
          },
          complete: () => end('completed'),
        }),
      );
    });
  }

  /** The error of a connection that must not come about, and how long it took. */
  async refusal(broker: BrokerAddress, more: Partial<ConnectOptions> = {}): Promise<{ error: any; ms: number }> {
    const started = performance.now();
    try {
      await this.open(broker, more);
    } catch (error) {
      return { error, ms: performance.now() - started };
    }
    throw new Error('it connected');
  }

  client(brokers: readonly BrokerAddress[], more: Partial<KafkaOptions> = {}): Watched {
    const kafka = new Kafka({ brokers: brokers.map(({ host, port }) => `${host}:${port}`), ...more });
    const events: KafkaEvent[] = [];
    this.#clients.push(kafka);
    kafka.events.subscribe(event => events.push(event));
    return { kafka, events, ask: () => firstValueFrom(kafka.request(apis.Heartbeat, HEARTBEAT, { nodeId: 0 })) };
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
    await Promise.all(this.#clients.splice(0).map(kafka => firstValueFrom(kafka.close({ drainMs: 0 }))));
    for (const socket of this.accepted.splice(0)) socket.destroy();
    await Promise.all(this.#servers.splice(0).map(server => new Promise(resolve => server.close(resolve))));
  }
}

const HEARTBEAT = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null };

/** The reply to one request of Echo. */
export function echo(connection: Connection): Promise<any> {
  return firstValueFrom(connection.request(Echo, { text: 'hi' }));
}

/** Looks again at every turn of I/O until it holds. */
export async function until(what: string, holds: () => boolean, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise(resolve => setImmediate(resolve));
  }
}
