import * as net from 'node:net';
import { firstValueFrom } from 'rxjs';
import { ask, Echo, echoed, FakeBroker, type Asked } from '../network/fake-broker';
import { echo, Loopback, until } from '../support/loopback';
import { print } from '../support/print';
import { scriptedKafka } from '../support/scripted-kafka';

const full = process.env['KAFKA_RX_FULL'] === 'true';
let loopback: Loopback;
beforeEach(() => (loopback = new Loopback()));
afterEach(() => loopback.close());

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;

describe('A02 what a socket still says after its end', () => {
  const ENDS = ['reset', 'end', 'close', 'unsubscribe', 'garbage', 'timeout'] as const;
  const LATE = ['data', 'half', 'garbage', 'end', 'error', 'close', 'drain', 'full'] as const;

  it('A02 has no effect on the connection after it, in 100,000 random orders', () => {
    const orders = full ? 1_000_000 : 100_000;
    const perPair = 500;
    let events = 0;
    for (let order = 0; order < orders; order += perPair) {
      const broker = new FakeBroker();
      const old = broker.connected();
      const { socket } = broker;
      const cut = [ask(old.connection.request(Echo, { text: '' })), ask(old.connection.request(Echo, { text: '' }))];
      const how = ENDS[(order / perPair) % ENDS.length]!;
      // Else the garbage would be the rest of the frame.
      if (how !== 'garbage') socket.send(echoed(1, 1).subarray(0, Math.floor(Math.random() * 14)));
      if (how === 'reset') socket.reset();
      else if (how === 'end') socket.end();
      else if (how === 'close') old.connection.close();
      else if (how === 'unsubscribe') old.unsubscribe();
      else if (how === 'garbage') socket.send(Buffer.alloc(20, 0xff));
      else broker.time.advance(60_000);
      const fresh = broker.connected({ generation: 2 });
      const states: string[] = [];
      fresh.connection.state.subscribe(state => states.push(state));
      let place = 1;
      for (let i = 0; i < perPair; i += 1) {
        const asked = ask(fresh.connection.request(Echo, { text: '' }));
        const split = Math.floor(Math.random() * 14);
        const reply = echoed(place, i);
        const count = 1 + Math.floor(Math.random() * 6);
        for (let k = 0; k < count; k += 1) {
          // Also while half a reply of the new socket has come.
          if (k === 1) broker.socket.send(reply.subarray(0, split));
          say(socket, pick(LATE), place);
        }
        events += count;
        broker.socket.send(count > 1 ? reply.subarray(split) : reply);
        if (asked.value?.code !== i || fresh.connection.inFlight !== 0)
          throw new Error(`reply ${i} went astray (${how})`);
        place += 1;
      }
      expect([states, fresh.gone, fresh.connection.writable]).toEqual([['connected'], [], true]);
      expect([old.gone.length, broker.live]).toEqual([1, 1]);
      for (const { log } of cut) expect(log).toEqual([' error']);
    }
    print(`A02: ${orders} random orders of ${events} late events of an old socket in virtual time: 0 effects`);
  });

  function say(socket: FakeBroker['socket'], what: (typeof LATE)[number], place: number): void {
    if (what === 'data') socket.send(echoed(place, 31_000));
    else if (what === 'half') socket.send(echoed(place, 31_000).subarray(0, 9));
    else if (what === 'garbage') socket.send(Buffer.alloc(8, 0xff));
    else if (what === 'end') socket.end();
    else if (what === 'error') socket.reset();
    else if (what === 'close') socket.received.complete();
    else if (what === 'drain') socket.writable.next(true);
    else socket.writable.next(false);
  }

  // A destroyed socket of Node says nothing more by itself, so that the events are given to its listeners here.
  it('A02 as events of a destroyed socket of Node, has no effect either', async () => {
    const address = await loopback.listen(
      scriptedKafka((socket, { correlationId }) => socket.write(echoed(correlationId, 7))),
    );
    const spy = jest.spyOn(net.Socket.prototype, 'connect');
    try {
      const old = await loopback.open(address);
      const cut = firstValueFrom(old.connection.request(Echo, { text: '' })).catch((error: unknown) => error);
      old.connection.close();
      expect(await cut).toMatchObject({ name: 'ConnectionError', reason: 'shutdown' });
      const fresh = await loopback.open(address, { generation: 2 });
      const made = spy.mock.contexts as net.Socket[];
      const [dead] = made;
      const says: (() => unknown)[] = [
        () => dead!.emit('data', echoed(1, 31_000)),
        () => dead!.emit('end'),
        () => dead!.emit('error', new Error('late')),
        () => dead!.emit('close', true),
        () => dead!.emit('drain'),
        () => dead!.emit('connect'),
      ];
      const orders = 2_000;
      for (let i = 0; i < orders; i += 1) {
        for (let k = 0; k < 5; k += 1) pick(says)();
        if (i % 50 === 0) expect((await echo(fresh.connection)).code).toBe(7);
      }
      expect([fresh.connection.connected, fresh.connection.inFlight, made.length]).toEqual([true, 0, 2]);
      print(`A02: ${orders} orders of 5 late events of a socket of Node: 0 effects`);
    } finally {
      spy.mockRestore();
    }
  });
});

