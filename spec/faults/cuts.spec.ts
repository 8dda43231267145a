import type { Socket } from 'node:net';
import { Subscription, tap } from 'rxjs';
import { connect, type Connection } from '../../lib/network/connection';
import { FrameSplitter } from '../../lib/network/frames';
import { tcpTransport } from '../../lib/network/tcp';
import type { BrokerAddress } from '../../lib/types';
import { Echo, echoed, frame, versionsOf } from '../network/fake-broker';
import { World } from '../network/machine/world';
import { Loopback } from '../support/loopback';
import { print } from '../support/print';

const full = process.env['KAFKA_RX_FULL'] === 'true';

describe('A01 a connection that is cut inside a frame', () => {
  const REQUESTS = 5;
  const codes = (first: number) => Array.from({ length: REQUESTS }, (_, i) => first + i);
  const replies = (firstPlace: number, firstCode: number) =>
    Buffer.concat(codes(firstCode).map((code, i) => echoed(firstPlace + i, code)));

  function upTo(world: World, step: 'tcp' | 'up'): void {
    world.socket.open();
    if (step === 'tcp') return;
    world.socket.send(versionsOf(0, 5));
    world.authenticated();
  }

  function ask(world: World): void {
    for (let i = 0; i < REQUESTS; i += 1) world.send(world.offered.at(-1)!, 1, 'nothing');
  }

  it.each(['RST', 'FIN'])('A01 by %s at every byte of its replies, leaves nothing for the next one', how => {
    const stream = replies(1, 100);
    for (let at = 0; at < stream.length; at += 1) {
      const world = new World();
      world.acquire(false);
      upTo(world, 'up');
      ask(world);
      const old = world.socket;
      old.outbox = stream;
      // In chunks of 9 bytes, so that frames begin and end inside of chunks.
      for (let sent = 0; sent < at; sent += 9) old.deliver(Math.min(9, at - sent));
      const told = world.trace.length;
      if (how === 'RST') old.reset();
      else old.fin();
      const whole = Math.floor(at / 14);
      expect(world.trace.slice(told)).toEqual([
        ...codes(0)
          .map(id => (id < whole ? '' : `error ${id} broken sent`))
          .filter(line => line !== ''),
        'destroy 1',
        'state 1 disconnected',
        `event disconnected 1 broken ${REQUESTS - whole}`,
      ]);
      world.time.advance(0);
      // What was on its way comes now, before and after the new socket is open.
      old.deliver(7);
      upTo(world, 'up');
      old.deliver(1_000);
      ask(world);
      old.fin();
      world.socket.outbox = replies(1, 200);
      world.socket.deliver(1_000);
      const values = world.trace.filter(line => line.startsWith('value'));
      expect(values).toEqual([
        ...codes(100)
          .slice(0, whole)
          .map((code, id) => `value ${id} ${code}`),
        ...codes(200).map((code, i) => `value ${REQUESTS + i} ${code}`),
      ]);
      expect(world.faults).toEqual([]);
    }
    print(`A01: cut by ${how} at each of ${stream.length} bytes of ${REQUESTS} replies in virtual time: 0 desyncs`);
  });

  it('A01 at every byte of the answer to ApiVersions, begins anew', () => {
    const stream = versionsOf(0, 5);
    for (let at = 1; at < stream.length; at += 1) {
      const world = new World();
      world.acquire(false);
      upTo(world, 'tcp');
      const old = world.socket;
      old.outbox = stream;
      old.deliver(at);
      old.reset();
      expect(world.trace.slice(-2)).toEqual(['event disconnected 1 broken 0', 'waiter 0 failed broken']);
      world.acquire(false);
      world.time.advance(50);
      upTo(world, 'tcp');
      old.deliver(1_000);
      world.socket.send(stream);
      world.authenticated();
      expect(world.trace.slice(-1)).toEqual(['waiter 1 got 2']);
      expect(world.faults).toEqual([]);
    }
  });

  it('A01 10,000 times at random over TCP, never mixes up replies', async () => {
    const net = new Loopback();
    const address = await net.listen(socket => cutting(socket));
    const cuts = { RST: 0, FIN: 0 };
    const results = { value: 0, wrong: 0, cut: 0, other: [] as string[], early: 0, connections: 0 };

    /** Answers each request by the number in it, and hangs up at a random byte of the first 3 replies. */
    function cutting(socket: Socket): void {
      socket.setNoDelay(true);
      let left = Math.floor(Math.random() * 3 * REPLY_BYTES);
      onTexts(socket, (key, version, id, text) => {
        if (key === 18) socket.write(versionsOf(id, version));
        else if (left >= 0) {
          const reply = echoed(id, Number(text));
          socket.write(reply.subarray(0, left));
          if (left < reply.length) {
            const rst = Math.random() < 0.5;
            cuts[rst ? 'RST' : 'FIN'] += 1;
            if (rst) socket.resetAndDestroy();
            else socket.end();
          }
          left -= reply.length;
        }
      });
    }

    const total = full ? 100_000 : 10_000;
    let number = 0;
    let begun = 0;
    const lane = (): Promise<void> =>
      new Promise(resolve => {
        const next = (): void => {
          if (begun >= total) resolve();
          else {
            begun += 1;
            cycle(address, next);
          }
        };
        next();
      });
    function cycle(broker: BrokerAddress, done: () => void): void {
      let unsettled = 0;
      const attempt = new Subscription();
      const over = (): void => {
        // The requests learn of the end before whoever connects again does.
        if (unsettled > 0) results.early += 1;
        done();
      };
      const ask = (connection: Connection): void => {
        results.connections += 1;
        for (let i = 0; i < 4; i += 1) {
          const mine = number++ % 30_000;
          unsettled += 1;
          connection
            .request(Echo, { text: String(mine) })
            .pipe(tap({ next: () => (unsettled -= 1), error: () => (unsettled -= 1) }))
            .subscribe({
              next: ({ code }) => (code === mine ? (results.value += 1) : (results.wrong += 1)),
              error: (error: { name: string; reason?: string; sent?: boolean }) => {
                if (error.reason === 'broken') results.cut += 1;
                else results.other.push(`${error.name} ${error.reason}`);
              },
            });
        }
      };
      attempt.add(
        connect(broker, net.connectOptions({ transport: tcpTransport })).subscribe({
          next: ask,
          error: over,
          complete: over,
        }),
      );
    }

    const started = performance.now();
    await Promise.all(Array.from({ length: 8 }, lane));
    const ms = performance.now() - started;
    await net.close();
    print(
      `A01: ${results.connections} connections cut over TCP (${cuts.RST} by RST, ${cuts.FIN} by FIN) in ${Math.round(ms)} ms: ` +
        `${results.value} replies, ${results.cut} requests cut off, ${results.wrong} desyncs`,
    );
    expect(results).toMatchObject({ wrong: 0, other: [], early: 0, connections: total });
    expect(results.value + results.cut).toBe(4 * total);
    expect(results.value).toBeGreaterThan(total / 4);
  }, 300_000);
});

