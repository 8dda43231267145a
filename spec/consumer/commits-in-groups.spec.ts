import type { Consumer } from '../../lib/consumer/consumer-api';
import { GROUP, inAGroup, of, TOPIC } from './group/in-a-group';
import type { InAGroup } from './group/in-a-group';
import { values } from './consuming';

const P0 = { topic: TOPIC, partition: 0 };
const BEATS = { configs: { 'group.consumer.heartbeat.interval.ms': '500' } };
/** A former self that is still in the group holds the next round up. */
const SOON = { heartbeatIntervalMs: 500, rebalanceTimeoutMs: 1_500 } as const;
const MANUAL = { ...SOON, commit: 'manual' } as const;

/** What each OffsetCommit carried: `partition:offset` joined, and the generation or epoch it was made in. */
const commits = (asked: InAGroup['asked']): { epoch: number; offsets: string; at: number }[] =>
  asked('OffsetCommit').map(({ body, at }) => {
    const { generationIdOrMemberEpoch: epoch, topics } = body as any;
    const offsets = topics.flatMap((topic: any) =>
      topic.partitions.map((one: any) => `${one.partitionIndex}:${one.committedOffset}`),
    );
    return { epoch, offsets: offsets.sort().join(' '), at };
  });

/** Commits, and says how that ended. */
const tried = (consumer: Consumer, log: unknown[], ...offsets: Parameters<Consumer['commit']>) =>
  consumer.commit(...offsets).subscribe({ next: stored => log.push(stored), error: error => log.push(error) });

