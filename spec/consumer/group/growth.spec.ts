import { inAGroup, of, TOPIC } from './in-a-group';

const CLIENT = { client: { metadataMaxAgeMs: 2_000 } };
const BEATS = { configs: { 'group.consumer.heartbeat.interval.ms': '500' } };

describe.each(['classic', 'consumer'] as const)('topics that grow (%s)', groupProtocol => {
  const options = { groupProtocol, heartbeatIntervalMs: 500, offsetReset: undefined } as const;

  it('are shared anew within the age of metadata, and the new partitions are read from their beginning', () => {
    let shares: number[] = [];
    let seen: string[] = [];
    inAGroup({ forMs: 30_000, partitions: 2, ...CLIENT, ...BEATS }, ({ cluster, member, append, at }) => {
      // Before the group: not for who asks for no offset.
      append();
      const members = ['a', 'b', 'c'].map(name => member(name, options));
      at(5_000, () => {
        cluster.createPartitions(TOPIC, 5);
        for (const partition of [2, 3, 4]) cluster.append(TOPIC, partition, [{ value: 'first' }]);
      });
      at(15_000, () => {
        shares = members.map(({ has }) => has().length).sort();
        seen = members.flatMap(one => one.seen).sort();
      });
    });
    expect(shares).toEqual([1, 2, 2]);
    expect(seen).toEqual(['2:0', '3:0', '4:0']);
  });

  it('are waited for when they are not there yet, and are read from their beginning then', () => {
    let seen: string[] = [];
    let errors: unknown[] = [];
    inAGroup({ forMs: 30_000, topics: {}, ...CLIENT, ...BEATS }, ({ cluster, member, at }) => {
      const a = member('a', { ...options, topics: ['later'] });
      at(5_000, () => {
        cluster.createTopic('later', 2);
        for (const partition of [0, 1]) cluster.append('later', partition, [{ value: 'first' }]);
      });
      at(15_000, () => {
        seen = [...a.seen].sort();
        errors = [...a.errors];
      });
    });
    expect(errors).toEqual([]);
    expect(seen).toEqual(['0:0', '1:0']);
  });

  it('that come to match a pattern are read from their beginning', () => {
    let seen: string[] = [];
    let count = 0;
    inAGroup({ forMs: 30_000, topics: { 'shop.a': 1, other: 1 }, ...CLIENT, ...BEATS }, ({ cluster, member, at }) => {
      cluster.append('shop.a', 0, [{ value: 'before' }]);
      const a = member('a', { ...options, topics: /^shop\./ });
      at(5_000, () => {
        cluster.createTopic('shop.b', 1);
        // Used to be passed over: for a pattern, all that a topic had when it was first seen was old.
        cluster.append('shop.b', 0, [{ value: 'first' }]);
        cluster.append('other', 0, [{ value: 'not asked for' }]);
      });
      at(15_000, () => {
        seen = [...a.seen];
        count = a.has().length;
      });
    });
    expect(count).toBe(2);
    expect(seen).toEqual(['0:0']);
  });

  it('and that are subscribed to in a second call, move only the difference', () => {
    let log: string[] = [];
    let gap = 0;
    inAGroup({ forMs: 30_000, topics: { [TOPIC]: 4, more: 2 }, ...BEATS }, ({ member, append, at, log: events }) => {
      for (let ms = 0; ms < 20_000; ms += 100) at(ms, append);
      const a = member('a', { ...options, offsetReset: 'earliest' });
      at(5_000, () => {
        events.length = 0;
        a.consumer.subscribe([TOPIC]).subscribe([TOPIC, 'more']).subscribe(['more', TOPIC]);
      });
      at(10_000, () => a.consumer.subscribe(TOPIC));
      at(15_000, () => {
        log = of('a', events).filter(line => line !== 'assigning' && line !== 'assigned');
        gap = Math.max(...a.seenAt.slice(1).map((when, i) => when - a.seenAt[i]!));
      });
    });
    expect(log).toEqual(['assigned 0,1', 'revoking 0,1', 'revoked 0,1']);
    expect(gap).toBeLessThan(300);
  });
});

describe('topics that grow (consumer)', () => {
  it('are read from their beginning also by a member that learns of it only from what it is given', () => {
    let seen: string[] = [];
    inAGroup({ forMs: 30_000, partitions: 1, ...BEATS }, ({ cluster, member, at }) => {
      const apart = { groupProtocol: 'consumer', offsetReset: undefined, apart: true } as const;
      const a = member('a', apart);
      at(3_000, () => {
        cluster.createPartitions(TOPIC, 2);
        cluster.append(TOPIC, 1, [{ value: 'first' }]);
        const b = member('b', apart);
        at(1_000, () => b.consumer.close().subscribe());
        at(15_000, () => (seen = [...a.seen, ...b.seen]));
      });
    });
    expect(new Set(seen)).toEqual(new Set(['1:0']));
  });
});
