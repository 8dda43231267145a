import type { Observable } from 'rxjs';
import { Kafka } from '../../lib/kafka';
import type { ProducerOptions } from '../../lib/producer/options';
import type { Producer } from '../../lib/producer/producer-api';
import { EmbeddedCluster, runVirtual } from '../../lib/testing';
import type { VirtualHelpers } from '../../lib/testing';
import { watch } from '../support/producer-rig';
import type { Watched } from '../support/producer-rig';

// The whole client against brokers with real logs and the real sequence window, in virtual time.

interface Run {
  readonly cluster: EmbeddedCluster;
  readonly kafka: Kafka;
  readonly producer: Producer;
  /** Does something at a virtual time. */
  at(ms: number, work: () => void): void;
  send(value: string, partition: number): void;
  readonly sent: { readonly value: string; readonly partition: number; readonly seen: Watched<unknown> }[];
}

const PARTITIONS = 3;

function run(options: ProducerOptions, script: (run: Run) => void, check: (run: Run) => void, forMs = 60_000): void {
  let made: Run;
  runVirtual(
    ({ runtime }: VirtualHelpers) => {
      const cluster = new EmbeddedCluster({ runtime, brokers: 3, topics: { t: PARTITIONS } });
      const kafka = new Kafka({ ...cluster.options });
      const producer = kafka.producer(options);
      const sent: Run['sent'] = [];
      const at = (ms: number, work: () => void) => void runtime.scheduler.schedule(work, ms);
      const send = (value: string, partition: number) =>
        void sent.push({
          value,
          partition,
          seen: watch(producer.send({ topic: 't', value, partition }) as Observable<unknown>),
        });
      made = { cluster, kafka, producer, at, send, sent };
      script(made);
      at(forMs - 10, () => check(made));
    },
    { forMs },
  );
  const { producer, kafka } = made!;
  producer.close({ drainMs: 0 }).subscribe();
  kafka.close({ drainMs: 0 }).subscribe();
}

function valuesOf(cluster: EmbeddedCluster, partition: number): (string | undefined)[] {
  return cluster.log('t', partition).map(record => record.value?.toString());
}

/** Everything was stored, once, in the order of sending, at the offsets that were told. */
function expectExactlyOnce({ cluster, sent }: Run): void {
  for (const { value, seen } of sent) expect([value, seen.error, seen.done]).toEqual([value, undefined, true]);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const mine = sent.filter(one => one.partition === partition);
    expect(valuesOf(cluster, partition)).toEqual(mine.map(one => one.value));
    mine.forEach(({ seen }, i) => {
      const [[metadata]] = seen.values as [[{ offset: bigint }]];
      // -1: stored by an attempt whose answer is long forgotten.
      if (metadata.offset !== -1n) expect(metadata.offset).toBe(BigInt(i));
    });
  }
}