describe.each(['classic', 'consumer'] as const)('commits of a member (%s)', groupProtocol => {
  const refusal = groupProtocol === 'classic' ? 'REBALANCE_IN_PROGRESS' : 'STALE_MEMBER_EPOCH';

  it('carry who it is and its generation', () => {
    let body: any;
    let fetched: any;
    inAGroup({ partitions: 1, forMs: 8_000, ...BEATS }, ({ member, at, append, asked }) => {
      const a = member('a', { ...MANUAL, groupProtocol, groupInstanceId: 'i' });
      append();
      at(4_000, () => tried(a.consumer, []));
      at(5_000, () => {
        ({ body } = asked('OffsetCommit')[0]!);
        fetched = (asked('OffsetFetch')[0]!.body as any).groups[0];
      });
    });
    expect(body).toMatchObject({ groupId: GROUP, groupInstanceId: 'i', memberId: expect.stringMatching(/./) });
    expect(body.generationIdOrMemberEpoch).toBeGreaterThanOrEqual(1);
    // Only the newer protocol fences who asks.
    if (groupProtocol === 'classic') expect(fetched).toMatchObject({ memberId: null, memberEpoch: -1 });
    else expect(fetched).toMatchObject({ memberId: body.memberId, memberEpoch: body.generationIdOrMemberEpoch });
  });

  it('are for its own partitions alone', () => {
    const log: any[] = [];
    let sent = -1;
    inAGroup({ partitions: 2, forMs: 12_000, ...BEATS }, ({ member, at, asked }) => {
      const a = member('a', { ...MANUAL, groupProtocol });
      // Before it has joined, once it has all, and once another has the half of it.
      tried(a.consumer, log, [{ ...P0, offset: 1n }]);
      at(3_000, () => tried(a.consumer, log, [{ topic: 'another', partition: 0, offset: 1n }]));
      at(3_500, () => member('b', { ...MANUAL, groupProtocol }));
      at(9_000, () => {
        for (const partition of [0, 1])
          if (!a.has().includes(partition)) tried(a.consumer, log, [{ topic: TOPIC, partition, offset: 1n }]);
      });
      at(11_000, () => (sent = asked('OffsetCommit').length));
    });
    expect(log).toHaveLength(3);
    for (const error of log) {
      expect(error.name).toBe('InvalidStateError');
      expect(error.message).toMatch(/commit: (orders-[01]|another-0) is not assigned to this consumer/);
    }
    expect(sent).toBe(0);
  });

  it(`E08 that were asked for and are refused with ${refusal} go out again, and land; the stream goes on`, () => {
    const log: unknown[] = [];
    const seen: number[] = [];
    let made: ReturnType<typeof commits> = [];
    inAGroup({ partitions: 1, forMs: 15_000, ...BEATS }, ({ cluster, member, at, append, asked, events }) => {
      for (let ms = 0; ms < 12_000; ms += 500) at(ms, append);
      const a = member('a', { ...MANUAL, groupProtocol });
      at(4_100, () => {
        cluster.fault({ api: 'OffsetCommit', times: 2 }, { error: refusal });
        tried(a.consumer, log, [{ ...P0, offset: 3n, metadata: 'mine' }]);
        // A later one does not overtake it.
        at(10, () => tried(a.consumer, log, [{ ...P0, offset: 4n }]));
        seen.push(a.seen.length);
      });
      at(12_000, () => {
        made = commits(asked);
        seen.push(a.seen.length);
        expect(a.errors).toEqual([]);
        expect(events.filter(({ type }) => type === 'commit-failed')).toEqual([]);
        expect(cluster.committed(GROUP)).toEqual([{ ...P0, offset: 4n }]);
      });
    });
    expect(log).toEqual([[{ ...P0, offset: 3n }], [{ ...P0, offset: 4n }]]);
    expect(made.length).toBeLessThanOrEqual(5);
    if (groupProtocol === 'classic') expect(made.at(-1)!.epoch).toBeGreaterThan(made[0]!.epoch);
    expect(seen[1]! - seen[0]!).toBeGreaterThanOrEqual(14);
  });

  it('E08 in the background are made good in the next generation without a word', () => {
    let committed: unknown;
    inAGroup({ partitions: 1, forMs: 20_000, ...BEATS }, ({ cluster, member, at, append, asked, events }) => {
      const a = member('a', { ...SOON, groupProtocol, commit: { everyMs: 1_000 } });
      at(5_100, () => {
        cluster.fault({ api: 'OffsetCommit', times: 2 }, { error: refusal });
        append();
      });
      at(10_000, () => {
        committed = cluster.committed(GROUP);
        expect(a.errors).toEqual([]);
        expect(events.filter(({ type }) => type === 'commit-failed')).toEqual([]);
        expect(commits(asked).length).toBeLessThanOrEqual(4);
      });
    });
    expect(committed).toEqual([{ ...P0, offset: 1n }]);
  });

  it('E08 that were refused because the partitions are lost say so: an error to who asked, else one event', () => {
    const log: any[] = [];
    let told: any[] = [];
    inAGroup({ partitions: 1, forMs: 20_000, ...BEATS }, ({ cluster, member, at, append, log: steps, events }) => {
      const a = member('a', { ...SOON, groupProtocol, commit: { everyMs: 1_000 } });
      at(5_100, () => {
        // Each of them also puts it out of the group.
        cluster.fault({ api: 'OffsetCommit', times: 1 }, { error: 'UNKNOWN_MEMBER_ID' });
        append();
        at(100, () => tried(a.consumer, log, [{ ...P0, offset: 1n }]));
      });
      at(8_100, () => {
        cluster.fault({ api: 'OffsetCommit', times: 1 }, { error: 'UNKNOWN_MEMBER_ID' });
        append();
      });
      at(15_000, () => {
        told = events.filter(({ type }) => type === 'commit-failed');
        expect(of('a', steps).filter(step => step === 'lost 0')).toHaveLength(2);
        expect(a.errors).toEqual([]);
      });
    });
    expect(log).toMatchObject([{ name: 'BrokerError', error: 'UNKNOWN_MEMBER_ID' }]);
    expect(told).toMatchObject([{ group: GROUP, error: { error: 'UNKNOWN_MEMBER_ID' } }]);
  });

  it('that wait while it is no member are given up when it loses what they are about', () => {
    const log: any[] = [];
    inAGroup({ partitions: 1, forMs: 40_000, brokers: 1, ...BEATS }, ({ cluster, member, at, append }) => {
      append();
      const a = member('a', { ...MANUAL, groupProtocol, sessionTimeoutMs: 6_000 });
      let fault = { unsubscribe: () => undefined as void };
      at(4_000, () => {
        const api = groupProtocol === 'classic' ? 'Heartbeat' : 'ConsumerGroupHeartbeat';
        fault = cluster.fault({ api }, { error: 'NOT_COORDINATOR' });
      });
      // Its session is over: it cannot know whose the partitions are.
      at(16_000, () => {
        tried(a.consumer, log, [{ ...P0, offset: 1n }]);
        tried(a.consumer, log);
      });
      at(17_000, () => {
        expect(log).toEqual([]);
        fault.unsubscribe();
        const api = groupProtocol === 'classic' ? 'Heartbeat' : 'ConsumerGroupHeartbeat';
        cluster.fault({ api, times: 1 }, { error: 'UNKNOWN_MEMBER_ID' });
      });
    });
    expect(log).toHaveLength(2);
    for (const error of log) {
      expect(error.name).toBe('InvalidStateError');
      expect(error.message).toMatch(/orders-0 was lost to a rebalance/);
    }
  });

  it('are made one last time, as who it was, before a partition goes to another', () => {
    let made: ReturnType<typeof commits> = [];
    let steps: string[] = [];
    const again: string[] = [];
    inAGroup({ partitions: 2, forMs: 25_000, ...BEATS }, ({ member, at, append, asked, log }) => {
      for (let i = 0; i < 3; i++) append();
      const held: { ack(): void }[] = [];
      const a = member('a', {
        groupProtocol,
        heartbeatIntervalMs: 500,
        commit: { everyMs: 600_000 },
        onRecord: (record, now) => (now < 5_000 ? record.ack() : held.push(record)),
      });
      at(5_000, () => append());
      at(5_500, () =>
        member('b', {
          ...MANUAL,
          groupProtocol,
          onRecord: record => again.push(`${record.partition}:${record.offset}`),
        }),
      );
      // It takes its time over the last one; the other waits for it.
      at(8_000, () => held.forEach(record => record.ack()));
      at(20_000, () => {
        made = commits(asked);
        steps = of('a', log);
        expect(a.errors).toEqual([]);
      });
    });
    expect(made).toHaveLength(1);
    expect(made[0]!.offsets).toBe('0:4 1:4');
    expect(made[0]!.at).toBeGreaterThanOrEqual(8_000);
    expect(steps.filter(step => step.startsWith('revoked'))).toHaveLength(1);
    expect(again).toEqual([]);
  });

  it('that are answered when the partition has gone and come back leave it as it is now', () => {
    const log: unknown[] = [];
    let made: ReturnType<typeof commits> = [];
    inAGroup({ partitions: 1, forMs: 20_000, ...BEATS }, ({ cluster, member, at, asked }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const a = member('a', { ...MANUAL, groupProtocol });
      at(5_000, () => {
        cluster.fault({ api: 'OffsetCommit', times: 1 }, { delayMs: 3_000 });
        tried(a.consumer, log);
        at(100, () => a.consumer.assign([{ ...P0, offset: 0n }]));
      });
      // As far as before, and yet of this reading nothing has been committed.
      at(14_000, () => tried(a.consumer, log));
      at(18_000, () => (made = commits(asked)));
    });
    expect(log).toEqual([[{ ...P0, offset: 3n }], [{ ...P0, offset: 3n }]]);
    expect(made).toMatchObject([{ offsets: '0:3' }, { offsets: '0:3', epoch: -1 }]);
  });

  it('that another member with its instance id makes impossible are a FencedError, and so is the end of the view', () => {
    const log: any[] = [];
    const errors: any[] = [];
    inAGroup({ partitions: 1, forMs: 12_000, ...BEATS }, ({ cluster, member, at, append }) => {
      append();
      const a = member('a', { ...MANUAL, groupProtocol, groupInstanceId: 'i' });
      at(5_000, () => {
        cluster.fault({ api: 'OffsetCommit' }, { error: 'FENCED_INSTANCE_ID' });
        tried(a.consumer, log);
      });
      at(8_000, () => errors.push(...a.errors));
    });
    expect(log).toMatchObject([{ name: 'FencedError', message: expect.stringContaining('groupInstanceId i') }]);
    expect(errors).toMatchObject([{ name: 'FencedError' }]);
  });

  it('are refused to whoever is no member while there are some, and the error says what to do', () => {
    const log: any[] = [];
    inAGroup({ partitions: 1, forMs: 12_000, ...BEATS }, ({ cluster, consumer, member, at }) => {
      const simple = consumer({ groupId: GROUP }).assign([P0]);
      const a = member('a', { ...MANUAL, groupProtocol });
      at(4_000, () => tried(simple, log, [{ ...P0, offset: 7n }]));
      at(6_000, () => {
        expect(cluster.committed(GROUP)).toEqual([]);
        a.consumer.close().subscribe(() => at(500, () => tried(simple, log, [{ ...P0, offset: 7n }])));
      });
    });
    expect(log).toMatchObject([{ name: 'BrokerError', error: 'UNKNOWN_MEMBER_ID' }, [{ ...P0, offset: 7n }]]);
    expect(log[0].message).toMatch(/live members.*groupId of its own/);
  });
});
