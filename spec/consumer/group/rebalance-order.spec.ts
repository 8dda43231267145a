import { NEVER, throwError, timer } from 'rxjs';
import { assignors } from '../../../lib/consumer/group/assignors/assignors';
import type { ConsumerRecord, RebalanceEvent } from '../../../lib/types';
import { GROUP, inAGroup, of, TOPIC } from './in-a-group';
import type { InAGroup, Member, MemberOptions } from './in-a-group';

const BEATS = { configs: { 'group.consumer.heartbeat.interval.ms': '500' } };
const CLASSIC = { heartbeatIntervalMs: 500 } as const;

/** What makes a member give partitions up, and how it is a member. */
const CAUSES: Record<string, { options: MemberOptions; cause: (t: InAGroup, a: Member, b: MemberOptions) => void }> = {
  'another joins (classic, eager)': {
    options: { ...CLASSIC, assignors: [assignors.range] },
    cause: (t, _, b) => t.member('b', b),
  },
  'another joins (classic, cooperative)': {
    options: { ...CLASSIC, assignors: [assignors.cooperativeSticky] },
    cause: (t, _, b) => t.member('b', b),
  },
  'another joins (KIP-848)': { options: { groupProtocol: 'consumer' }, cause: (t, _, b) => t.member('b', b) },
  'it switches to assign()': {
    options: CLASSIC,
    cause: (_, { consumer }) => consumer.assign([{ topic: TOPIC, partition: 0 }]),
  },
  'it unsubscribes (KIP-848)': {
    options: { groupProtocol: 'consumer' },
    cause: (_, { consumer }) => consumer.unsubscribe(),
  },
  'it closes': { options: CLASSIC, cause: (_, { consumer }) => consumer.close().subscribe() },
};

describe.each(Object.keys(CAUSES))('partitions that a member gives up because %s', name => {
  const { options, cause } = CAUSES[name]!;

  it('stop, are waited for, committed, and only then told as revoked and given to others', () => {
    const steps: string[] = [];
    let committed: readonly (bigint | undefined)[] = [];
    const late: string[] = [];
    inAGroup({ forMs: 30_000, ...BEATS }, t => {
      const { member, append, at, now, runtime, cluster } = t;
      const gone = new Set<number>();
      const held: ConsumerRecord[] = [];
      let revoking: readonly number[] = [];
      t.cluster.requests.subscribe(({ api, body }) => {
        if (api !== 'OffsetCommit' || revoking.length === 0 || steps.includes('commit')) return;
        const { topics } = body as { topics: { partitions: { partitionIndex: number }[] }[] };
        if (topics.some(topic => topic.partitions.some(one => revoking.includes(one.partitionIndex))))
          steps.push('commit');
      });
      append();
      const a = member('a', {
        ...options,
        commit: { everyMs: 60_000 },
        onRecord: record => {
          if (gone.has(record.partition)) late.push(`${record.partition} at ${now()}`);
          held.push(record);
        },
        onRebalance: event => {
          if (event.type === 'revoking') {
            steps.push('revoking');
            expect(event.inFlight).toBe(event.partitions.length);
            expect(event.deadline).toBe(now() + 30_000);
            revoking = event.partitions.map(({ partition }) => partition);
            revoking.forEach(partition => gone.add(partition));
            event.waitUntil(
              timer(2_000, runtime.scheduler).pipe(work => {
                work.subscribe(() => steps.push('work done'));
                return work;
              }),
            );
            runtime.scheduler.schedule(() => {
              steps.push('settled');
              for (const record of held.splice(0)) record.ack();
            }, 1_000);
          } else if (event.type === 'revoked') {
            steps.push('revoked');
            committed = event.committed.map(({ offset }) => offset);
            gone.clear();
          }
        },
      });
      at(5_000, () => cause(t, a, { ...options, onRebalance: given('b') }));
      const given = (who: string) => (event: RebalanceEvent) => {
        if (event.type === 'assigned' && event.partitions.length > 0) steps.push(`${who} has them`);
      };
      at(6_200, append);
      at(15_000, () => void cluster.committed(GROUP));
    });
    expect(steps.slice(0, 5)).toEqual(['revoking', 'settled', 'work done', 'commit', 'revoked']);
    expect(steps.slice(5).filter(step => step !== 'b has them')).toEqual([]);
    expect(new Set(committed)).toEqual(new Set([1n]));
    expect(late).toEqual([]);
  });
});

describe.each([
  ['classic', { ...CLASSIC, assignors: [assignors.cooperativeSticky] }],
  ['KIP-848', { groupProtocol: 'consumer' }],
] as const)('partitions that a member keeps (%s)', (_, options) => {
  it('never stop, however long others take', () => {
    const gaps: number[] = [];
    inAGroup({ forMs: 40_000, ...BEATS }, ({ member, append, at, runtime }) => {
      for (let ms = 0; ms < 35_000; ms += 50) at(ms, append);
      const a = member('a', {
        ...options,
        onRebalance: event => event.type === 'revoking' && event.waitUntil(timer(8_000, runtime.scheduler)),
      });
      at(5_000, () => member('b', options));
      at(30_000, () => {
        for (const partition of a.has()) {
          const times = a.seenAt.filter((_when, i) => a.seen[i]!.startsWith(`${partition}:`));
          gaps.push(Math.max(...times.slice(1).map((when, i) => when - times[i]!)));
        }
      });
    });
    expect(gaps.length).toBe(2);
    // A record each 50 ms.
    expect(Math.max(...gaps)).toBeLessThanOrEqual(100);
  });
});

