import { map, mergeMap, of, timer } from 'rxjs';
import type { ConsumerRecord } from '../../../lib/types';
import { consuming, place, values } from '../consuming';
import type { Consuming } from '../consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };

/** Asked offsets of the fetches that a broker saw, by partition. */
const fetches = (requests: Consuming['requests']) =>
  requests.flatMap(({ api, at, broker, body }) =>
    api === 'Fetch'
      ? [
          {
            at,
            broker,
            body: body as any,
            partitions: (body as any).topics.flatMap((topic: any) => topic.partitions) as any[],
          },
        ]
      : [],
  );

describe('fetching', () => {
  it('keeps one request per broker in flight, and asks them independently of each other', () => {
    const seen: { at: number; place: string }[] = [];
    consuming({ topics: { [TOPIC]: 3 }, brokers: 3 }, ({ cluster, consumer, runtime, at }) => {
      [0, 1, 2].forEach(partition => cluster.moveLeader({ topic: TOPIC, partition }, partition + 1));
      // Broker 1 answers three seconds late; that is nothing to the others.
      cluster.fault({ broker: 1, api: 'Fetch' }, { delayMs: 3_000 });
      consumer({ offsetReset: 'earliest' })
        .assign([0, 1, 2].map(partition => ({ topic: TOPIC, partition })))
        .records.subscribe(record => seen.push({ at: runtime.scheduler.now(), place: place(record) }));
      at(1_000, () => [0, 1, 2].forEach(partition => cluster.append(TOPIC, partition, values(0, 2))));
    });
    expect(
      seen
        .filter(one => one.at < 2_000)
        .map(one => one.place)
        .sort(),
    ).toEqual(['1:0', '1:1', '2:0', '2:1']);
    expect(seen.map(one => one.place).sort()).toEqual(['0:0', '0:1', '1:0', '1:1', '2:0', '2:1']);
  });

  it('asks again before the records of a response are delivered', () => {
    const log: string[] = [];
    let answered = false;
    consuming(
      {
        topics: { [TOPIC]: 1 },
        wrap: transport => (broker, tls) =>
          transport(broker, tls).pipe(
            map(stream => ({
              ...stream,
              write: chunks => {
                if (answered) log.push('write');
                stream.write(chunks);
              },
            })),
          ),
      },
      ({ cluster, consumer }) => {
        cluster.append(TOPIC, 0, values(0, 2));
        cluster.requests.subscribe(({ api }) => (answered = answered || api === 'Fetch'));
        consumer({ offsetReset: 'earliest' })
          .assign([P0])
          .records.subscribe(record => log.push(place(record)));
      },
    );
    expect(log.slice(0, 3)).toEqual(['write', '0:0', '0:1']);
  });

  it('holds an idle request at the broker, at most three times a second', () => {
    consuming({ topics: { [TOPIC]: 1 } }, ({ consumer, requests, at }) => {
      consumer()
        .assign([{ ...P0, offset: 'earliest' }])
        .records.subscribe();
      at(9_000, () => {
        const last = fetches(requests).filter(one => one.at > 5_000);
        expect(last.length).toBeGreaterThan(4);
        expect(last.length).toBeLessThanOrEqual(12);
      });
    });
  });

  it('stays within bufferBytes while nothing is acked, and goes on with each ack', () => {
    const big = 'x'.repeat(10_000);
    const held: ConsumerRecord[] = [];
    let acked = 0;
    consuming({ topics: { [TOPIC]: 4 }, forMs: 60_000 }, ({ cluster, consumer, requests, at }) => {
      for (let partition = 0; partition < 4; partition++)
        for (let i = 0; i < 50; i++) cluster.append(TOPIC, partition, [{ value: big }]);
      const reading = consumer({
        ack: 'manual',
        offsetReset: 'earliest',
        window: { records: 4 },
        fetch: { bufferBytes: 100_000, maxBytes: 60_000, partitionBytes: 30_000 },
      });
      reading.assign([0, 1, 2, 3].map(partition => ({ topic: TOPIC, partition })));
      reading.records.subscribe(record => held.push(record));
      at(5_000, () => {
        expect(held).toHaveLength(4);
        const asked = fetches(requests);
        for (const { body } of asked) {
          expect(body.maxBytes).toBeLessThanOrEqual(60_000);
          // Not for every freed byte.
          expect(body.maxBytes).toBeGreaterThanOrEqual(30_000);
        }
        const furthest = asked
          .flatMap(one => one.partitions)
          .reduce((sum, one) => sum.set(one.partition, one.fetchOffset), new Map<number, bigint>());
        const fetched = [...furthest.values()].reduce((sum, offset) => sum + Number(offset), 0);
        // 100 kB and at most one batch more.
        expect(fetched * 10_000).toBeLessThanOrEqual(160_000);
      });
      const ackAll = () => {
        for (const record of held.splice(0)) acked += record.ack() ? 1 : 0;
        at(10, ackAll);
      };
      at(6_000, ackAll);
    });
    expect(acked).toBe(200);
  });

  it('does not let a partition without records hold up one that waits for room', () => {
    let done = 0;
    consuming({ topics: { [TOPIC]: 2 }, forMs: 20_000 }, ({ cluster, consumer, runtime, requests, at }) => {
      for (let i = 0; i < 400; i++) cluster.append(TOPIC, 0, values(0, 10));
      consumer({ offsetReset: 'earliest', ack: 'manual', window: { records: 10 }, fetch: { partitionBytes: 2_000 } })
        .assign([P0, { topic: TOPIC, partition: 1 }])
        .records.pipe(mergeMap(record => timer(1, runtime.scheduler).pipe(mergeMap(() => of(record.ack())))))
        .subscribe(() => (done = ++done));
      // Ten records a millisecond or two take a second. A response a half second, for the idle partition's sake, would be thirteen.
      at(3_000, () => {
        expect(done).toBe(4_000);
        expect(requests.filter(({ api }) => api === 'Fetch').length).toBeLessThan(200);
      });
    });
  });

  it('asks an idle partition ten to a hundred times a second while its neighbour waits for room', () => {
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, requests, at }) => {
      for (let i = 0; i < 100; i++) cluster.append(TOPIC, 0, values(0, 10));
      consumer({ offsetReset: 'earliest', ack: 'manual', window: { records: 10 }, fetch: { partitionBytes: 500 } })
        .assign([P0, { topic: TOPIC, partition: 1 }])
        .records.subscribe();
      at(6_000, () => {
        const last = fetches(requests).filter(one => one.at >= 5_000);
        expect(last.length).toBeGreaterThanOrEqual(9);
        expect(last.length).toBeLessThanOrEqual(12);
        expect(last.every(one => one.body.maxWaitMs === 0 && one.partitions.length === 1)).toBe(true);
      });
    });
  });

  it('has at most two responses of a partition wait for delivery', () => {
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      for (let i = 0; i < 100; i++) cluster.append(TOPIC, 0, values(0, 10));
      consumer({ offsetReset: 'earliest', ack: 'manual', window: { records: 1 }, fetch: { partitionBytes: 500 } })
        .assign([P0])
        .records.subscribe();
      at(6_000, () => expect(fetches(requests)).toHaveLength(2));
    });
  });

  it('waits for a topic that does not exist, says so once, and reads it once it is there', () => {
    const seen: string[] = [];
    consuming({}, ({ cluster, consumer, requests, events, at }) => {
      consumer({ offsetReset: 'earliest' })
        .assign([{ topic: 'later', partition: 0 }])
        .records.subscribe(record => seen.push(place(record)));
      at(5_000, () => {
        expect(requests.filter(({ api }) => api === 'Metadata').length).toBeLessThanOrEqual(16);
        expect(events.filter(({ type }) => type === 'partition-unavailable')).toEqual([
          expect.objectContaining({
            partition: { topic: 'later', partition: 0 },
            error: expect.objectContaining({ error: 'UNKNOWN_TOPIC_OR_PARTITION' }),
          }),
        ]);
        cluster.createTopic('later');
        cluster.append('later', 0, values(0, 1));
      });
      at(7_000, () => expect(seen).toEqual(['0:0']));
    });
    expect(seen).toEqual(['0:0']);
  });

  it('follows the leader, and fetches nothing twice', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 }, brokers: 3 }, ({ cluster, consumer, at }) => {
      consumer({ offsetReset: 'earliest' })
        .assign([P0])
        .records.subscribe(record => seen.push(place(record)));
      for (let i = 0; i < 8; i++) {
        at(1_000 + i * 500, () => cluster.moveLeader(P0, (i % 3) + 1));
        at(1_200 + i * 500, () => cluster.append(TOPIC, 0, values(i, i + 1)));
      }
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2', '0:3', '0:4', '0:5', '0:6', '0:7']);
  });

  it('does not wait its turn out once another broker leads', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 }, brokers: 2 }, ({ cluster, consumer, requests, at }) => {
      cluster.moveLeader(P0, 1);
      cluster.fault({ broker: 1, api: 'Fetch' }, { error: 'NOT_LEADER_OR_FOLLOWER' });
      cluster.append(TOPIC, 0, values(0, 1));
      consumer({ offsetReset: 'earliest' })
        .assign([P0])
        .records.subscribe(record => seen.push(place(record)));
      at(6_000, () => cluster.moveLeader(P0, 2));
      at(9_000, () => {
        const asked = fetches(requests);
        const first = asked.find(({ broker }) => broker === 2)!;
        const last = asked.filter(({ broker }) => broker === 1).at(-1)!;
        // Of the eight pauses or so the last ones are a second.
        expect(first.at - last.at).toBeLessThan(250);
      });
    });
    expect(seen).toEqual(['0:0']);
  });

  it('goes on after its broker was cut off, stopped and started', () => {
    const seen: { at: number; place: string }[] = [];
    const errors: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 }, forMs: 20_000 }, ({ cluster, consumer, runtime, at }) => {
      consumer({ offsetReset: 'earliest' })
        .assign([P0])
        .records.subscribe({
          next: record => seen.push({ at: runtime.scheduler.now(), place: place(record) }),
          error: error => errors.push(error),
        });
      at(1_000, () => cluster.append(TOPIC, 0, values(0, 1)));
      at(2_000, () => cluster.disconnect(1));
      at(2_001, () => cluster.append(TOPIC, 0, values(1, 2)));
      at(4_000, () => cluster.stop(1));
      at(9_000, () => cluster.start(1));
      at(9_001, () => cluster.append(TOPIC, 0, values(2, 3)));
    });
    expect(errors).toEqual([]);
    expect(seen.map(one => one.place)).toEqual(['0:0', '0:1', '0:2']);
    expect(seen[1]!.at).toBeLessThan(2_500);
    expect(seen[2]!.at).toBeLessThan(11_500);
  });

  it('delivers committed transactions only, and steps over the rest', () => {
    const committed: string[] = [];
    const all: string[] = [];
    let position: unknown;
    let lag: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 1));
      cluster.append(TOPIC, 0, values(1, 3), { transaction: 'aborted' });
      cluster.append(TOPIC, 0, values(3, 5), { transaction: 'committed' });
      cluster.append(TOPIC, 0, values(5, 6), { transaction: 'aborted' });
      const reading = consumer({ offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe(record => committed.push(String(record.value)));
      consumer({ offsetReset: 'earliest', isolation: 'read_uncommitted' })
        .assign([P0])
        .records.subscribe(record => all.push(String(record.value)));
      at(5_000, () => {
        position = reading.position(P0);
        reading.lag().subscribe(lags => (lag = lags[0]!.lag));
      });
    });
    expect(committed).toEqual(['v0', 'v3', 'v4']);
    expect(all).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5']);
    // Three markers follow the six records.
    expect(position).toBe(9n);
    expect(lag).toBe(0);
  });

  it('fetches by topic id without a session, and names the leader epoch', () => {
    consuming({ topics: { [TOPIC]: 1 } }, ({ consumer, requests, at }) => {
      consumer()
        .assign([{ ...P0, offset: 'earliest' }])
        .records.subscribe();
      at(2_000, () => {
        const { version, body } = requests.find(({ api }) => api === 'Fetch')! as { version: number; body: any };
        expect(version).toBeGreaterThanOrEqual(13);
        expect(body.topics[0].topicId).not.toMatch(/^A+$/);
        expect(body).toMatchObject({ sessionId: 0, sessionEpoch: -1, isolationLevel: 1, maxWaitMs: 500, minBytes: 1 });
        expect(body.topics[0].partitions[0].currentLeaderEpoch).toBeGreaterThanOrEqual(0);
      });
    });
  });

  it('never sends a group membership request', () => {
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 500 } }).assign([P0]);
      reading.records.subscribe(record => record.ack());
      at(4_000, () => reading.close().subscribe());
      at(9_000, () => {
        const apis = new Set(requests.map(({ api }) => api));
        expect([...apis].filter(api => /Group|Heartbeat/.test(api))).toEqual([]);
        expect(apis).toContain('OffsetCommit');
      });
    });
  });
});