describe('A18 a reply with a correlation id that is not due', () => {
  const BAD = ['unknown', 'repeated', 'ahead'] as const;

  /** Replies to some of `places` in order, and one that is wrong. */
  function script(kind: (typeof BAD)[number], places: readonly number[], good: number): Buffer {
    const right = places.slice(0, good).map(place => echoed(place, place));
    const wrong =
      kind === 'unknown' ? 1_000_000 : kind === 'repeated' ? places[Math.max(0, good - 1)]! : places[good + 1]!;
    return Buffer.concat([...right, echoed(wrong, 31_000), ...places.slice(good).map(place => echoed(place, place))]);
  }

  it('A18 never resolves a request with the reply to another, in 10,000 runs', () => {
    const runs = full ? 100_000 : 10_000;
    const counts = { value: 0, error: 0 };
    for (let run = 0; run < runs; run += 1) {
      const broker = new FakeBroker();
      const { connection, ...attempt } = broker.connected();
      const count = 3 + Math.floor(Math.random() * 5);
      const places = Array.from({ length: count }, (_, i) => i + 1);
      const asked = places.map((): Asked => ask(connection.request(Echo, { text: '' })));
      const good = 1 + Math.floor(Math.random() * (count - 2));
      const dropped = Math.random() < 0.3 ? Math.floor(Math.random() * count) : -1;
      asked[dropped]?.unsubscribe();
      const bytes = script(BAD[run % BAD.length]!, places, good);
      for (let at = 0; at < bytes.length;) {
        const length = 1 + Math.floor(Math.random() * 40);
        broker.socket.send(bytes.subarray(at, at + length));
        at += length;
      }
      asked.forEach(({ value, error, log }, i) => {
        // Plain comparisons: there are so many of them.
        const told = value !== undefined ? value.code : error?.reason;
        const due = i === dropped ? undefined : i < good ? places[i] : 'protocol';
        if (told !== due || log.length !== (i === dropped ? 0 : 1))
          throw new Error(`request ${i} got ${told}, not ${due}`);
        counts[i < good ? 'value' : 'error'] += i === dropped ? 0 : 1;
      });
      if (attempt.gone.length !== 1 || connection.connected || broker.live !== 0) throw new Error('it did not end');
    }
    print(`A18: ${runs} runs, ${counts.value} right replies, ${counts.error} requests refused, 0 mixed up`);
  });

  it('A18 ends the connection, over TCP as well', async () => {
    const runs = full ? 10_000 : 300;
    const address = await loopback.listen((socket, nth) => {
      const places: number[] = [];
      scriptedKafka((_, { correlationId }) => {
        places.push(correlationId);
        if (places.length === 5) socket.write(script(BAD[nth % BAD.length]!, places, 1 + (nth % 3)));
      })(socket, nth);
    });
    let right = 0;
    for (let run = 1; run <= runs; run += 1) {
      const { connection, ended } = await loopback.open(address);
      const results = await Promise.all(
        Array.from({ length: 5 }, () =>
          echo(connection).then(
            ({ code }) => code as number,
            (error: any) => error.reason as string,
          ),
        ),
      );
      const good = 1 + (run % 3);
      expect(results).toEqual([1, 2, 3, 4, 5].map(place => (place <= good ? place : 'protocol')));
      expect(await ended).toMatchObject({ name: 'ConnectionError', reason: 'protocol' });
      right += good;
    }
    print(
      `A18: ${runs} connections over TCP ended by a wrong correlation id, ${right} right replies before it, 0 mixed up`,
    );
  }, 120_000);
});

describe('A19 a reply that comes after its request has timed out', () => {
  it('A19 is skipped, and the requests beside it are unharmed, in 10,000 runs', async () => {
    const waiting: (() => void)[] = [];
    const address = await loopback.listen(
      scriptedKafka((socket, { correlationId }) =>
        waiting.push(() => socket.write(echoed(correlationId, correlationId % 30_000))),
      ),
    );
    const { connection } = await loopback.open(address);
    const runs = full ? 100_000 : 10_000;
    const perTurn = 100;
    let place = 1;
    const counts = { late: 0, right: 0, wrong: 0 };
    for (let run = 0; run < runs; run += perTurn) {
      const late: Promise<unknown>[] = [];
      const others: { readonly code: number; readonly reply: Promise<{ readonly code: number }> }[] = [];
      for (let i = 0; i < perTurn; i += 1) {
        const code = place++ % 30_000;
        const timesOut = Math.random() < 0.5;
        const reply = firstValueFrom(connection.request(Echo, { text: '' }, { timeoutMs: timesOut ? 1 : 30_000 }));
        if (timesOut) late.push(reply.catch((error: unknown) => error));
        else others.push({ code, reply });
      }
      for (const error of await Promise.all(late)) {
        expect(error).toMatchObject({ name: 'RequestTimeoutError' });
        counts.late += 1;
      }
      await until('the requests of a turn', () => waiting.length === perTurn);
      for (const answer of waiting.splice(0)) answer();
      for (const { code, reply } of others) counts[(await reply).code === code ? 'right' : 'wrong'] += 1;
    }
    expect([counts.wrong, counts.late + counts.right]).toEqual([0, runs]);
    expect([connection.connected, connection.inFlight]).toEqual([true, 0]);
    print(`A19: ${counts.late} late replies skipped over TCP, ${counts.right} replies beside them right, 0 wrong`);
  }, 120_000);
});
