import { ZERO_ID } from '../../../lib/cluster/metadata';
import type { FetchContext } from '../../../lib/consumer/fetch/fetch-context';
import { FetchSession } from '../../../lib/consumer/fetch/fetch-session';
import { resolveConsumerOptions } from '../../../lib/consumer/options';
import { PartitionState } from '../../../lib/consumer/partition-state';
import type { Connection } from '../../../lib/network/connection';
import type { ConsumerRecord } from '../../../lib/types';
import { FakeCluster } from '../../support/fake-cluster';
import { consuming, place, values } from '../consuming';
import type { Consuming } from '../consuming';

const TOPIC = 'orders';
const all = (count: number, topic = TOPIC) => Array.from({ length: count }, (_, partition) => ({ topic, partition }));

interface SeenFetch {
  readonly at: number;
  readonly version: number;
  readonly id: number;
  readonly epoch: number;
  readonly asked: readonly number[];
  readonly forgotten: readonly number[];
}

/** The fetches that the broker saw, with their sessions. */
const fetches = (requests: Consuming['requests']): SeenFetch[] =>
  requests.flatMap(({ api, at, version, body }) => {
    if (api !== 'Fetch') return [];
    const { sessionId: id, sessionEpoch: epoch, topics, forgottenTopicsData } = body as any;
    return {
      ...{ at, version, id, epoch },
      asked: topics.flatMap((topic: any) => topic.partitions.map((one: any) => one.partition)),
      forgotten: forgottenTopicsData.flatMap((topic: any) => topic.partitions),
    };
  });