describe('A15 frames in chunks of any size', () => {
  function split(chunks: readonly Buffer[], skip: (id: number) => boolean): string[] {
    const seen: string[] = [];
    const splitter = new FrameSplitter(10_000, {
      begin: (id, length) => {
        seen.push(`begin ${id} ${length}`);
        return !skip(id);
      },
      frame: bytes => seen.push(bytes.toString('hex')),
      violation: message => seen.push(message),
    });
    for (const chunk of chunks) splitter.push(chunk);
    return seen;
  }

  it('A15 are the same frames, be it 1,000 in one chunk or any split of them', () => {
    const runs = full ? 10_000 : 40;
    let chunkCount = 0;
    for (let run = 0; run < runs; run += 1) {
      const frames = Array.from({ length: 1_000 }, (_, id) =>
        frame(id, Buffer.alloc(Math.floor(Math.random() ** 4 * 300), id)),
      );
      const bytes = Buffer.concat(frames);
      const skip = (id: number): boolean => id % 7 === run % 7;
      const expected = frames.flatMap((one, id) => [
        `begin ${id} ${one.length - 4}`,
        ...(skip(id) ? [] : [one.subarray(4).toString('hex')]),
      ]);
      expect(split([Buffer.from(bytes)], skip)).toEqual(expected);
      const chunks: Buffer[] = [];
      const largest = 1 + Math.floor(Math.random() ** 3 * bytes.length);
      for (let at = 0; at < bytes.length;) {
        const length = 1 + Math.floor(Math.random() * largest);
        chunks.push(Buffer.from(bytes.subarray(at, at + length)));
        at += length;
      }
      chunkCount += chunks.length;
      expect(split(chunks, skip)).toEqual(expected);
    }
    print(
      `A15: ${runs} times 1,000 frames, in one chunk and in ${Math.round(chunkCount / runs)} chunks on average: the same`,
    );
  });
});

const REPLY_BYTES = 14;

/** Calls back for each request with the text at its end, which is a number. */
function onTexts(socket: Socket, handle: (key: number, version: number, id: number, text: string) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', chunk => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const request = rest.subarray(0, 4 + rest.readInt32BE(0));
      rest = rest.subarray(request.length);
      const text = /\d*$/.exec(request.subarray(14).toString('latin1'))![0];
      handle(request.readInt16BE(4), request.readInt16BE(6), request.readInt32BE(8), text);
    }
  });
}
