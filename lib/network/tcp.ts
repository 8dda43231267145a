import * as net from 'node:net';
import * as tls from 'node:tls';
import { BehaviorSubject, Observable } from 'rxjs';
import type { BrokerAddress, ByteStream, Transport } from '../types';

/** A dead peer of an idle connection is found by the kernel; a busy one is watched by the connection itself. */
const KEEP_ALIVE_AFTER_MS = 60_000;

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
    socket.on('drain', () => writable.next(true));
    socket.once(options === undefined ? 'connect' : 'secureConnect', () => subscriber.next(stream(socket, writable)));
  });

function open({ host, port }: BrokerAddress, options: tls.ConnectionOptions | undefined): net.Socket {
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS, noDelay: true };
  if (options === undefined) return net.connect({ host, port, ...keepAlive });
  const name = net.isIP(host) === 0 ? { servername: host } : {};
  return tls.connect({ minVersion: 'TLSv1.2', ...name, ...options, ...keepAlive, host, port });
}

function stream(socket: net.Socket, writable: BehaviorSubject<boolean>): ByteStream {
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
    write(chunks) {
      if (socket.destroyed || !socket.writable) return;
      // Corked, several chunks leave as one `writev`.
      socket.cork();
      let more = true;
      for (const chunk of chunks) more = socket.write(chunk);
      socket.uncork();
      if (!more && writable.value) writable.next(false);
    },
  };
}
