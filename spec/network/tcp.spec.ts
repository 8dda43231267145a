import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { firstValueFrom, lastValueFrom, toArray, type Subscription } from 'rxjs';
import { AuthenticationError } from '../../lib/errors';
import { connect, type Connection, type ConnectOptions } from '../../lib/network/connection';
import { tcpTransport } from '../../lib/network/tcp';
import { realRuntime } from '../../lib/runtime';
import type { BrokerAddress } from '../../lib/types';
import { testPki } from '../support/pki';
import { Echo, echoed, frame, versionsOf } from './fake-broker';

// On real sockets of the loopback interface.

type Serve = (socket: net.Socket) => void;

/** Calls back for each request: key, version, correlation id. */
function onRequests(socket: net.Socket, handle: (key: number, version: number, correlationId: number) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', chunk => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const request = rest;
      rest = rest.subarray(4 + rest.readInt32BE(0));
      handle(request.readInt16BE(4), request.readInt16BE(6), request.readInt32BE(8));
    }
  });
}

/** A broker that answers ApiVersions, and the rest by `echo`. */
function kafka(echo: (socket: net.Socket, correlationId: number) => void): Serve {
  return socket =>
    onRequests(socket, (key, version, correlationId) => {
      if (key === 18) socket.write(versionsOf(correlationId, version));
      else echo(socket, correlationId);
    });
}