describe('a fetch session', () => {
  it('is opened where many partitions are read, and told only what changes', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 40 } }, ({ cluster, consumer, requests, at }) => {
      consumer({ offsetReset: 'earliest' })
        .assign(all(40))
        .records.subscribe(record => seen.push(place(record)));
      at(2_100, () => cluster.append(TOPIC, 7, values(0, 3)));
      at(2_700, () => {
        const [first, second, ...rest] = fetches(requests);
        expect(first).toMatchObject({ id: 0, epoch: 0, asked: all(40).map(one => one.partition) });
        expect(second).toMatchObject({ epoch: 1, asked: [], forgotten: [] });
        expect(second!.id).toBeGreaterThan(0);
        expect(rest.map(({ epoch }) => epoch)).toEqual(rest.map((_, i) => i + 2));
        expect(rest.flatMap(({ asked }) => asked)).toEqual([7]);
        expect(rest.flatMap(({ forgotten }) => forgotten)).toEqual([]);
      });
    });
    expect(seen).toEqual(['7:0', '7:1', '7:2']);
  });

  it('is left out where a request is small anyway', () => {
    consuming({ topics: { [TOPIC]: 15 } }, ({ consumer, requests, at }) => {
      consumer({ offsetReset: 'earliest' }).assign(all(15)).records.subscribe();
      at(3_000, () => {
        const seen = fetches(requests);
        expect(seen.length).toBeGreaterThan(4);
        for (const { id, epoch, asked } of seen) expect([id, epoch, asked.length]).toEqual([0, -1, 15]);
      });
    });
  });

  it('forgets a partition that is paused or has no room, and takes it up again', () => {
    const seen: ConsumerRecord[] = [];
    consuming({ topics: { [TOPIC]: 20 } }, ({ cluster, consumer, requests, at }) => {
      const reading = consumer({ offsetReset: 'earliest' }).assign(all(20));
      reading.records.subscribe(record => seen.push(record));
      at(2_000, () => reading.pause([{ topic: TOPIC, partition: 3 }]));
      at(3_000, () => cluster.append(TOPIC, 3, values(0, 1)));
      at(4_000, () => {
        expect(seen).toEqual([]);
        expect(fetches(requests).flatMap(({ forgotten }) => forgotten)).toEqual([3]);
        reading.resume();
      });
      at(6_000, () => {
        expect(
          fetches(requests)
            .filter(one => one.at >= 4_000)
            .flatMap(({ asked }) => asked),
        ).toEqual([3, 3]);
      });
    });
    expect(seen.map(place)).toEqual(['3:0']);
  });

  it('follows seeks and new assignments, and holds no more than is assigned', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 60 }, forMs: 20_000 }, ({ cluster, consumer, requests, at }) => {
      for (const { partition } of all(60)) cluster.append(TOPIC, partition, values(0, 2));
      const reading = consumer({ offsetReset: 'earliest' }).assign(all(60).slice(0, 20));
      reading.records.subscribe(record => seen.push(place(record)));
      at(2_000, () => reading.seek({ topic: TOPIC, partition: 5 }, 1n));
      for (let i = 1; i <= 4; i++) at(2_000 + i * 2_000, () => reading.assign(all(60).slice(i * 10, i * 10 + 20)));
      at(15_000, () => {
        const told = new Set<number>();
        for (const { epoch, asked, forgotten } of fetches(requests)) {
          if (epoch === 0) told.clear();
          for (const one of asked) told.add(one);
          for (const one of forgotten) expect(told.delete(one)).toBe(true);
          expect(told.size).toBeLessThanOrEqual(40);
        }
        expect([...told].sort((a, b) => a - b)).toEqual(
          all(60)
            .slice(40)
            .map(one => one.partition),
        );
        expect(fetches(requests).filter(({ epoch }) => epoch === 0)).toHaveLength(1);
      });
    });
    expect(seen.filter(one => one === '5:1')).toHaveLength(2);
    expect(new Set(seen).size).toBe(120);
    expect(seen).toHaveLength(121);
  });

  it('goes on with a new view, by closing what the broker still knows', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 20 } }, ({ cluster, consumer, requests, at }) => {
      const reading = consumer({ offsetReset: 'earliest' }).assign(all(20));
      const view = reading.records.subscribe(record => seen.push(place(record)));
      at(1_800, () => view.unsubscribe());
      at(2_000, () => reading.records.subscribe(record => seen.push(place(record))));
      at(3_000, () => cluster.append(TOPIC, 3, values(0, 1)));
      at(4_000, () => {
        const [first, second] = fetches(requests).filter(({ epoch }) => epoch === 0);
        expect(first!.id).toBe(0);
        expect(second!.id).toBe(fetches(requests)[1]!.id);
        expect(cluster['state'].fetchSessions(1)['sessions'].size).toBe(1);
      });
    });
    expect(seen).toEqual(['3:0']);
  });

  it('goes on over a topic that is deleted and created again', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 20, other: 1 } }, ({ cluster, consumer, requests, events, at }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      const reading = consumer({ offsetReset: 'earliest' }).assign([...all(20), ...all(1, 'other')]);
      reading.records.subscribe(record => seen.push(`${record.topic} ${place(record)}`));
      at(2_000, () => {
        cluster.deleteTopic('other');
        cluster.createTopic('other');
        cluster.append('other', 0, values(0, 1));
      });
      at(3_000, () => cluster.append(TOPIC, 19, values(0, 1)));
      at(8_000, () => {
        expect(fetches(requests).filter(({ epoch }) => epoch === 0)).toHaveLength(1);
        expect(events.filter(({ type }) => type === 'offset-reset')).toHaveLength(1);
        expect(new Set(fetches(requests).map(({ version }) => version >= 13))).toEqual(new Set([true]));
      });
    });
    expect(seen.sort()).toEqual(['orders 0:0', 'orders 0:1', 'orders 19:0', 'other 0:0']);
  });

  it('never mixes topic names and ids, and no two ids of a name: where one changes, a new session is opened', () => {
    const fake = new FakeCluster({ topics: { [TOPIC]: 20, other: 1 } });
    const context = { cluster: fake.cluster, options: resolveConsumerOptions() } as FetchContext;
    const states = [...all(20), ...all(1, 'other')].map(
      ({ topic, partition }) => new PartitionState(topic, partition, 0n, undefined),
    );
    const connection = {} as Connection;
    const session = new FetchSession();
    const ask = () => {
      const plan = { partitions: states, maxBytes: 1, maxWaitMs: 0, rackId: '' };
      const { body, maxVersion } = session.next(context, plan, connection);
      session.answered(7);
      return [body.sessionId, body.sessionEpoch, body.topics.flatMap(topic => topic.partitions).length, maxVersion];
    };
    expect(ask()).toEqual([0, 0, 21, undefined]);
    expect(ask()).toEqual([7, 1, 0, undefined]);
    fake.addTopic('other', 1, Buffer.from('another id here!').toString('base64url'));
    expect(ask()).toEqual([7, 0, 21, undefined]);
    expect(ask()).toEqual([7, 1, 0, undefined]);
    fake.addTopic('other', 1, ZERO_ID);
    expect(ask()).toEqual([7, 0, 21, 12]);
    expect(ask()).toEqual([7, 1, 0, 12]);
    states[20]!.offset = 5n;
    expect(ask()).toEqual([7, 2, 1, 12]);
    states.pop();
    fake.addTopic('other', 1, 'unused');
    expect(ask()).toEqual([7, 0, 20, undefined]);
  });
});
