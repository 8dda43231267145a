import { firstValueFrom, toArray } from 'rxjs';
import type { KafkaEvent } from '../../lib';
import { Echo, echoed, frame } from '../network/fake-broker';
import { fasterRuntime } from '../support/faster-runtime';
import { Loopback, echo, until } from '../support/loopback';
import { print } from '../support/print';
import { scriptedKafka } from '../support/scripted-kafka';

// Brokers that end a connection, or fall silent on it. On real sockets of the loopback interface.

const FULL = process.env.KAFKA_RX_FULL === 'true';
const loopback = new Loopback();
afterEach(() => loopback.close());

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const types = (events: readonly KafkaEvent[], type: KafkaEvent['type']): number =>
  events.filter(event => event.type === type).length;

describe('A03 a broker that sends FIN', () => {
  it('errors the requests in flight at once and in order, and waits for no reply behind it', async () => {
    const late: (() => void)[] = [];
    const broker = await loopback.listen(
      scriptedKafka((socket, { correlationId }) => {
        if (correlationId < 3) return;
        // Half-closed: it still reads. Replies that it owes will never come.
        socket.end(echoed(1, 1));
        late.push(() => socket.write(echoed(2, 2)));
      }),
    );
    const { connection, ended } = await loopback.open(broker);
    const order: string[] = [];
    const asked = [1, 2, 3].map(n =>
      echo(connection).then(
        ({ code }) => order.push(`${n} value ${code}`),
        error => {
          order.push(`${n} ${error.name} ${error.reason} ${error.retriable} ${error.sent}`);
        },
      ),
    );
    await Promise.all(asked);
    // The reply that was complete before the FIN counts.
    expect(order).toEqual(['1 value 1', '2 ConnectionError broken true true', '3 ConnectionError broken true true']);
    expect(await ended).toMatchObject({ reason: 'broken', message: expect.stringContaining('2 requests in flight') });
    await until('our end is closed, too', () => loopback.live === 0);
    expect(connection).toMatchObject({ connected: false, inFlight: 0, cancelled: 2 });
  });

  it('throws away half a reply', async () => {
    const whole = frame(1, Buffer.alloc(1_000));
    const broker = await loopback.listen(scriptedKafka(socket => socket.end(whole.subarray(0, 500))));
    const { connection } = await loopback.open(broker);
    await expect(echo(connection)).rejects.toMatchObject({ name: 'ConnectionError', reason: 'broken', sent: true });
  });

  it('is connected to again: requests come back within 0.3 s', async () => {
    const cuts = FULL ? 200 : 20;
    let cut = false;
    const broker = await loopback.listen(
      scriptedKafka((socket, { correlationId }) => {
        if (!cut) return void socket.write(echoed(correlationId, 0));
        cut = false;
        socket.end();
      }),
    );
    // A connection that dies young is not reconnected at once: this row is about those that had held.
    const { ask, events } = loopback.client([broker], { reconnectBackoffMaxMs: 1, retryBackoffMs: 1 });
    await ask();
    const took: number[] = [];
    for (let i = 0; i < cuts; i += 1) {
      cut = true;
      const started = performance.now();
      await ask();
      took.push(performance.now() - started);
    }
    print(
      `A03: ${cuts} FINs with a request in flight, next answer after ${median(took).toFixed(1)} ms (median), ${Math.max(...took).toFixed(1)} ms (worst)`,
    );
    expect(types(events, 'retry')).toBeGreaterThanOrEqual(cuts);
    expect(types(events, 'retry')).toBeLessThan(2 * cuts);
    expect(median(took)).toBeLessThan(300);
  });
});

describe('A04 a broker that closes idle connections', () => {
  const closes = 100;
  const answer = scriptedKafka((socket, { correlationId }) => socket.write(echoed(correlationId, 0)));
  const living = () => loopback.accepted.filter(socket => !socket.destroyed);

  it('is connected to again on demand only, and nobody sees an error', async () => {
    const broker = await loopback.listen(answer);
    const { ask, events, kafka } = loopback.client([broker]);
    await ask();
    await until('the bootstrap connection is closed', () => loopback.live === 1);
    events.length = 0;
    for (let i = 1; i <= closes; i += 1) {
      const before = loopback.accepted.length;
      living()[0]!.end();
      await until('the client has noticed', () => types(events, 'disconnected') === i);
      await until('the socket is gone', () => loopback.live === 0);
      expect(loopback.accepted.length).toBe(before);
      await ask();
      expect(loopback.accepted.length).toBe(before + 1);
    }
    const faults = events.filter(event => event.type === 'disconnected' && event.reason !== 'idle');
    print(`A04: ${closes} idle closes, ${types(events, 'connected')} connections made on demand, 0 errors, 0 retries`);
    expect([...faults, types(events, 'retry'), types(events, 'connected')]).toEqual([0, closes]);
    const statuses = await firstValueFrom(kafka.connections);
    expect(statuses.map(({ state }) => state)).toEqual(['connected']);
  });

  it('may meet a request on its way: that one is repeated, and nobody sees an error', async () => {
    const broker = await loopback.listen(answer);
    // In the life of a test no connection gets old: those that die young are not reconnected at once.
    const { ask, events } = loopback.client([broker], { reconnectBackoffMaxMs: 1, retryBackoffMs: 1 });
    await ask();
    for (let i = 0; i < closes; i += 1) {
      for (const socket of living()) socket.end();
      await ask();
    }
    print(`A04: ${closes} closes that met a request, ${types(events, 'retry')} repeated, 0 errors to the user`);
    expect(types(events, 'retry')).toBeGreaterThan(0);
  });
});

