import { NEVER, defer, finalize, map, type Observable } from 'rxjs';
import { Kafka, apis } from '../../lib';
import { EmbeddedCluster } from '../../lib/testing';
import type { Transport } from '../../lib/types';
import { echoed, versionsOf } from '../network/fake-broker';
import { World } from '../network/machine/world';
import { startChild } from '../support/child';
import { ManualClock } from '../support/manual-clock';
import { print } from '../support/print';
import { watch } from '../support/producer-rig';

const full = process.env['KAFKA_RX_FULL'] === 'true';
const NEVER_AGAIN_MS = 600_000;

describe('A27 a connection that is closed', () => {
  const up = (world: World): void => {
    world.socket.open();
    world.socket.send(versionsOf(0, 5));
    world.authenticated();
  };
  /** Each brings a slot that somebody waits for into a state. */
  const STATES: Readonly<Record<string, (world: World) => void>> = {
    'while the socket opens': () => undefined,
    'while ApiVersions is asked': world => world.socket.open(),
    'while ApiVersions is half answered': world => {
      world.socket.open();
      world.socket.send(versionsOf(0, 5).subarray(0, 9));
    },
    'while it asks again after a hang-up': world => {
      world.socket.open();
      world.socket.fin();
    },
    'while it authenticates': world => {
      world.socket.open();
      world.socket.send(versionsOf(0, 5));
    },
    'while it is connected': up,
    'while half a reply has come': world => {
      up(world);
      world.send(world.offered[0]!, 1, 'nothing');
      world.socket.send(echoed(1, 1).subarray(0, 10));
    },
    'while the broker throttles it': world => {
      up(world);
      world.send(world.offered[0]!, 1, 'nothing');
      world.socket.send(echoed(1, 1, 2_000));
    },
    'while writes pile up': world => {
      up(world);
      world.socket.writable(false);
    },
    'while it waits to connect again at once': world => {
      up(world);
      world.socket.reset();
    },
    'while it backs off': world => {
      world.socket.reset();
      world.acquire(false);
    },
    'after an idle end': world => {
      up(world);
      world.socket.fin();
    },
    'after its credentials were refused': world => {
      world.socket.open();
      world.socket.send(versionsOf(0, 5));
      world.refused();
    },
  };
  const OPERATIONS: Readonly<Record<string, (world: World) => void>> = {
    nothing: () => undefined,
    'a wish for it': world => world.acquire(false),
    'a request': world => world.offered.forEach(connection => world.send(connection, 1, 'nothing')),
    'a request without a reply': world => world.offered.forEach(connection => world.send(connection, 5, 'nothing')),
    'an abandoned request': world =>
      world.offered.forEach(connection => {
        world.send(connection, 1, 'nothing');
        world.drop(0);
      }),
    'a request that asks again at once': world =>
      world.offered.forEach(connection => world.send(connection, 1, 'retries')),
    'a request that wants another connection at once': world =>
      world.offered.forEach(connection => world.send(connection, 1, 'acquires')),
  };

  it('A27 in every state, with everything pending, settles at once and never comes back', () => {
    let cases = 0;
    for (const [state, bring] of Object.entries(STATES)) {
      for (const [operation, pend] of Object.entries(OPERATIONS)) {
        const world = new World();
        world.acquire(false);
        bring(world);
        pend(world);
        world.closeSlot();
        const told = world.trace.length;
        const name = `${operation}, ${state}`;
        expect([name, world.unsettled, world.live, world.timers]).toEqual([name, 0, 0, 0]);
        const opened = world.sockets.length;
        world.time.advance(NEVER_AGAIN_MS);
        world.acquire(false);
        expect([name, world.sockets.length, world.trace.slice(told).length]).toEqual([name, opened, 1]);
        expect([name, ...world.faults]).toEqual([name]);
        cases += 1;
      }
    }
    print(
      `A27: a slot closed in ${cases} combinations of states and pending operations: settled in 0 ms, 0 timers, 0 sockets`,
    );
  });
});

