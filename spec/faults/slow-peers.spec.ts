import type { Socket } from 'node:net';
import { Observable, firstValueFrom, map, tap } from 'rxjs';
import type { BrokerAddress, Transport } from '../../lib';
import { tcpTransport } from '../../lib';
import { Echo, echoed, frame, versionsOf } from '../network/fake-broker';
import { fasterRuntime } from '../support/faster-runtime';
import { Loopback, echo } from '../support/loopback';
import { print } from '../support/print';
import { PRODUCE, SCRIPTED_APIS, onRequests, scriptedKafka } from '../support/scripted-kafka';

// Brokers that answer slowly. On real sockets of the loopback interface.

const FULL = process.env.KAFKA_RX_FULL === 'true';
const MIB = 1_024 * 1_024;
const loopback = new Loopback();
afterEach(() => loopback.close());

/** A reply to Echo with so many bytes behind what it means. */
function longReply(correlationId: number, bytes: number): Buffer {
  const body = Buffer.alloc(bytes);
  body.writeInt16BE(7, 4);
  return frame(correlationId, body);
}

/** Writes `bytes` evenly over `ms`. */
function pour(socket: Socket, bytes: Buffer, ms: number): void {
  const started = performance.now();
  let at = 0;
  const more = (): void => {
    if (socket.destroyed) return;
    const due = Math.min(bytes.length, Math.ceil((bytes.length * (performance.now() - started)) / ms));
    if (due > at) socket.write(bytes.subarray(at, due));
    at = due;
    if (at < bytes.length) setTimeout(more, 1);
  };
  more();
}