describe('what the application wants to be waited for', () => {
  const hold =
    (type: RebalanceEvent['type'], work: (t: InAGroup) => any) => (t: InAGroup) => (event: RebalanceEvent) => {
      if (event.type === type && event.partitions.length > 0) event.waitUntil(work(t));
    };
  const run = (onRebalance: (t: InAGroup) => (event: RebalanceEvent) => void, options: MemberOptions = {}) => {
    const result = { firstAt: -1, errors: [] as any[], log: [] as string[] };
    inAGroup({ forMs: 100_000 }, t => {
      t.append();
      const a = t.member('a', { ...CLASSIC, ...options, onRebalance: onRebalance(t) });
      t.at(20_000, () => {
        result.firstAt = a.seenAt[0] ?? -1;
        result.errors = [...a.errors];
      });
      t.at(90_000, () => (result.log = of('a', t.log)));
    });
    return result;
  };

  it('holds up the records of new partitions until it completes', () => {
    const { firstAt, errors } = run(hold('assigned', t => timer(3_000, t.runtime.scheduler)));
    expect(errors).toEqual([]);
    expect(firstAt).toBeGreaterThanOrEqual(3_000);
    expect(firstAt).toBeLessThan(3_200);
  });

  it('holds them up no longer than the rebalance timeout', () => {
    const { firstAt, errors } = run(
      hold('assigned', () => NEVER),
      { rebalanceTimeoutMs: 5_000 },
    );
    expect(errors).toEqual([]);
    expect(firstAt).toBeGreaterThanOrEqual(5_000);
    expect(firstAt).toBeLessThan(5_200);
  });

  it('errors the view when it errors', () => {
    const { errors } = run(hold('assigned', () => throwError(() => new Error('no state'))));
    expect(errors).toMatchObject([{ message: 'no state' }]);
  });

  it('is refused once the step is over', () => {
    const late: any[] = [];
    run(t => event => {
      t.runtime.scheduler.schedule(() => {
        try {
          event.waitUntil(NEVER);
        } catch (error) {
          late.push(error);
        }
      }, 1);
    });
    expect(late[0]).toMatchObject({ name: 'InvalidStateError' });
  });

  it('may be a promise, or nothing at all that ends: revoking has its deadline', () => {
    let leftAfter = -1;
    inAGroup({ forMs: 60_000 }, ({ member, at, now, asked }) => {
      const a = member('a', {
        ...CLASSIC,
        drainMs: 4_000,
        onRebalance: event => event.waitUntil(NEVER),
        rebalanceTimeoutMs: 9_000,
      });
      at(20_000, () => {
        a.consumer.unsubscribe();
        const from = now();
        at(30_000, () => (leftAfter = asked('LeaveGroup')[0]!.at - from));
      });
    });
    // 4 s for the drain, and all of it together at most the rebalance timeout.
    expect(leftAfter).toBe(9_000);
  });
});

describe('E04 a member that settles nothing', () => {
  it('errors, leaves, others take its partitions over, its late acks count for nothing, and the next view joins again', () => {
    const shares: (readonly number[])[] = [];
    let errors: any[] = [];
    let acks: boolean[] = [];
    let again = 0;
    inAGroup({ forMs: 60_000 }, ({ member, append, at }) => {
      append();
      let stuck = true;
      const held: ConsumerRecord[] = [];
      const a = member('a', {
        ...CLASSIC,
        stall: { errorMs: 5_000 },
        onRecord: record => void (stuck ? held.push(record) : record.ack()),
      });
      at(3_000, () => {
        const b = member('b', CLASSIC);
        at(12_000, () => {
          shares.push(a.has(), b.has());
          errors = [...a.errors];
          acks = held.map(record => record.ack());
          stuck = false;
          a.listen();
          at(5_000, () => shares.push(a.has(), b.has()));
          at(6_000, append);
          at(8_000, () => (again = a.seen.length - held.length));
        });
      });
    });
    expect(errors).toMatchObject([{ name: 'StalledError' }]);
    expect(shares.map(list => list.length)).toEqual([0, 4, 2, 2]);
    expect(acks).not.toContain(true);
    expect(again).toBe(2);
  });

  it('joins again at once when the view is repeated at once', () => {
    let has: readonly number[] = [];
    inAGroup({ forMs: 60_000, partitions: 1 }, ({ consumer, append, at }) => {
      append();
      const reading = consumer({
        groupId: GROUP,
        ...CLASSIC,
        offsetReset: 'earliest',
        stall: { errorMs: 5_000 },
      }).subscribe(TOPIC);
      let last: readonly { partition: number }[] = [];
      reading.assignment.subscribe(({ partitions }) => (last = partitions));
      let times = 0;
      // As retry() does.
      const listen = (): void =>
        void reading.records.subscribe({
          next: record => times > 1 && record.ack(),
          error: () => ++times < 3 && listen(),
        });
      listen();
      at(20_000, () => (has = last.map(({ partition }) => partition)));
    });
    expect(has).toEqual([0]);
  });
});