describe('A09 a broker that accepts connections and never answers', () => {
  it('stays connecting until the deadline of set-up as a whole, then says why', async () => {
    const broker = await loopback.listen(() => undefined);
    const { kafka, events } = loopback.client([broker], { connectTimeoutMs: 200, requestTimeoutMs: 150 });
    const states: string[] = [];
    kafka.connections.subscribe(statuses => states.push(statuses.map(({ state }) => state).join()));
    const started = performance.now();
    let failure: any;
    kafka
      .admin()
      .listTopics()
      .subscribe({ error: error => (failure = error) });
    await until('set-up has failed', () => types(events, 'disconnected') > 0);
    const ms = performance.now() - started;
    print(`A09: set-up given up after ${ms.toFixed(0)} ms (deadline 200 ms)`);
    expect(states).not.toContain('connected');
    expect(ms).toBeGreaterThanOrEqual(195);
    expect(ms).toBeLessThan(1_200);
    const gone = events.find(event => event.type === 'disconnected')!;
    expect(gone).toMatchObject({ reason: 'timeout', connection: { state: 'disconnected', reason: 'timeout' } });
    expect((gone as any).error.message).toContain('did not complete the set-up within 200 ms');
    await until('the user is told', () => failure !== undefined);
    expect(failure).toMatchObject({ name: 'ConnectionError', reason: 'timeout' });
  });

  it('does not hold up the other brokers', async () => {
    const silent = await loopback.listen(() => undefined);
    const broker = await loopback.listen(
      scriptedKafka((socket, { correlationId }) => socket.write(echoed(correlationId, 0))),
    );
    const { ask, kafka } = loopback.client([silent, broker], { connectTimeoutMs: 60_000 });
    const started = performance.now();
    await ask();
    const ms = performance.now() - started;
    print(`A09: next broker used after ${ms.toFixed(0)} ms, while the first accepts and is silent`);
    expect(ms).toBeLessThan(1_000);
    // The silent one is given up: it was only a bootstrap address.
    const statuses = await firstValueFrom(kafka.connections);
    expect(statuses.map(({ broker: { port } }) => port)).not.toContain(silent.port);
  });

  it('does not deceive by a node that stopped after it was discovered', async () => {
    let answering = false;
    const node = await loopback.listen((socket, nth) => {
      // The process is stopped: its kernel goes on accepting.
      if (answering) scriptedKafka((peer, { correlationId }) => peer.write(echoed(correlationId, 0)))(socket, nth);
    });
    const bootstrap = await loopback.listen(scriptedKafka(() => undefined, { node: () => node }));
    const { ask, events } = loopback.client([bootstrap], { connectTimeoutMs: 150 });
    const asked = ask();
    await until('two attempts have failed', () => types(events, 'disconnected') >= 3);
    answering = true;
    const started = performance.now();
    await asked;
    print(`A09: answered ${(performance.now() - started).toFixed(0)} ms after the broker went on`);
    expect(performance.now() - started).toBeLessThan(1_300 + 150);
  });
});

describe('A12 a broker whose replies are lost on the way', () => {
  const times = FULL ? 1 : 20;

  it.each([
    ['that are not held', 0],
    ['that the broker may hold for 2 s', 2_000],
  ])(
    'is taken for dead 5 s after the last byte for requests %s',
    async (_, holdMs) => {
      let received = 0;
      const broker = await loopback.listen(scriptedKafka(() => void (received += 1)));
      const runtime = fasterRuntime(times);
      const { connection, ended } = await loopback.open(broker, { runtime, requestTimeoutMs: 60_000 });
      const states = firstValueFrom(connection.state.pipe(toArray()));
      const started = runtime.scheduler.now();
      const results = await Promise.allSettled(
        [1, 2, 3].map(() => firstValueFrom(connection.request(Echo, { text: '' }, { holdMs }))),
      );
      const ms = runtime.scheduler.now() - started;
      print(
        `A12: half-open for ${holdMs} + 5000 ms, given up after ${ms.toFixed(0)} ms${FULL ? '' : ` (clock × ${times})`}`,
      );
      // They arrived, so they may have been executed.
      expect(received).toBe(3);
      for (const result of results)
        expect(result).toMatchObject({
          status: 'rejected',
          reason: { name: 'ConnectionError', reason: 'timeout', sent: true, retriable: true },
        });
      expect(await ended).toMatchObject({ reason: 'timeout' });
      expect(await states).toEqual(['connected', 'disconnected']);
      expect(ms).toBeGreaterThanOrEqual(5_000 + holdMs - times);
      expect(ms).toBeLessThan(10_000 + holdMs);
    },
    FULL ? 20_000 : 5_000,
  );

  it(
    'is connected to again, and the requests are repeated there',
    async () => {
      let deaf = true;
      const broker = await loopback.listen(
        scriptedKafka((socket, { correlationId }) => {
          if (deaf) deaf = false;
          else socket.write(echoed(correlationId, 0));
        }),
      );
      const runtime = fasterRuntime(times);
      const { ask, events } = loopback.client([broker], { runtime });
      const started = runtime.scheduler.now();
      await ask();
      const ms = runtime.scheduler.now() - started;
      print(`A12: answered on a new connection after ${ms.toFixed(0)} ms${FULL ? '' : ` (clock × ${times})`}`);
      expect(ms).toBeLessThan(10_000);
      expect(types(events, 'retry')).toBe(1);
      const gone = events.filter(event => event.type === 'disconnected' && event.reason === 'timeout');
      expect(gone).toEqual([expect.objectContaining({ cancelled: 1 })]);
    },
    FULL ? 20_000 : 5_000,
  );
});