describe('A27 a client that is closed', () => {
  const OPERATIONS: Readonly<Record<string, (kafka: Kafka) => Observable<unknown>>> = {
    'a send': kafka => kafka.producer().send({ topic: 't', value: 'v' }),
    'records of a topic': kafka => kafka.consumer().subscribe(['t']).records,
    'records whose offsets a group keeps': kafka =>
      kafka.consumer({ groupId: 'g' }).assign([{ topic: 't', partition: 0 }]).records,
    'records without a group': kafka => kafka.consumer().assign([{ topic: 't', partition: 0 }]).records,
    'a raw request': kafka => kafka.request(apis.DescribeCluster, {}, 'any'),
  };
  const MOMENTS_MS = [0, 1, 3, 10, 100, 2_500, 4_000];

  it.each(Object.keys(OPERATIONS))(
    'A27 with %s under way, at any moment, settles within 1 s and leaves nothing',
    name => {
      for (const brokers of ['there', 'gone', 'silent'] as const) {
        for (const moment of MOMENTS_MS) {
          const clock = new ManualClock();
          const cluster = new EmbeddedCluster({
            runtime: clock.runtime,
            brokers: 2,
            topics: { t: 2 },
          });
          let open = 0;
          let opened = 0;
          const transport: Transport = (broker, tls) =>
            defer(() => {
              open += 1;
              opened += 1;
              const sockets = cluster.options.transport(broker, tls).pipe(finalize(() => (open -= 1)));
              return brokers === 'silent' ? sockets.pipe(map(stream => ({ ...stream, received: NEVER }))) : sockets;
            });
          const kafka = new Kafka({ ...cluster.options, transport });
          const operation = watch(OPERATIONS[name]!(kafka));
          clock.advance(moment);
          if (brokers === 'gone') for (const node of [1, 2]) cluster.stop(node);
          clock.advance(1);
          const closed = watch(kafka.close({ drainMs: 500 }));
          clock.advance(1_000);
          const what = `${name}, brokers ${brokers}, after ${moment} ms`;
          expect([what, closed.done, operation.done || operation.error !== undefined]).toEqual([what, true, true]);
          // The brokers have timers of their own, so that they go before the count.
          for (const node of [1, 2]) if (brokers !== 'gone') cluster.stop(node);
          const before = opened;
          clock.advance(NEVER_AGAIN_MS);
          expect([what, opened - before, open, clock.pending]).toEqual([what, 0, 0, 0]);
        }
      }
    },
  );
});

describe('A30 10,000 connections that are made and cut', () => {
  it('A30 leave nothing on the heap, and no listener or handle', async () => {
    const cycles = full ? 10_000 : 2_000;
    const child = startChild('connect-cut-child.ts', { cycles, samples: 10 });
    interface Sample {
      readonly cycle: number;
      readonly heapBytes: number;
      readonly handles: number;
      readonly listeners: number;
    }
    const samples = await child.report<readonly Sample[]>(240_000);
    expect(await child.ended).toBe(0);
    // The first ones compile the code.
    const warm = samples.filter(({ cycle }) => cycle >= cycles * 0.4);
    const kib = slope(warm.map(({ cycle, heapBytes }) => [cycle, heapBytes / 1_024]));
    const last = samples.at(-1)!;
    print(
      `A30: ${cycles} cycles: ${kib.toFixed(3)} KiB of heap per cycle, ${last.listeners} listeners, ${last.handles} handles`,
    );
    // A thousand cycles are still full of compiled code: the figure of the short form is only a guard.
    expect(kib).toBeLessThan(full ? 0.1 : 1);
    for (const { listeners, handles } of warm) expect([listeners, handles]).toEqual([last.listeners, last.handles]);
  }, 300_000);
});

/** Least squares. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  const over = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return over / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}
