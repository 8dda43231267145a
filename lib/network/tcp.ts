import * as net from 'node:net';
import * as tls from 'node:tls';
import { BehaviorSubject, Observable } from 'rxjs';
import type { BrokerAddress, ByteStream, Transport } from '../types';

/** A dead peer of an idle connection is found by the kernel; a busy one is watched by the connection itself. */
const KEEP_ALIVE_AFTER_MS = 60_000;
/** So much of a backlog at least leaves between two signs of progress: 28 kB a second are fast enough for any request. */
const PIECE_BYTES = 262_144;

/**
 * The default transport: TCP, or TLS 1.2 and later when the client has TLS options. Host names are resolved anew for each
 * connection. Under TLS the name that was dialled is sent (SNI) and verified; an address is verified but not sent.
 * A FIN of the peer completes the stream although we could still write: a broker that stopped talking will not answer.
 */
export const tcpTransport: Transport = (broker, options) =>
  new Observable<ByteStream>(subscriber => {
    const socket = open(broker, options);
    const writable = new BehaviorSubject(true);
    // Before the first event. Node emits errors of a destroyed socket too, and throws those that nobody hears.
    subscriber.add(() => {
      socket.destroy();
      writable.complete();
    });
    socket.on('error', error => subscriber.error(error));
    socket.on('end', () => subscriber.complete());
    socket.on('close', () => subscriber.complete());
    socket.once(options === undefined ? 'connect' : 'secureConnect', () => subscriber.next(stream(socket, writable)));
  });

function open({ host, port }: BrokerAddress, options: tls.ConnectionOptions | undefined): net.Socket {
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS, noDelay: true };
  if (options === undefined) return net.connect({ host, port, ...keepAlive });
  const name = net.isIP(host) === 0 ? { servername: host } : {};
  return tls.connect({ minVersion: 'TLSv1.2', ...name, ...options, ...keepAlive, host, port });
}

function stream(socket: net.Socket, writable: BehaviorSubject<boolean>): ByteStream {
  const write = pieces(socket, writable);
  return {
    received: new Observable<Uint8Array>(subscriber => {
      const onData = (chunk: Uint8Array): void => subscriber.next(chunk);
      const onEnd = (): void => subscriber.complete();
      subscriber.add(() => {
        socket.off('data', onData);
        socket.off('end', onEnd);
        socket.off('close', onEnd);
        // Nobody reads any more, so the peer must not be drained into nowhere.
        socket.pause();
      });
      socket.on('data', onData);
      socket.on('end', onEnd);
      socket.on('close', onEnd);
    }),
    writable: writable.asObservable(),
    write,
  };
}

/**
 * Writes a backlog in pieces: Node does not tell how much of one write has left, so a large request over a slow link
 * would look like silence until it is through. What waits here says `false` again after each piece.
 */
function pieces(socket: net.Socket, writable: BehaviorSubject<boolean>): ByteStream['write'] {
  let waiting: Uint8Array[] = [];
  let blocked = false;
  const pump = (): void => {
    let at = 0;
    while (at < waiting.length && !blocked) {
      // Corked, several chunks leave as one `writev`.
      socket.cork();
      for (let room = PIECE_BYTES; room > 0 && at < waiting.length;) {
        const chunk = waiting[at]!;
        const piece = chunk.length > room ? chunk.subarray(0, room) : chunk;
        blocked = !socket.write(piece);
        room -= piece.length;
        if (piece === chunk) at += 1;
        else waiting[at] = chunk.subarray(piece.length);
      }
      socket.uncork();
    }
    waiting = at < waiting.length ? waiting.slice(at) : [];
  };
  socket.on('drain', () => {
    blocked = false;
    pump();
    writable.next(!blocked);
  });
  return chunks => {
    if (socket.destroyed || !socket.writable) return;
    for (const chunk of chunks) waiting.push(chunk);
    if (blocked) return;
    pump();
    if (blocked && writable.value) writable.next(false);
  };
}
