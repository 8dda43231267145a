import type { Socket } from 'node:net';
import { Observable, firstValueFrom, map } from 'rxjs';
import type { Transport } from '../../lib';
import { tcpTransport } from '../../lib';
import { Echo, echoed, frame, versionsOf } from '../network/fake-broker';
import { fasterRuntime } from '../support/faster-runtime';
import { Loopback, echo } from '../support/loopback';
import { print } from '../support/print';
import { onRequests, scriptedKafka } from '../support/scripted-kafka';

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
    expect(cpu.get(1)!).toBeLessThan(1_000);
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
