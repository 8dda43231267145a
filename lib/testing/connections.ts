import type { Observable, Subscription } from 'rxjs';
import { serveConnection, type Answer } from './broker-session';
import type { ServerSocket } from './server-socket';

interface OpenConnection {
  readonly socket: ServerSocket;
  readonly session: Subscription;
}

/** The open connections of all brokers, so that they can be cut. */
export class Connections {
  private readonly open = new Map<number, Set<OpenConnection>>();

  /** Serves the socket as `broker` until either side ends it. */
  accept(
    broker: number,
    socket: ServerSocket,
    answer: (frame: Buffer, gone: Observable<unknown>) => Observable<Answer>,
  ): void {
    let sockets = this.open.get(broker);
    if (sockets === undefined) this.open.set(broker, (sockets = new Set()));
    const connection = { socket, session: serveConnection(socket, answer) };
    sockets.add(connection);
    connection.session.add(() => sockets.delete(connection));
  }

  /** Ends all connections of a broker: in order (FIN), or by a cut (RST). Requests in hand are dropped. */
  endAll(broker: number, how: 'end' | 'reset'): void {
    for (const { socket, session } of [...(this.open.get(broker) ?? [])]) {
      session.unsubscribe();
      socket[how]();
    }
  }
}
