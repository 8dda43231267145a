import type { Socket } from 'node:net';
import { tap } from 'rxjs';
import type { KafkaEvent, Transport } from '../../lib';
import { tcpTransport } from '../../lib';
import { echoed, frame, versionsOf } from '../network/fake-broker';
import { Loopback, echo } from '../support/loopback';
import { print } from '../support/print';
import { onRequests, scriptedKafka } from '../support/scripted-kafka';

// Bytes that no broker would send. On real sockets of the loopback interface.

const FULL = process.env.KAFKA_RX_FULL === 'true';
const KIB = 1_024;
/** `maxResponseBytes`, unless given. */
const MAX = 104_857_600;
const loopback = new Loopback();
afterEach(() => loopback.close());

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** TCP that counts the bytes handed to the client. */
function counting(): { readonly transport: Transport; bytes: number } {
  const counter = {
    bytes: 0,
    transport: (broker: Parameters<Transport>[0]) =>
      tcpTransport(broker, undefined).pipe(
        tap(stream => {
          const { received } = stream;
          Object.assign(stream, { received: received.pipe(tap(chunk => (counter.bytes += chunk.length))) });
        }),
      ),
  };
  return counter;
}

function prefix(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

/** Sends without end, as fast as the peer takes it. */
function flood(socket: Socket): void {
  const block = Buffer.alloc(64 * KIB, 0x61);
  const more = (): void => {
    while (!socket.destroyed && socket.writable) if (!socket.write(block)) return void socket.once('drain', more);
  };
  more();
}

describe('A16 a frame longer than is allowed, then data without end', () => {
  it.each([
    ['2^31 - 1', 2 ** 31 - 1],
    ['one byte more than `maxResponseBytes`', 1_000_001],
  ])('is refused at its length of %s, and nothing of it is kept', async (_, length) => {
    const runs = FULL ? 200 : 20;
    const took: number[] = [];
    let most = 0;
    for (let i = 0; i < runs; i += 1) {
      const closed: Promise<number>[] = [];
      const broker = await loopback.listen(
        scriptedKafka(socket => {
          // The four bytes leave alone: what follows them must not be waited for.
          socket.write(prefix(length), () => {
            const sent = performance.now();
            closed.push(new Promise(resolve => socket.once('close', () => resolve(performance.now() - sent))));
            setImmediate(() => flood(socket));
          });
        }),
      );
      const counter = counting();
      const { connection, ended } = await loopback.open(broker, {
        transport: counter.transport,
        maxResponseBytes: 1_000_000,
      });
      const setUp = counter.bytes;
      await expect(echo(connection)).rejects.toMatchObject({
        name: 'ConnectionError',
        reason: 'protocol',
        retriable: true,
        message: expect.stringContaining(`a frame of ${length} bytes exceeds the limit of 1000000`),
      });
      expect(await ended).toMatchObject({ reason: 'protocol' });
      took.push(await closed[0]!);
      most = Math.max(most, counter.bytes - setUp);
    }
    print(
      `A16: length ${length} closed ${median(took).toFixed(1)} ms after its 4 bytes (median of ${runs}; best ${Math.min(...took).toFixed(1)}, worst ${Math.max(...took).toFixed(1)}), ${most} bytes taken in at most`,
    );
    expect(most).toBeLessThanOrEqual(64 * KIB);
    expect(Math.min(...took)).toBeLessThanOrEqual(10);
    expect(median(took)).toBeLessThanOrEqual(50);
  });

  it('may have 64 KiB until the peer has proven that it is a broker', async () => {
    const lengths: number[] = [];
    for (const length of [64 * KIB, 64 * KIB + 1]) {
      const broker = await loopback.listen(socket =>
        onRequests(socket, ({ correlationId }) => {
          const head = prefix(length);
          socket.write(Buffer.concat([head, frame(correlationId, Buffer.alloc(0)).subarray(4)]));
          flood(socket);
        }),
      );
      const counter = counting();
      const { error } = await loopback.refusal(broker, { transport: counter.transport });
      expect(error).toMatchObject({ name: 'ConnectionError', reason: 'protocol' });
      lengths.push(counter.bytes);
      // The longest legal one is read and found to be no answer; the other is refused by its length.
      if (length > 64 * KIB) expect(error.message).toContain('Is this port a Kafka listener');
      else expect(error.message).toContain('cannot be read');
    }
    print(`A16: before set-up is done ${lengths.join(' and ')} bytes were taken in`);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(128 * KIB);
  });
});

describe('A17 a frame with an impossible length', () => {
  it.each([-(2 ** 31), -5, -1, 0, 1, 2, 3])(
    'of %d bytes is a typed error, and the client connects again',
    async length => {
      let hostile = true;
      const broker = await loopback.listen(
        scriptedKafka((socket, { correlationId }) => {
          if (!hostile) return void socket.write(echoed(correlationId, 0));
          hostile = false;
          // No byte more: it must not be waited for.
          socket.write(prefix(length));
        }),
      );
      const { ask, events } = loopback.client([broker]);
      const started = performance.now();
      await ask();
      const gone = events.filter(
        (event): event is KafkaEvent & { type: 'disconnected'; error: any } =>
          event.type === 'disconnected' && event.error !== undefined,
      );
      expect(gone).toEqual([expect.objectContaining({ reason: 'protocol', cancelled: 1 })]);
      expect(gone[0]!.error).toMatchObject({ name: 'ConnectionError', reason: 'protocol', retriable: true });
      expect(gone[0]!.error.message).toContain(`a frame of ${length} bytes is impossible`);
      print(
        `A17: length ${length}: typed, and answered on a new connection after ${(performance.now() - started).toFixed(0)} ms`,
      );
    },
  );
});

describe('A21 garbage after the handshake', () => {
  const count = FULL ? 10_000 : 500;

  it(
    'ends each time in one typed error',
    async () => {
      const random = generator(21);
      const garbage = Buffer.from(Array.from({ length: 256 * KIB }, () => random() * 256));
      const broker = await loopback.listen(
        scriptedKafka(socket => {
          const from = Math.floor(random() * 192 * KIB);
          const length = 1 + Math.floor(random() * (random() < 0.1 ? 8 : 64 * KIB));
          const bytes = garbage.subarray(from, from + length);
          // Eight bytes are a length and a correlation id, four may be a length that cannot be: nothing more is waited for.
          const said =
            bytes.length >= 8 || (bytes.length >= 4 && !(bytes.readInt32BE(0) >= 4 && bytes.readInt32BE(0) <= MAX));
          expected = said ? 'protocol' : 'broken';
          if (said) socket.write(bytes);
          else socket.end(bytes);
        }),
      );
      let expected = '';
      const kinds = new Map<string, number>();
      const before = process.memoryUsage().rss;
      for (let i = 0; i < count; i += 1) {
        const { connection, ended } = await loopback.open(broker);
        const outcomes: any[] = [];
        await new Promise<void>(resolve => {
          echo(connection).then(
            value => resolve(void outcomes.push(value)),
            (error: unknown) => resolve(void outcomes.push(error)),
          );
        });
        const error = await ended;
        expect(outcomes).toHaveLength(1);
        expect(outcomes[0]).toMatchObject({ name: 'ConnectionError', retriable: true, sent: true, cause: error });
        expect(error).toMatchObject({ name: 'ConnectionError', reason: expected });
        kinds.set(error.reason, (kinds.get(error.reason) ?? 0) + 1);
        loopback.accepted.length = 0;
      }
      const grown = (process.memoryUsage().rss - before) / KIB / KIB;
      print(
        `A21: ${count} × garbage: ${[...kinds].map(([kind, n]) => `${n} ${kind}`).join(', ')}; RSS grew by ${grown.toFixed(0)} MiB`,
      );
      expect(grown).toBeLessThan(200);
    },
    FULL ? 120_000 : 20_000,
  );

  it('inside a frame that is due errors that request alone, and the connection goes on', async () => {
    const random = generator(22);
    const broker = await loopback.listen(socket =>
      onRequests(socket, ({ key, version, correlationId }) => {
        if (key === 18) return void socket.write(versionsOf(correlationId, version));
        // Echo's body has 6 bytes.
        if (correlationId % 2 === 0) return void socket.write(echoed(correlationId, 7));
        const body = Buffer.alloc(Math.floor(random() * 6));
        for (let at = 0; at < body.length; at += 1) body[at] = random() * 256;
        socket.write(frame(correlationId, body));
      }),
    );
    const { connection } = await loopback.open(broker);
    for (let i = 1; i <= 200; i += 1) {
      if (i % 2 === 0) expect((await echo(connection)).code).toBe(7);
      else await expect(echo(connection)).rejects.toMatchObject({ name: 'DecodeError', api: 'Echo', version: 3 });
    }
    expect(connection.connected).toBe(true);
  });
});

/** Repeatable chance (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
