import * as net from 'node:net';
import { Observable, Subject } from 'rxjs';
import type { ClusterState } from './cluster-state';
import type { Endpoint } from './request-context';
import type { ServerSocket } from './server-socket';

/** Where an embedded cluster listens. */
export interface ListenOptions {
  /** ['127.0.0.1'] */
  readonly host?: string;
  /** Of the first broker; the others take the next ones. 0 = whatever is free. [0] */
  readonly port?: number;
}

type Accept = (broker: number, socket: ServerSocket, endpointOf: (broker: number) => Endpoint) => void;

/**
 * The brokers of a cluster on TCP, one port each. Emits the addresses once all listen; unsubscribing closes ports and
 * connections. A stopped broker's port is closed, so that connecting is refused, and opened again when it starts.
 */
export function listen(cluster: ClusterState, accept: Accept, options: ListenOptions): Observable<string> {
  const { host = '127.0.0.1', port = 0 } = options;
  return new Observable<string>(subscriber => {
    const servers = new Map<number, net.Server>();
    const ports = new Map<number, number>();
    const sockets = new Set<net.Socket>();
    const endpointOf = (broker: number): Endpoint => ({ host, port: ports.get(broker) ?? 0 });

    const open = (broker: number, at: number): void => {
      const server = net.createServer({ noDelay: true }, socket => {
        if (!cluster.isUp(broker)) return void socket.destroy();
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        accept(broker, serverSocket(socket), endpointOf);
      });
      servers.set(broker, server);
      server.on('error', error => subscriber.error(error));
      server.listen({ port: at, host }, () => {
        const first = !ports.has(broker);
        ports.set(broker, (server.address() as net.AddressInfo).port);
        if (!first || ports.size < cluster.brokerIds.length) return;
        subscriber.next(cluster.brokerIds.map(id => `${host}:${ports.get(id)!}`).join(','));
      });
    };

    subscriber.add(() => {
      for (const server of servers.values()) server.close();
      for (const socket of sockets) socket.destroy();
    });
    subscriber.add(
      cluster.brokerChanges.subscribe(({ broker, up }) => {
        if (up) open(broker, ports.get(broker) ?? 0);
        else servers.get(broker)?.close();
      }),
    );
    cluster.brokerIds.forEach((broker, index) => open(broker, port === 0 ? 0 : port + index));
  });
}

function serverSocket(socket: net.Socket): ServerSocket {
  const received = new Subject<Uint8Array>();
  socket.on('data', chunk => received.next(chunk));
  socket.on('close', () => received.complete());
  // What the client did to its end is its affair; `close` follows.
  socket.on('error', () => undefined);
  return {
    received: received.asObservable(),
    write(chunks) {
      if (socket.destroyed || !socket.writable) return;
      socket.cork();
      for (const chunk of chunks) socket.write(chunk);
      socket.uncork();
    },
    end: () => socket.destroySoon(),
    // An empty write is flushed behind all others: a reset throws away what the kernel does not have yet. (A client on Node
    // that finds the last bytes and the reset in one poll reports an orderly end: libuv takes the hang-up for an EOF.)
    reset: () => void socket.write('', () => socket.resetAndDestroy()),
    mute: muted => void (muted ? socket.pause() : socket.resume()),
  };
}