describe('a producer whose brokers fail', () => {
  it('stores once and in order when answers are lost after the append, again and again', () => {
    run(
      {},
      ({ cluster, at, send }) => {
        for (let nth = 2; nth < 60; nth += 3)
          cluster.fault({ api: 'Produce', nth, times: 1 }, { cutAfterBytes: nth % 7 });
        for (let i = 0; i < 300; i++) at(i * 20, () => send(`${i}`, i % PARTITIONS));
      },
      expectExactlyOnce,
    );
  });

  it.each(['NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'REQUEST_TIMED_OUT', 'CORRUPT_MESSAGE'])(
    'stores once and in order when one of several in flight is answered %s',
    error => {
      run(
        {},
        ({ cluster, at, send }) => {
          cluster.fault({ api: 'Produce', topic: 't', partition: 1, nth: 2, times: 1 }, { error, delayMs: 30 });
          cluster.fault({ api: 'Produce', nth: 12, times: 2 }, { error });
          for (let i = 0; i < 120; i++) at(i, () => send(`${i}`, i % PARTITIONS));
        },
        expectExactlyOnce,
      );
    },
  );

  it('follows its leaders', () => {
    run(
      {},
      ({ cluster, at, send }) => {
        for (let i = 0; i < 300; i++) at(i * 5, () => send(`${i}`, i % PARTITIONS));
        for (let i = 1; i < 30; i++)
          at(i * 50, () => cluster.moveLeader({ topic: 't', partition: i % PARTITIONS }, (i % 3) + 1));
      },
      expectExactlyOnce,
    );
  });

  it('goes on while brokers stop and start', () => {
    run(
      {},
      ({ cluster, at, send }) => {
        for (let i = 0; i < 400; i++) at(i * 20, () => send(`${i}`, i % PARTITIONS));
        for (let i = 0; i < 4; i++) {
          at(500 + i * 2_000, () => cluster.stop((i % 3) + 1));
          at(1_500 + i * 2_000, () => cluster.start((i % 3) + 1));
        }
      },
      expectExactlyOnce,
    );
  });

  it('gives up a broker that is silent and stores once and in order elsewhere', () => {
    run(
      {},
      ({ cluster, at, send }) => {
        cluster.fault({ api: 'Produce', nth: 3, times: 1 }, { drop: 'response' });
        cluster.fault({ api: 'Produce', nth: 9, times: 1 }, { drop: 'request' });
        for (let i = 0; i < 60; i++) at(i * 100, () => send(`${i}`, i % PARTITIONS));
      },
      expectExactlyOnce,
    );
  });

  it.each([1, 2, 3, 4, 5, 6])('stores once and in order whatever happens (seed %i)', seed => {
    let state = seed * 7_919;
    const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
    run(
      { lingerMs: random(2) * 5 },
      ({ cluster, at, send }) => {
        for (let i = 0; i < 500; i++) at(random(8_000), () => send(`${i}`, random(PARTITIONS)));
        const errors = [
          'NOT_LEADER_OR_FOLLOWER',
          'NOT_ENOUGH_REPLICAS',
          'REQUEST_TIMED_OUT',
          'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
        ];
        for (let i = 0; i < 40; i++) {
          const nth = 1 + random(200);
          const effects = [
            { error: errors[random(errors.length)]! },
            { cutAfterBytes: random(60) },
            { delayMs: random(400) },
          ];
          cluster.fault({ api: 'Produce', nth, times: 1 + random(3) }, effects[random(3)]!);
        }
        for (let i = 0; i < 10; i++) {
          at(random(8_000), () => cluster.moveLeader({ topic: 't', partition: random(PARTITIONS) }, 1 + random(3)));
          at(random(8_000), () => cluster.disconnect(1 + random(3)));
        }
        cluster.fault({ api: 'InitProducerId', times: 2 }, { error: 'COORDINATOR_LOAD_IN_PROGRESS' });
      },
      expectExactlyOnce,
    );
  });

  it('writes nothing twice after batches expired, and tells nobody that theirs was stored when it was not', () => {
    run(
      { deliveryTimeoutMs: 1_000 },
      ({ cluster, at, send }) => {
        // Each of these stays without an answer for longer than the records may live.
        for (const nth of [3, 8, 14]) cluster.fault({ api: 'Produce', nth, times: 1 }, { delayMs: 1_700 });
        for (const nth of [5, 20]) cluster.fault({ api: 'Produce', nth, times: 4 }, { error: 'NOT_ENOUGH_REPLICAS' });
        for (let i = 0; i < 200; i++) at(i * 50, () => send(`${i}`, i % PARTITIONS));
      },
      ({ cluster, sent }) => {
        const failed = sent.filter(({ seen }) => seen.error !== undefined);
        expect(failed.length).toBeGreaterThan(0);
        for (const { seen } of failed) expect(seen.error.name).toBe('DeliveryTimeoutError');
        for (let partition = 0; partition < PARTITIONS; partition++) {
          const log = valuesOf(cluster, partition);
          expect(new Set(log).size).toBe(log.length);
          const stored = sent.filter(one => one.partition === partition && one.seen.done).map(one => one.value);
          const failedHere = new Set(failed.filter(one => one.partition === partition).map(one => one.value));
          expect(log.filter(value => !failedHere.has(value!))).toEqual(stored);
        }
      },
    );
  });
});

describe('the error of a record that was never sent', () => {
  // It used to say "after 0 attempts" and nothing else, as only a request that came back left a reason.
  it('says why its broker could not be reached', () => {
    run(
      { deliveryTimeoutMs: 5_000 },
      ({ cluster, at, send }) => {
        send('a', 0);
        at(100, () => [1, 2, 3].forEach(broker => cluster.stop(broker)));
        at(200, () => send('b', 0));
      },
      ({ sent }) => {
        expect(sent[1]!.seen.error).toMatchObject({
          name: 'DeliveryTimeoutError',
          message: expect.stringMatching(/after 0 attempts\. The last attempt: embedded-\d/),
          cause: { name: 'ConnectionError' },
        });
      },
      10_000,
    );
  });
});