/** TCP whose bytes come one at a time. */
const byteByByte: Transport = broker =>
  tcpTransport(broker, undefined).pipe(
    map(({ received, ...stream }) => ({
      ...stream,
      received: new Observable<Uint8Array>(subscriber =>
        received.subscribe({
          next: chunk => {
            for (let at = 0; at < chunk.length && !subscriber.closed; at += 1)
              subscriber.next(chunk.subarray(at, at + 1));
          },
          error: error => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      ),
    })),
  );

describe('A13 a broker that sends byte by byte', () => {
  it('one each millisecond is understood', async () => {
    const broker = await loopback.listen(socket =>
      onRequests(socket, ({ key, version, correlationId }) => {
        const answer = key === 18 ? versionsOf(correlationId, version) : echoed(correlationId, 7);
        let at = 0;
        const timer = setInterval(() => {
          if (at === answer.length) return clearInterval(timer);
          socket.write(answer.subarray(at, (at += 1)));
        }, 1);
        socket.once('close', () => clearInterval(timer));
      }),
    );
    const { connection } = await loopback.open(broker);
    expect((await echo(connection)).code).toBe(7);
    expect((await echo(connection)).code).toBe(7);
  });

  it('in segments of their own is understood', async () => {
    const broker = await loopback.listen(
      scriptedKafka((socket, { correlationId }) => {
        socket.setNoDelay(true);
        const answer = longReply(correlationId, 10_000);
        for (let at = 0; at < answer.length; at += 1) socket.write(answer.subarray(at, at + 1));
      }),
    );
    const { connection } = await loopback.open(broker);
    expect((await echo(connection)).code).toBe(7);
  });

  it('costs little: at most a second of CPU for 1 MiB', async () => {
    const cpu = new Map<number, number>();
    for (const mib of [0.25, 1]) {
      const broker = await loopback.listen(
        scriptedKafka((socket, { correlationId }) => socket.write(longReply(correlationId, mib * MIB))),
      );
      const { connection } = await loopback.open(broker, { transport: byteByByte });
      const before = process.cpuUsage();
      expect((await echo(connection)).code).toBe(7);
      const { user, system } = process.cpuUsage(before);
      cpu.set(mib, (user + system) / 1_000);
    }
    print(
      `A13: 1 MiB in 1,048,576 chunks: ${cpu.get(1)!.toFixed(0)} ms of CPU (a quarter of it: ${cpu.get(0.25)!.toFixed(0)} ms)`,
    );
    // The bar is a second, on a machine that does nothing else. Copying what has come with each chunk would take minutes.
    expect(cpu.get(1)!).toBeLessThan(FULL ? 1_000 : 3_000);
    expect(cpu.get(1)! / cpu.get(0.25)!).toBeLessThan(10);
  });
});

describe('A14 a response of 50 MiB over a link of 8 Mbit', () => {
  const times = FULL ? 1 : 25;
  const linkMs = (50 * MIB * 8) / 8_000;

  it(
    'is awaited as long as its bytes flow, beyond the deadline of its request',
    async () => {
      let requests = 0;
      const broker = await loopback.listen(
        scriptedKafka((socket, { correlationId }) => {
          requests += 1;
          pour(socket, longReply(correlationId, 50 * MIB), linkMs / times);
        }),
      );
      const runtime = fasterRuntime(times);
      const { connection } = await loopback.open(broker, { runtime, requestTimeoutMs: 30_000 });
      const started = runtime.scheduler.now();
      const response: any = await firstValueFrom(connection.request(Echo, { text: '' }, { holdMs: 500 }));
      const seconds = (runtime.scheduler.now() - started) / 1_000;
      print(`A14: 50 MiB in ${seconds.toFixed(1)} s${FULL ? '' : ` (clock × ${times})`}, request timeout 30 s`);
      expect(response.code).toBe(7);
      expect(requests).toBe(1);
      expect(connection.connected).toBe(true);
      expect(seconds).toBeGreaterThan(45);
    },
    FULL ? 90_000 : 20_000,
  );

  it(
    'that trickles without hope is given up, and the connection lives on',
    async () => {
      let end: () => void;
      const ended = new Promise<void>(resolve => (end = resolve));
      const broker = await loopback.listen(
        scriptedKafka((socket, { correlationId }) => {
          if (correlationId > 1) return void ended.then(() => socket.write(echoed(correlationId, 8)));
          // 100 bytes a second, and at the end the rest at once.
          const reply = longReply(correlationId, 1_000_000);
          let at = 8;
          socket.write(reply.subarray(0, at));
          const timer = setInterval(() => {
            socket.write(reply.subarray(at, (at += 100)));
            if (at < 4_508 && !socket.destroyed) return;
            clearInterval(timer);
            socket.write(reply.subarray(at), end);
          }, 1_000 / times);
        }),
      );
      const runtime = fasterRuntime(times);
      const { connection } = await loopback.open(broker, { runtime, requestTimeoutMs: 30_000 });
      const started = runtime.scheduler.now();
      await expect(echo(connection)).rejects.toMatchObject({ name: 'RequestTimeoutError', retriable: true });
      const seconds = (runtime.scheduler.now() - started) / 1_000;
      print(`A14: a trickle of 100 bytes/s is given up after ${seconds.toFixed(0)} s`);
      expect(seconds).toBeLessThan(45);
      expect((await echo(connection)).code).toBe(8);
    },
    FULL ? 120_000 : 20_000,
  );
});

/** TCP that tells how many bytes wait in this process, at most: those written from the one on that the kernel did not take. */
function weighed(): { readonly transport: Transport; most: number } {
  const scale = {
    most: 0,
    transport: (broker: BrokerAddress) =>
      tcpTransport(broker, undefined).pipe(
        map(stream => {
          let waiting = 0;
          let writable = true;
          const writableOf = stream.writable.pipe(tap(now => (writable = now) && (waiting = 0)));
          const write = (chunks: readonly Uint8Array[]): void => {
            stream.write(chunks);
            if (!writable) for (const chunk of chunks) waiting += chunk.length;
            scale.most = Math.max(scale.most, waiting);
          };
          return { ...stream, writable: writableOf, write };
        }),
      ),
  };
  return scale;
}

describe('A22 a broker that stops reading', () => {
  it.each([
    ['ended the connection', 'broken'],
    ['was given up', 'completed'],
  ])('gets nothing behind a request that was half-written when it %s', async (how, reason) => {
    const streams: Buffer[][] = [];
    const gone: Promise<unknown>[] = [];
    const broker = await loopback.listen((socket, nth) => {
      const bytes: Buffer[] = [];
      streams.push(bytes);
      gone.push(new Promise(resolve => socket.once('close', resolve)));
      socket.on('data', chunk => bytes.push(chunk));
      if (nth > 1) return scriptedKafka((peer, { correlationId }) => peer.write(echoed(correlationId, 7)))(socket, nth);
      onRequests(socket, ({ key, version, correlationId }) => {
        if (key !== 18) return;
        socket.write(versionsOf(correlationId, version));
        socket.pause();
      });
    });
    const { connection, ended } = await loopback.open(broker);
    const text = 'x'.repeat(30_000);
    const asked: Promise<any>[] = [];
    const ask = () =>
      asked.push(
        firstValueFrom(connection.request(Echo, { text })).then(
          value => value,
          error => error,
        ),
      );
    // More than the kernel takes for a peer that does not read.
    while (connection.writable || asked.length < 1_000) ask();
    const sent = asked.length;
    if (reason === 'broken') loopback.accepted[0]!.end();
    else connection.close();
    expect((await ended).reason ?? (await ended)).toBe(reason);
    ask();
    const errors = await Promise.all(asked);
    expect(errors.slice(0, sent).every(error => error.name === 'ConnectionError' && error.sent)).toBe(true);
    expect(errors.at(-1)).toMatchObject({ name: 'ConnectionError', sent: false });
    // Now it reads what had been on its way.
    loopback.accepted[0]!.resume();
    await gone[0];
    let rest: Buffer = Buffer.concat(streams[0]!);
    let whole = 0;
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      rest = rest.subarray(4 + rest.readInt32BE(0));
      whole += 1;
    }
    print(
      `A22: the broker ${how}: of ${sent} requests ${whole - 1} arrived whole, then ${rest.length} bytes of the next one, then nothing`,
    );
    expect(whole - 1).toBeLessThan(sent);
    expect(rest.toString('latin1').slice(-100)).toMatch(/^x*$/);
    const { connection: next } = await loopback.open(broker);
    expect((await echo(next)).code).toBe(7);
    expect(streams[1]![0]!.readInt16BE(4)).toBe(18);
  });

  it.each([
    ['all', 30_000],
    ['all', 50],
    [0, 30_000],
    [0, 50],
  ] as const)(
    'holds no more of a producer with acks %s than its buffer, and a request timeout of %d ms',
    async (acks, requestTimeoutMs) => {
      const forMs = requestTimeoutMs > 1_000 ? 300 : 1_000;
      const bufferBytes = 4 * MIB;
      const topics = Array.from({ length: 16 }, (_, i) => `topic-${i}`);
      const serve = scriptedKafka(() => undefined, { topics, apis: [...SCRIPTED_APIS, [PRODUCE, 7, 7]] });
      const broker = await loopback.listen((socket, nth) => {
        serve(socket, nth);
        // The first bytes of a Produce request stop it for good.
        socket.on('data', chunk => void (chunk.length > 10_000 && socket.pause()));
      });
      const scale = weighed();
      const { kafka } = loopback.client([broker], {
        transport: scale.transport,
        requestTimeoutMs,
        retryBackoffMs: 1,
      });
      const producer = kafka.producer({ acks, idempotent: false, bufferBytes, compression: 'none' });
      const value = Buffer.alloc(10_000, 'v');
      const outcomes = new Map<string, number>();
      const settled = (what: string): unknown => outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
      let sends = 0;
      const until = performance.now() + forMs;
      while (performance.now() < until || !outcomes.has('BufferFullError')) {
        for (let i = 0; i < 50; i += 1) {
          producer
            .send({ topic: topics[(sends += 1) % topics.length]!, value })
            .subscribe({ next: () => settled('stored'), error: error => settled(error.name) });
        }
        await new Promise(resolve => setTimeout(resolve, 5));
      }
      print(
        `A22: acks ${acks}, requestTimeoutMs ${requestTimeoutMs}: ${(scale.most / MIB).toFixed(1)} MiB wait for a broker that does not read (buffer 4 MiB); of ${sends} sends ${[...outcomes].map(([what, n]) => `${n} ${what}`).join(', ')}`,
      );
      expect(outcomes.get('BufferFullError')).toBeGreaterThan(0);
      expect(scale.most).toBeLessThan(bufferBytes * 1.05 + 100_000);
      // Every one settles, once.
      await firstValueFrom(producer.close({ drainMs: 0 }));
      expect([...outcomes.values()].reduce((sum, n) => sum + n)).toBe(sends);
    },
    10_000,
  );
});
