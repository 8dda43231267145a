import { consuming, place, values } from '../consumer/consuming';
import type { Consuming } from '../consumer/consuming';
import { print } from '../support/print';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };
const fetches = (requests: Consuming['requests'], from: number, to = Infinity) =>
  requests.filter(({ api, at }) => api === 'Fetch' && at >= from && at < to).length;
const resets = (events: Consuming['events']) => events.filter(({ type }) => type === 'offset-reset');

describe('E12 fetches that bring nothing for the application', () => {
  const logs: readonly (readonly [string, (t: Consuming) => void, bigint])[] = [
    [
      'aborted transactions',
      ({ cluster }) => {
        for (let i = 0; i < 50; i++) cluster.append(TOPIC, 0, values(0, 3), { transaction: 'aborted' });
      },
      200n,
    ],
    [
      'markers',
      ({ cluster }) => {
        for (let i = 0; i < 50; i++) cluster.append(TOPIC, 0, values(0, 1), { transaction: 'committed' });
        cluster.deleteRecords(P0, 99n);
      },
      100n,
    ],
    [
      'compacted batches',
      ({ cluster }) => {
        for (let i = 0; i < 50; i++) cluster.append(TOPIC, 0, [{ key: null, value: 'without a key' }]);
        cluster.append(TOPIC, 0, values(0, 1), { transaction: 'aborted' });
        cluster.compact(P0);
      },
      52n,
    ],
  ];

  it.each(logs)(
    'only %s: the position advances to the end, and then they are three a second at most',
    (name, fill, end) => {
      const seen: string[] = [];
      let position: unknown;
      consuming({ topics: { [TOPIC]: 1 } }, t => {
        const { consumer, requests, at } = t;
        fill(t);
        const reading = consumer({ offsetReset: 'earliest', fetch: { partitionBytes: 500 } }).assign([P0]);
        reading.records.subscribe(record => seen.push(place(record)));
        at(5_000, () => {
          position = reading.position(P0);
          const perSecond = fetches(requests, 2_000, 5_000) / 3;
          print(`E12: ${name}: ${perSecond.toFixed(1)} fetches a second`);
          expect(perSecond).toBeLessThanOrEqual(3);
        });
      });
      expect(seen).toEqual([]);
      expect(position).toBe(end);
    },
  );

  it('an open transaction holds the last stable offset: no spinning, and all of it once it is committed', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      const open = cluster.transaction();
      cluster.append(TOPIC, 0, values(0, 2));
      open.append(TOPIC, 0, values(2, 4));
      cluster.append(TOPIC, 0, values(4, 6));
      const reading = consumer({ offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe(record => seen.push(place(record)));
      at(5_000, () => {
        expect([...seen, reading.position(P0)]).toEqual(['0:0', '0:1', 2n]);
        expect(fetches(requests, 2_000, 5_000) / 3).toBeLessThanOrEqual(3);
        open.commit();
      });
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2', '0:3', '0:4', '0:5']);
  });
});

describe('transactions', () => {
  it.each([60, 200, 100_000])(
    'of interleaved producers, markers in later responses: aborted ones never show (%i bytes a response)',
    partitionBytes => {
      const seen: string[] = [];
      const expected: string[] = [];
      consuming({ topics: { [TOPIC]: 1 }, forMs: 20_000 }, ({ cluster, consumer }) => {
        const producers = [0, 1, 2, 3].map(() => cluster.transaction());
        for (let round = 0; round < 30; round++) {
          producers.forEach((producer, i) => {
            const value = `${i} ${round}`;
            producer.append(TOPIC, 0, [{ value }]);
            // Each ends its transactions in its own rhythm; every second one of them is aborted.
            const length = i + 2;
            if (Math.floor(round / length) % 2 === 0 && round < 30 - (30 % length)) expected.push(value);
            if (round % length === length - 1) {
              if (Math.floor(round / length) % 2 === 0) producer.commit();
              else producer.abort();
            }
          });
          cluster.append(TOPIC, 0, values(round, round + 1));
          expected.push(`v${round}`);
        }
        for (const producer of producers) producer.abort();
        consumer({ offsetReset: 'earliest', fetch: { partitionBytes } })
          .assign([P0])
          .records.subscribe(record => seen.push(String(record.value)));
      });
      expect(seen).toEqual(expected);
    },
  );
});

describe('E13 assign() without a group', () => {
  it('waits for a missing partition, follows leaders, begins anew on a recreated topic, and never speaks of groups', () => {
    const seen: string[] = [];
    let late = 0;
    consuming(
      { topics: { [TOPIC]: 1 }, brokers: 3, forMs: 20_000 },
      ({ cluster, consumer, requests, events, runtime, at }) => {
        consumer({ offsetReset: 'earliest' })
          .assign([P0, { topic: TOPIC, partition: 1 }, { topic: 'later', partition: 0 }])
          .records.subscribe(record => {
            seen.push(`${record.topic} ${place(record)}`);
            late = Math.max(late, runtime.scheduler.now() - Number(String(record.value)));
          });
        const write = (topic: string, partition: number) =>
          cluster.append(topic, partition, [{ value: String(runtime.scheduler.now()) }]);
        at(1_000, () => write(TOPIC, 0));
        at(2_000, () => cluster.createPartitions(TOPIC, 2));
        at(3_000, () => {
          cluster.createTopic('later');
          write('later', 0);
          write(TOPIC, 1);
        });
        for (let i = 0; i < 6; i++) {
          at(5_000 + 500 * i, () => cluster.moveLeader(P0, 1 + (i % 3)));
          at(5_010 + 500 * i, () => write(TOPIC, 0));
        }
        at(10_000, () => {
          cluster.deleteTopic('later');
          cluster.createTopic('later');
          write('later', 0);
        });
        at(15_000, () => {
          expect(resets(events)).toEqual([
            { type: 'offset-reset', partition: { topic: 'later', partition: 0 }, from: 1n, to: 0n },
          ]);
          expect(
            requests.filter(({ api }) => /Group|Coordinator|OffsetFetch|OffsetCommit|Heartbeat/.test(api)),
          ).toEqual([]);
        });
      },
    );
    print(`E13: records at most ${late} ms after they were written`);
    expect(seen.filter(one => one.startsWith('orders 0'))).toEqual([0, 1, 2, 3, 4, 5, 6].map(i => `orders 0:${i}`));
    expect(seen.filter(one => !one.startsWith('orders 0')).sort()).toEqual(['later 0:0', 'later 0:0', 'orders 1:0']);
    expect(late).toBeLessThanOrEqual(2_000);
  });
});

describe('topics that change under a reader', () => {
  it.each([1, 3])(
    'B14 a topic deleted and created again with %i partitions: read from its beginning, said once',
    partitions => {
      const seen: string[] = [];
      consuming({ topics: { [TOPIC]: 2 }, forMs: 20_000 }, ({ cluster, consumer, runtime, events, at }) => {
        for (const partition of [0, 1]) cluster.append(TOPIC, partition, values(0, 3));
        let createdAt = Infinity;
        let firstAt = Infinity;
        consumer({ offsetReset: 'earliest' })
          .subscribe([TOPIC])
          .records.subscribe(record => {
            if (runtime.scheduler.now() >= createdAt) {
              firstAt = Math.min(firstAt, runtime.scheduler.now());
              seen.push(place(record));
            }
          });
        at(2_000, () => cluster.deleteTopic(TOPIC));
        at(4_000, () => {
          createdAt = 4_000;
          cluster.createTopic(TOPIC, partitions);
          for (let partition = 0; partition < partitions; partition++) cluster.append(TOPIC, partition, values(0, 2));
        });
        at(12_000, () => {
          print(
            `B14: ${partitions} partitions: first record ${firstAt - createdAt} ms after the topic was there again`,
          );
          expect(firstAt - createdAt).toBeLessThanOrEqual(1_500);
          expect(
            new Set(
              resets(events).map(event => JSON.stringify(event, (_, v) => (typeof v === 'bigint' ? String(v) : v))),
            ).size,
          ).toBe(resets(events).length);
        });
      });
      expect([...new Set(seen)].sort()).toEqual(
        Array.from({ length: partitions }, (_, i) => [`${i}:0`, `${i}:1`]).flat(),
      );
      expect(seen).toHaveLength(2 * partitions);
    },
  );

  it('B15 a topic grows from 6 to 24 partitions: the new ones are read from their beginning within the age of metadata', () => {
    const seen = new Map<string, number>();
    consuming(
      { topics: { [TOPIC]: 6 }, forMs: 20_000, client: { metadataMaxAgeMs: 5_000 } },
      ({ cluster, consumer, runtime, at }) => {
        consumer({})
          .subscribe([TOPIC])
          .records.subscribe(record => seen.set(place(record), runtime.scheduler.now()));
        at(3_000, () => {
          cluster.createPartitions(TOPIC, 24);
          for (let partition = 0; partition < 24; partition++) cluster.append(TOPIC, partition, values(0, 1));
        });
      },
    );
    expect([...seen.keys()].sort()).toEqual(Array.from({ length: 24 }, (_, i) => `${i}:0`).sort());
    const after = Math.max(...seen.values()) - 3_000;
    print(`B15: the last new partition ${after} ms after it was there`);
    expect(after).toBeLessThanOrEqual(5_500);
  });

  it('B16 retention passes the position: the policy is applied, the range is told, and transient errors meanwhile reset nothing', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, events, at }) => {
      cluster.append(TOPIC, 0, values(0, 10));
      const reading = consumer({ outOfRange: 'earliest' }).assign([{ ...P0, offset: 0n }]);
      reading.records.subscribe(record => seen.push(place(record)));
      at(2_000, () => reading.pause());
      at(2_600, () => {
        cluster.append(TOPIC, 0, values(10, 20));
        cluster.deleteRecords(P0, 15n);
      });
      let fault: { unsubscribe(): void };
      at(3_000, () => {
        fault = cluster.fault({ api: 'Fetch' }, { error: 'NOT_LEADER_OR_FOLLOWER' });
        reading.resume();
      });
      at(5_000, () => {
        expect(resets(events)).toEqual([]);
        fault.unsubscribe();
      });
      at(8_000, () => expect(resets(events)).toEqual([{ type: 'offset-reset', partition: P0, from: 10n, to: 15n }]));
    });
    expect(seen).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `0:${i}`),
      ...[15, 16, 17, 18, 19].map(i => `0:${i}`),
    ]);
  });
});