describe('tcpTransport', () => {
  const servers: net.Server[] = [];
  const accepted: net.Socket[] = [];
  const subscriptions: Subscription[] = [];

  async function listen(serve: Serve, secure?: tls.TlsOptions): Promise<BrokerAddress> {
    const accept = (socket: net.Socket) => {
      accepted.push(socket);
      socket.on('error', () => undefined);
      serve(socket);
    };
    const server =
      secure === undefined ? net.createServer({ allowHalfOpen: true }, accept) : tls.createServer(secure, accept);
    server.on('tlsClientError', () => undefined);
    servers.push(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port };
  }

  function options(more: Partial<ConnectOptions> = {}): ConnectOptions {
    return {
      clientId: 'test',
      transport: tcpTransport,
      tls: undefined,
      runtime: realRuntime,
      connectTimeoutMs: 5_000,
      requestTimeoutMs: 5_000,
      idleMs: 60_000,
      maxResponseBytes: 100_000_000,
      generation: 1,
      ...more,
    };
  }

  /** Connects and stays so until the test ends. */
  function open(broker: BrokerAddress, more: Partial<ConnectOptions> = {}) {
    return new Promise<{ connection: Connection; ended: Promise<unknown> }>((resolve, reject) => {
      let end: (error: unknown) => void;
      const ended = new Promise<unknown>(settle => (end = settle));
      subscriptions.push(
        connect(broker, options(more)).subscribe({
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

  const refusal = (broker: BrokerAddress, more: Partial<ConnectOptions> = {}) =>
    open(broker, more).then(
      () => fail('it connected'),
      (error: any) => error,
    );

  function fail(message: string): never {
    throw new Error(message);
  }

  const ask = (connection: Connection) => firstValueFrom(connection.request(Echo, { text: 'hi' }));

  afterEach(async () => {
    for (const subscription of subscriptions.splice(0)) subscription.unsubscribe();
    for (const socket of accepted.splice(0)) socket.destroy();
    await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))));
  });

  it('carries requests and replies, whatever the size', async () => {
    const large = Buffer.alloc(5_000_000);
    large.writeInt16BE(77, 4);
    const broker = await listen(kafka((socket, id) => socket.write(frame(id, large))));
    const { connection } = await open(broker);
    const replies = await Promise.all([ask(connection), ask(connection), ask(connection)]);
    expect(replies.map(({ code }) => code)).toEqual([77, 77, 77]);
  });

  it('is told at once when the broker half-closes, and does not wait for more', async () => {
    const broker = await listen(kafka(socket => socket.end()));
    const { connection, ended } = await open(broker);
    await expect(ask(connection)).rejects.toMatchObject({ name: 'ConnectionError', reason: 'broken', sent: true });
    expect(await ended).toMatchObject({ reason: 'broken' });
  });

  it('is told of RST, after the replies that came before it', async () => {
    const broker = await listen(
      kafka((socket, id) => {
        if (id === 1) socket.write(echoed(1, 1));
        else socket.resetAndDestroy();
      }),
    );
    const { connection } = await open(broker);
    expect((await ask(connection)).code).toBe(1);
    await expect(ask(connection)).rejects.toMatchObject({ reason: 'broken', sent: true });
  });

  it('ends in good order when the broker drops an unused connection', async () => {
    const broker = await listen(kafka(socket => socket.end()));
    const { ended } = await open(broker);
    accepted[0]!.end();
    expect(await ended).toBe('completed');
  });

  it('destroys the socket when it is unsubscribed, in whatever state', async () => {
    const closed: Promise<unknown>[] = [];
    const broker = await listen(socket => {
      closed.push(new Promise(resolve => socket.on('close', resolve)));
      kafka(() => undefined)(socket);
    });
    const early = connect(broker, options()).subscribe();
    early.unsubscribe();
    const { connection } = await open(broker);
    const asked = ask(connection);
    subscriptions[0]!.unsubscribe();
    await expect(asked).rejects.toMatchObject({ reason: 'shutdown' });
    for (const socket of accepted) socket.end();
    await Promise.all(closed);
  });

  it('tells when the peer does not read, and when it does again', async () => {
    const { port } = await listen(socket => socket.pause());
    const stream = await new Promise<any>(resolve =>
      subscriptions.push(tcpTransport({ host: '127.0.0.1', port }, undefined).subscribe(resolve)),
    );
    const states: boolean[] = [];
    const drained = new Promise<void>(resolve =>
      subscriptions.push(
        stream.writable.subscribe((writable: boolean) => {
          states.push(writable);
          if (writable && states.length > 1) resolve();
        }),
      ),
    );
    stream.write([Buffer.alloc(10_000_000), Buffer.alloc(10_000_000)]);
    expect(states).toEqual([true, false]);
    while (accepted.length === 0) await new Promise(resolve => setImmediate(resolve));
    accepted[0]!.resume();
    await drained;
    expect(states.filter((state, i) => state !== states[i - 1])).toEqual([true, false, true]);
  });

  // A request of some MiB over a slow link looked like silence until all of it had left.
  it('tells that a backlog moves, before all of it has left', async () => {
    const received: number[] = [];
    const { port } = await listen(socket => socket.on('data', chunk => received.push(chunk.length)).pause());
    const states: boolean[] = [];
    const size = 20_000_000;
    const drained = new Promise<void>(resolve => {
      subscriptions.push(
        tcpTransport({ host: '127.0.0.1', port }, undefined).subscribe(stream => {
          stream.writable.subscribe(writable => {
            states.push(writable);
            if (writable && states.length > 1) resolve();
          });
          stream.write([Buffer.alloc(size - 7), Buffer.alloc(7)]);
          stream.write([Buffer.alloc(5)]);
        }),
      );
    });
    while (accepted.length === 0) await new Promise(resolve => setImmediate(resolve));
    accepted[0]!.resume();
    await drained;
    while (received.reduce((sum, length) => sum + length, 0) < size + 5)
      await new Promise(resolve => setImmediate(resolve));
    expect(states.slice(0, 2)).toEqual([true, false]);
    expect(states.length).toBeGreaterThan(20);
    expect(states.lastIndexOf(false)).toBe(states.length - 2);
  });

  it('writes the chunks of a request in order', async () => {
    const received: Buffer[] = [];
    let done: () => void;
    const finished = new Promise<void>(resolve => (done = resolve));
    const { port } = await listen(socket => socket.on('data', chunk => received.push(chunk)).on('end', () => done()));
    const subscription = tcpTransport({ host: '127.0.0.1', port }, undefined).subscribe(stream => {
      stream.write([Buffer.from('one '), Buffer.from('two '), Buffer.from('three')]);
      stream.write([]);
      stream.write([Buffer.from('.')]);
    });
    subscriptions.push(subscription);
    while (Buffer.concat(received).length < 14) await new Promise(resolve => setImmediate(resolve));
    subscription.unsubscribe();
    await finished;
    expect(Buffer.concat(received).toString()).toBe('one two three.');
  });

  it('names the likely cause of a refusal', async () => {
    const { port } = await listen(() => undefined);
    await new Promise(resolve => servers.pop()!.close(resolve));
    const refused = await refusal({ host: '127.0.0.1', port });
    expect(refused).toMatchObject({ name: 'ConnectionError', reason: 'broken', retriable: true });
    expect(refused.message).toContain(`127.0.0.1:${port}: nothing listens there`);

    const unknown = await refusal({ host: 'no-such-host.invalid', port: 9092 });
    expect(unknown).toMatchObject({ name: 'ConnectionError', reason: 'broken' });
    expect(unknown.message).toContain('no-such-host.invalid:9092');

    const impossible = await refusal({ host: '127.0.0.1', port: 99_999 });
    expect(impossible).toMatchObject({ name: 'ConnectionError' });

    const http = await listen(socket => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect((await refusal(http)).message).toContain('HTTP');
  });

  it('does not wait for a broker that accepts and never answers', async () => {
    const broker = await listen(() => undefined);
    expect(await refusal(broker, { connectTimeoutMs: 50 })).toMatchObject({ reason: 'timeout' });
  });

  it('is not fooled by a stall of the event loop', async () => {
    const broker = await listen(kafka((socket, id) => socket.write(echoed(id, 5))));
    const { connection } = await open(broker);
    await ask(connection);
    // The broker is in this process: it must have answered before the stall. So the reply comes first, unasked for by time.
    const asked = firstValueFrom(connection.request(Echo, { text: '' }, { timeoutMs: 20 }));
    await new Promise<void>(resolve => {
      accepted[0]!.once('data', () => {
        const until = Date.now() + 60;
        setImmediate(() => {
          while (Date.now() < until);
          resolve();
        });
      });
    });
    expect((await asked).code).toBe(5);
  });

  describe('with TLS', () => {
    let secure: tls.TlsOptions;
    let ca: Buffer;
    beforeAll(async () => {
      const pki = await testPki();
      const pem = readFileSync(pki.broker);
      secure = { key: pem, cert: pem };
      ca = readFileSync(pki.ca);
    });

    it('verifies the broker by the name that was dialled, and sends it', async () => {
      const names: (string | false)[] = [];
      const { port } = await listen(socket => {
        names.push((socket as tls.TLSSocket).servername as string | false);
        kafka((peer, id) => peer.write(echoed(id, 3)))(socket);
      }, secure);
      for (const host of ['localhost', '127.0.0.1']) {
        const { connection } = await open({ host, port }, { tls: { ca } });
        expect((await ask(connection)).code).toBe(3);
      }
      expect(names).toEqual(['localhost', false]);
    });

    it('refuses a certificate that nobody vouches for, or one for another name', async () => {
      const { port } = await listen(() => undefined, secure);
      const untrusted = await refusal({ host: 'localhost', port }, { tls: {} });
      expect(untrusted).toBeInstanceOf(AuthenticationError);
      expect(untrusted.message).toContain(`localhost:${port}: the broker's certificate was refused`);
      const renamed = await refusal({ host: '127.0.0.1', port }, { tls: { ca, servername: 'elsewhere' } });
      expect(renamed).toBeInstanceOf(AuthenticationError);
    });

    it('says so when the broker wants a certificate of ours', async () => {
      const { port } = await listen(() => undefined, { ...secure, ca, requestCert: true });
      const missing = await refusal({ host: 'localhost', port }, { tls: { ca } });
      expect(missing.message).toContain('tls.cert');
      expect(missing.message).not.toContain('openssl');
    });

    it('speaks TLS 1.2 at least', async () => {
      const { port } = await listen(() => undefined, {
        ...secure,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'ALL:@SECLEVEL=0',
      });
      const error = await refusal({ host: 'localhost', port }, { tls: { ca } });
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toContain('no version of TLS');
    });

    it('says so when one side speaks TLS and the other does not', async () => {
      const plain = await listen(kafka(socket => socket.end()));
      const toPlain = await refusal(plain, { tls: { ca }, connectTimeoutMs: 300 });
      expect(toPlain.name).toBe('ConnectionError');
      const http = await listen(socket => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
      expect(await refusal(http, { tls: { ca } })).toMatchObject({ reason: 'protocol', retriable: false });
      const toSecure = await refusal(await listen(() => undefined, secure));
      expect(toSecure.message).toMatch(/set `tls`/i);
    });
  });

  it('leaves no listener behind over many connections', async () => {
    const broker = await listen(kafka((socket, id) => socket.write(echoed(id, 1))));
    const results = [];
    for (let i = 0; i < 200; i += 1) {
      const { connection } = await open(broker);
      results.push((await ask(connection)).code);
      const states = lastValueFrom(connection.state.pipe(toArray()));
      connection.close();
      expect(await states).toEqual(['connected', 'disconnected']);
    }
    expect(results).toEqual(Array.from({ length: 200 }, () => 1));
  });
});
