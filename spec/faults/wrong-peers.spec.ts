import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { KafkaOptions } from '../../lib';
import { echoed } from '../network/fake-broker';
import { badCertificates, type BadCertificates } from '../support/bad-certificates';
import { Loopback, type Serve } from '../support/loopback';
import { print } from '../support/print';
import { scriptedKafka } from '../support/scripted-kafka';

// Ports where no broker listens, or one that cannot be trusted. On real sockets of the loopback interface.

const FULL = process.env.KAFKA_RX_FULL === 'true';
const loopback = new Loopback();
let pem: BadCertificates;
beforeAll(async () => void (pem = await badCertificates()));
afterEach(() => loopback.close());

const serve = scriptedKafka((socket, { correlationId }) => socket.write(echoed(correlationId, 0)));
const onData =
  (answer: (socket: Socket) => void): Serve =>
  socket =>
    socket.once('data', () => answer(socket));

describe('A20 a port where no such broker listens', () => {
  const tls = () => ({ tls: { ca: pem.ca } });
  const secure = (): TlsOptions => ({ key: pem.good, cert: pem.good });
  // A broker reads the first bytes of TLS as a length, finds it far too long, and hangs up.
  const plaintextBroker = (socket: Socket) => socket.destroy();

  it.each<[string, Serve, RegExp, boolean]>([
    [
      'an HTTP server',
      onData(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      /an HTTP server answered/,
      false,
    ],
    [
      'an SSH server, which speaks first',
      socket => socket.write('SSH-2.0-OpenSSH_9.2\r\n'),
      /an SSH server answered/,
      false,
    ],
    [
      'a mail server',
      socket => socket.write('220 mail ESMTP\r\n'),
      /not Kafka's protocol \(it begins with 32323020\)/,
      false,
    ],
    [
      'a TLS listener that sends an alert',
      onData(socket => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 80]))),
      /answered with TLS\. Set `tls`/,
      false,
    ],
    [
      'a server that hangs up',
      onData(socket => socket.end()),
      /closed the connection before it answered\. If the listener uses TLS, set `tls`/,
      true,
    ],
  ])('is named to a plaintext client: %s', async (_, serveIt, message, retriable) => {
    const { error, ms } = await loopback.refusal(await loopback.listen(serveIt));
    print(`A20: "${error.message}" after ${ms.toFixed(0)} ms`);
    expect(error).toMatchObject({ name: 'ConnectionError', retriable });
    expect(error.message).toMatch(message);
    expect(ms).toBeLessThan(1_000);
  });

  it('is named to a plaintext client: a TLS listener', async () => {
    const { error, ms } = await loopback.refusal(await loopback.listen(() => undefined, { secure: secure() }));
    print(`A20: "${error.message}" after ${ms.toFixed(0)} ms`);
    expect(error.message).toMatch(/set `tls`/i);
    expect(ms).toBeLessThan(1_000);
  });

  it.each<[string, Serve, RegExp, boolean]>([
    ['a plaintext broker', onData(plaintextBroker), /Is this the port of a TLS listener\?/, true],
    [
      'a plaintext broker that resets',
      onData(socket => socket.resetAndDestroy()),
      /Is this the port of a TLS listener\?/,
      true,
    ],
    ['an HTTP server', onData(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')), /does not speak TLS/, false],
    ['an SSH server', socket => socket.write('SSH-2.0-OpenSSH_9.2\r\n'), /does not speak TLS/, false],
  ])('is named to a TLS client: %s', async (_, serveIt, message, retriable) => {
    const { error, ms } = await loopback.refusal(await loopback.listen(serveIt), tls());
    print(`A20: "${error.message}" after ${ms.toFixed(0)} ms`);
    expect(error).toMatchObject({ name: 'ConnectionError', retriable });
    expect(error.message).toMatch(message);
    expect(ms).toBeLessThan(1_000);
  });

  it('is named to the user of a client within a second, when it will not heal by itself', async () => {
    const broker = await loopback.listen(onData(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    const started = performance.now();
    const error: any = await loopback
      .client([broker])
      .ask()
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'ConnectionError', reason: 'protocol', retriable: false });
    expect(error.message).toContain('HTTP');
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('F01 a broker that cannot be trusted', () => {
  it.each<[string, () => TlsOptions, () => object, RegExp]>([
    [
      'with an expired certificate',
      () => ({ key: pem.expired, cert: pem.expired }),
      () => ({ ca: pem.ca }),
      /certificate has expired\. Renew it/,
    ],
    [
      'with the certificate of another host',
      () => ({ key: pem.elsewhere, cert: pem.elsewhere }),
      () => ({ ca: pem.ca }),
      /does not match certificate's altnames.*advertised\.listeners.*tls\.servername/,
    ],
    [
      'with a certificate of an unknown authority',
      () => ({ key: pem.good, cert: pem.good }),
      () => ({}),
      /unable to verify the first certificate.*\. Give its certificate authority as `tls\.ca`/,
    ],
    [
      'with a certificate that it signed itself',
      () => ({ key: pem.selfSigned, cert: pem.selfSigned }),
      () => ({ ca: pem.ca }),
      /self-signed certificate.*\. Give it as `tls\.ca`/,
    ],
    [
      'that speaks TLS 1.1 at most',
      () => ({ key: pem.good, cert: pem.good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
      () => ({ ca: pem.ca }),
      /speaks no version of TLS that this client takes .*tls\.minVersion/,
    ],
    [
      'that wants a certificate of ours in TLS 1.2',
      () => ({ key: pem.good, cert: pem.good, ca: pem.ca, requestCert: true, maxVersion: 'TLSv1.2' }),
      () => ({ ca: pem.ca }),
      /`tls\.cert` and `tls\.key`/,
    ],
    [
      'that wants a certificate of ours in TLS 1.3',
      () => ({ key: pem.good, cert: pem.good, ca: pem.ca, requestCert: true, minVersion: 'TLSv1.3' }),
      () => ({ ca: pem.ca }),
      /`tls\.cert` and `tls\.key`/,
    ],
  ])('is refused at once, with what to do: one %s', async (_, secure, tls, message) => {
    const broker = await loopback.listen(serve, { secure: secure() });
    const { error, ms } = await loopback.refusal(broker, { tls: tls() });
    print(`F01: "${error.message}" after ${ms.toFixed(0)} ms`);
    expect(error).toMatchObject({ name: 'AuthenticationError', retriable: false });
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/openssl|\.c:\d+|error:[0-9A-F]{8}/i);
    expect(ms).toBeLessThan(1_000);
  });

  it('is not stormed by a client that is used all the time: at most one attempt a second', async () => {
    const ms = FULL ? 10_000 : 2_000;
    let attempts = 0;
    const broker = await loopback.listen(serve, { secure: { key: pem.expired, cert: pem.expired } });
    const port = await relay(broker.port, () => void (attempts += 1));
    const { ask, events } = loopback.client([{ host: '127.0.0.1', port }], { tls: { ca: pem.ca } });
    const started = performance.now();
    let asked = 0;
    while (performance.now() - started < ms) {
      await expect(ask()).rejects.toMatchObject({ name: 'AuthenticationError', retriable: false });
      asked += 1;
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    print(`F01: ${attempts} attempts in ${ms / 1_000} s for ${asked} requests, each refused`);
    expect(attempts).toBeLessThanOrEqual(ms / 1_000 + 1);
    const gone = events.filter(event => event.type === 'disconnected');
    expect(gone.length).toBeGreaterThan(0);
    for (const event of gone) expect(event).toMatchObject({ reason: 'authentication' });
  }, 20_000);

  it('is trusted again as soon as its certificate has been replaced', async () => {
    const broker = await loopback.listen(serve, { secure: { key: pem.expired, cert: pem.expired } });
    const options: Partial<KafkaOptions> = { tls: { ca: pem.ca }, reconnectBackoffMaxMs: 100 };
    const { ask } = loopback.client([broker], options);
    await expect(ask()).rejects.toMatchObject({ name: 'AuthenticationError' });
    loopback.secureAgain(broker, { key: pem.good, cert: pem.good });
    const started = performance.now();
    for (;;) {
      const outcome = await ask().catch((error: unknown) => error as Error);
      if (!(outcome instanceof Error)) break;
      if (performance.now() - started > 2_000) throw outcome;
      await new Promise(resolve => setImmediate(resolve));
    }
    print(`F01: certificate replaced, used again after ${(performance.now() - started).toFixed(0)} ms`);
    expect(performance.now() - started).toBeLessThan(1_300);
  });
});

/** A TCP port that passes everything on, and calls `each` for each connection with what goes on there. */
async function relay(port: number, each: (client: Socket, server: Socket, nth: number) => void): Promise<number> {
  const { port: own } = await loopback.listen((client, nth) => {
    const server = connect({ port, host: '127.0.0.1', noDelay: true });
    server.on('error', () => client.destroy());
    client.on('error', () => server.destroy());
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroySoon());
    client.on('data', chunk => server.write(chunk));
    server.on('data', chunk => client.write(chunk));
    each(client, server, nth);
  });
  return own;
}

describe('F02 a connection that is cut during the TLS handshake', () => {
  /** Ends of the flights of a full handshake, as the relay sees them: bytes that have passed in either direction. */
  async function flights(port: number, tls: object): Promise<readonly (readonly ['up' | 'down', number])[]> {
    const seen: ['up' | 'down', number][] = [];
    const own = await relay(port, (client, server) => {
      const note = (way: 'up' | 'down') => (chunk: Buffer) => {
        const last = seen.at(-1);
        if (last?.[0] === way) last[1] += chunk.length;
        else seen.push([way, chunk.length]);
      };
      client.on('data', note('up'));
      server.on('data', note('down'));
    });
    await loopback.open({ host: '127.0.0.1', port: own }, { tls });
    return seen;
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of %s at any flight is a network error: tried again, and it comes back',
    async version => {
      const secure: TlsOptions = { key: pem.good, cert: pem.good, minVersion: version, maxVersion: version };
      const tls = { ca: pem.ca };
      const broker = await loopback.listen(serve, { secure });
      const parts = (await flights(broker.port, tls)).slice(0, 4);
      // Client hello, server hello, the client's and in TLS 1.2 the server's last word; then comes what is asked.
      expect(parts.length).toBeGreaterThanOrEqual(4);
      const took: number[] = [];
      for (let flight = 0; flight < parts.length; flight += 1) {
        for (const how of ['end', 'resetAndDestroy'] as const) {
          for (const share of [0.5, 1]) {
            let connections = 0;
            const port = await relay(broker.port, (client, server, nth) => {
              connections = nth;
              if (nth > 1) return;
              const [way] = parts[flight]!;
              // All flights of that way up to here, the last of them in part.
              const before = parts.slice(0, flight).filter(([other]) => other === way);
              let left = before.reduce((sum, [, bytes]) => sum + bytes, 0) + Math.ceil(parts[flight]![1] * share);
              (way === 'up' ? client : server).on('data', chunk => {
                left -= chunk.length;
                if (left > 0) return;
                server.destroy();
                client[how]();
              });
            });
            const started = performance.now();
            const { ask, events } = loopback.client([{ host: '127.0.0.1', port }], { tls });
            // The node that is advertised is the broker itself: only the first connection is cut.
            await ask();
            took.push(performance.now() - started);
            expect(connections).toBeGreaterThanOrEqual(2);
            for (const event of events)
              if (event.type === 'disconnected' && event.error !== undefined)
                expect(event).toMatchObject({ reason: 'broken', error: { name: 'ConnectionError', retriable: true } });
          }
        }
      }
      print(
        `F02: ${version}, cut at each half of ${parts.length} flights (${took.length} cuts): back after ${Math.max(...took).toFixed(0)} ms at worst`,
      );
      expect(Math.max(...took)).toBeLessThan(1_300);
    },
  );
});
