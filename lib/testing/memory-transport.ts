import { BehaviorSubject, Observable, Subject, type Subscriber } from 'rxjs';
import type { ByteStream, Runtime, Transport } from '../types';
import { MemoryPipe, SOCKET_CHUNK_BYTES } from './memory-pipe';
import type { ServerSocket } from './server-socket';

/**
 * A transport that leads to brokers in this process. `accept` is given the broker's end of each new connection and says why not
 * (as the code of a socket error) if there is nobody at that address. All is delivered from turns of the runtime.
 */
export function memoryTransport(
  runtime: Runtime,
  accept: (host: string, port: number, open: () => ServerSocket) => 'ECONNREFUSED' | 'ENOTFOUND' | undefined,
): Transport {
  return ({ host, port }) =>
    new Observable<ByteStream>(subscriber => {
      const turn = runtime.yield(() => {
        const ends: { client?: ByteStream } = {};
        const refusal = accept(host, port, () => {
          const { client, server } = connectedEnds(runtime, subscriber);
          ends.client = client;
          return server;
        });
        if (refusal !== undefined) subscriber.error(socketError(refusal, `connect ${refusal} ${host}:${port}`));
        else if (ends.client !== undefined) subscriber.next(ends.client);
      });
      subscriber.add(turn);
    });
}

function connectedEnds(
  runtime: Runtime,
  subscriber: Subscriber<ByteStream>,
): { client: ByteStream; server: ServerSocket } {
  const toClient = new Subject<Uint8Array>();
  const toBroker = new Subject<Uint8Array>();
  const writable = new BehaviorSubject(true);
  const outgoing = new MemoryPipe(
    runtime,
    {
      bytes: chunk => toBroker.next(chunk),
      ended: () => toBroker.complete(),
      drained: () => writable.next(true),
    },
    // The client is what is on trial: pieces for the broker would only cost it a copy.
    Infinity,
  );
  const incoming = new MemoryPipe(
    runtime,
    {
      bytes: chunk => toClient.next(chunk),
      ended(how) {
        outgoing.close();
        toBroker.complete();
        if (how === 'end') subscriber.complete();
        else subscriber.error(socketError('ECONNRESET', 'read ECONNRESET'));
      },
      drained: () => undefined,
    },
    SOCKET_CHUNK_BYTES,
  );
  subscriber.add(() => {
    incoming.close();
    // As with a socket, what was written before the close is still on its way to the broker.
    outgoing.end('end');
    writable.complete();
    toClient.complete();
  });
  const client: ByteStream = {
    received: toClient.asObservable(),
    writable: writable.asObservable(),
    write(chunks) {
      if (!outgoing.write(chunks) && writable.value) writable.next(false);
    },
  };
  const server: ServerSocket = {
    received: toBroker.asObservable(),
    write: chunks => void incoming.write(chunks),
    end: () => incoming.end('end'),
    reset: () => incoming.end('reset'),
    mute: muted => outgoing.mute(muted),
  };
  return { client, server };
}

function socketError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
