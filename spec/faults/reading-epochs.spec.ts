import { mayPass } from '../../lib/consumer/may-pass';
import { brokerError, errorOf } from '../../lib/protocol/error-table';
import { consuming, place, values } from '../consumer/consuming';
import type { Consuming } from '../consumer/consuming';
import { print } from '../support/print';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };

const resets = (events: Consuming['events']) => events.filter(({ type }) => type === 'offset-reset');
/** The requests that read, in order. */
const readings = (requests: Consuming['requests'], since: number) =>
  requests.flatMap(({ api, at, broker }) =>
    at >= since && (api === 'Fetch' || api === 'OffsetForLeaderEpoch') ? [`${api} ${broker}`] : [],
  );

describe('B13 a log that another leader has truncated', () => {
  it.each(['idle', 'written to at once'])(
    '%s: says so, with the offset where the logs part, and reads what stands there',
    when => {
      const seen: string[] = [];
      let told: unknown[] = [];
      consuming({ topics: { [TOPIC]: 1 }, brokers: 2 }, ({ cluster, consumer, events, at }) => {
        cluster.append(TOPIC, 0, values(0, 10));
        consumer({ offsetReset: 'earliest' })
          .assign([P0])
          .records.subscribe(record => seen.push(`${record.offset} ${String(record.value)}`));
        at(2_000, () => {
          cluster.truncate(P0, 6n);
          if (when !== 'idle') cluster.append(TOPIC, 0, values(20, 30));
        });
        at(3_000, () => cluster.append(TOPIC, 0, values(30, 31)));
        at(6_000, () => (told = resets(events)));
      });
      expect(told).toEqual([{ type: 'offset-reset', partition: P0, from: 10n, to: 6n }]);
      const later =
        when === 'idle' ? ['6 v30'] : [...values(20, 30).map(({ value }, i) => `${6 + i} ${value}`), '16 v30'];
      expect(seen).toEqual([...values(0, 10).map(({ value }, i) => `${i} ${value}`), ...later]);
    },
  );

  it('is noticed from the epoch of a commit, before anything is fetched', () => {
    const seen: string[] = [];
    let told: unknown[] = [];
    let asked: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, events, at }) => {
      cluster.append(TOPIC, 0, values(0, 10));
      const first = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      first.records.subscribe(record => record.ack());
      at(2_000, () => first.close().subscribe());
      at(3_000, () => {
        cluster.truncate(P0, 6n);
        cluster.append(TOPIC, 0, values(20, 30));
        consumer({ groupId: 'g', offsetReset: 'earliest' })
          .assign([P0])
          .records.subscribe(record => seen.push(place(record)));
      });
      at(6_000, () => {
        told = resets(events);
        asked = readings(requests, 3_000);
        const fetch = requests.find(({ api, at }) => at >= 3_000 && api === 'Fetch')!.body as any;
        // Fetch would tell, too, from v12 on.
        expect(fetch.topics[0].partitions[0].fetchOffset).toBe(6n);
      });
    });
    expect(asked[0]).toBe('OffsetForLeaderEpoch 1');
    expect(told).toEqual([{ type: 'offset-reset', partition: P0, from: 10n, to: 6n }]);
    expect(seen).toEqual(Array.from({ length: 10 }, (_, i) => `0:${6 + i}`));
  });

  it('is not assumed: after a mere election the position is asked for once and kept', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 }, brokers: 2 }, ({ cluster, consumer, requests, events, at }) => {
      cluster.moveLeader(P0, 1);
      cluster.append(TOPIC, 0, values(0, 10));
      consumer({ offsetReset: 'earliest' })
        .assign([P0])
        .records.subscribe(record => seen.push(place(record)));
      at(2_000, () => cluster.moveLeader(P0, 2));
      at(3_000, () => cluster.append(TOPIC, 0, values(10, 12)));
      at(6_000, () => {
        const asked = readings(requests, 2_000);
        expect(asked.filter(one => one.startsWith('Offset'))).toEqual(['OffsetForLeaderEpoch 2']);
        expect(asked.indexOf('Fetch 2')).toBeGreaterThan(asked.indexOf('OffsetForLeaderEpoch 2'));
        expect(resets(events)).toEqual([]);
      });
    });
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => `0:${i}`));
  });

  it('is not assumed where the broker has never heard of the epoch: the position is kept as long as it is in the log', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 }, brokers: 2 }, ({ cluster, consumer, events, at }) => {
      cluster.append(TOPIC, 0, values(0, 10));
      consumer({ offsetReset: 'earliest' })
        .assign([P0])
        .records.subscribe(record => seen.push(place(record)));
      at(2_000, () => {
        const { log, leader } = cluster['state'].partition(TOPIC, 0)!;
        // As of a log that was restored: nothing is known of its epochs.
        log.epochs['entries'].length = 0;
        cluster.moveLeader(P0, 3 - leader);
        log.epochs['entries'].length = 0;
      });
      at(3_000, () => cluster.append(TOPIC, 0, values(10, 12)));
      at(6_000, () => expect(resets(events)).toEqual([]));
    });
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => `0:${i}`));
  });
});

describe('C02 every error code of OffsetForLeaderEpoch', () => {
  const codes = Array.from({ length: 138 }, (_, i) => i - 1).filter(code => code !== 0);

  it('keeps the position: what may pass is asked again, all else ends the view, and none resets the offset', () => {
    let passed = 0;
    let longest = 0;
    for (const code of codes) {
      const { name } = errorOf(code);
      const seen: { readonly at: number; readonly place: string }[] = [];
      const errors: unknown[] = [];
      consuming(
        { topics: { [TOPIC]: 1 }, brokers: 2, forMs: 4_000 },
        ({ cluster, consumer, runtime, events, requests, at }) => {
          cluster.append(TOPIC, 0, values(0, 2));
          consumer({ offsetReset: 'latest', outOfRange: 'latest' })
            .assign([{ ...P0, offset: 0n }])
            .records.subscribe({
              next: record => seen.push({ at: runtime.scheduler.now(), place: place(record) }),
              error: error => errors.push(error),
            });
          at(500, () => {
            const fault = cluster.fault({ api: 'OffsetForLeaderEpoch' }, { error: name });
            cluster.moveLeader(P0, 3 - cluster['state'].partition(TOPIC, 0)!.leader);
            cluster.append(TOPIC, 0, values(2, 3));
            at(1_000, () => fault.unsubscribe());
          });
          at(3_500, () => {
            expect({ name, resets: resets(events) }).toEqual({ name, resets: [] });
            const asked = requests.filter(({ api }) => api === 'OffsetForLeaderEpoch').length;
            expect({ name, often: asked > 8 }).toEqual({ name, often: false });
          });
        },
      );
      const retried = mayPass(brokerError(code, { api: 'OffsetForLeaderEpoch' }));
      expect({ name, seen: seen.map(one => one.place), errors: errors.length }).toEqual({
        name,
        seen: retried ? ['0:0', '0:1', '0:2'] : ['0:0', '0:1'],
        errors: retried ? 0 : 1,
      });
      if (retried) {
        passed++;
        longest = Math.max(longest, seen.at(-1)!.at - 1_500);
      } else expect(errors[0]).toMatchObject({ name: 'BrokerError', error: name, ...P0 });
    }
    print(
      `C02: ${codes.length} codes of OffsetForLeaderEpoch, ${passed} retried, going on at most ${longest} ms after the last`,
    );
  });
});
