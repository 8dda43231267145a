import { timer } from 'rxjs';
import { assignors } from '../../../lib/consumer/group/assignors/assignors';
import type { JournalEntry } from '../../../lib/testing/index';
import { GROUP, inAGroup, of } from './in-a-group';

/** Of requests that carry a member id: how many each member sent. */
function perMember(requests: readonly JournalEntry[]): number[] {
  const counts = new Map<string, number>();
  for (const { body } of requests) {
    const { memberId } = body as { memberId: string };
    if (memberId !== '') counts.set(memberId, (counts.get(memberId) ?? 0) + 1);
  }
  return [...counts.values()];
}

const EAGER = { assignors: [assignors.range], heartbeatIntervalMs: 200 };
const COOPERATIVE = { assignors: [assignors.cooperativeSticky], heartbeatIntervalMs: 200 };

describe('rounds of a classic group', () => {
  it('get one join of each member for a change, also of one whose heartbeats go on while it gives up (eager)', () => {
    let joins: number[] = [];
    let log: string[] = [];
    inAGroup({ forMs: 20_000 }, ({ member, append, at, asked, runtime, log: events }) => {
      // Used to join a second time: each heartbeat during the drain told of the round that it was preparing for.
      member('a', { ...EAGER, onRecord: record => timer(2_000, runtime.scheduler).subscribe(() => record.ack()) });
      at(4_900, append);
      at(5_000, () => member('b', EAGER));
      at(15_000, () => {
        joins = perMember(asked('JoinGroup'));
        log = of('a', events);
      });
    });
    expect(log.map(line => line.split(' ')[0])).toEqual([
      ...['assigning', 'assigned', 'revoking', 'revoked', 'assigning', 'assigned'],
    ]);
    expect(joins).toEqual([2, 1]);
  });

  it('E06 settle after a storm of 20 members, with at most one join of each for a change', () => {
    let shares: number[] = [];
    let joins = 0;
    let changes = 0;
    let settledAt = 0;
    inAGroup({ forMs: 30_000, partitions: 20 }, ({ member, at, asked, now, requests }) => {
      const members = Array.from({ length: 20 }, (_, i) => {
        const name = `m${i}`;
        return { name, startAt: 1_000 + i * 100, leaveAt: i % 2 === 0 ? 1_500 + i * 75 : Infinity };
      });
      const running: (() => readonly number[])[] = [];
      for (const { name, startAt, leaveAt } of members) {
        at(startAt, () => {
          const one = member(name, { ...COOPERATIVE, heartbeatIntervalMs: 300 });
          changes++;
          if (leaveAt === Infinity) running.push(one.has);
          else
            at(Math.max(0, leaveAt - now()), () => {
              changes++;
              one.consumer.close().subscribe();
            });
        });
      }
      at(25_000, () => {
        shares = running.map(has => has().length);
        joins = Math.max(...perMember(asked('JoinGroup')));
        settledAt = requests.filter(({ api }) => api === 'SyncGroup').at(-1)!.at;
      });
    });
    expect(shares).toEqual(Array(10).fill(2));
    expect(joins).toBeLessThanOrEqual(changes);
    expect(settledAt).toBeLessThan(3_000 + 5_000);
  });

  it('survive a coordinator that moves twice while they are on (C05): nobody loses what it keeps', () => {
    let log: string[] = [];
    let errors: unknown[] = [];
    let shares: number[] = [];
    let gap = 0;
    inAGroup({ forMs: 30_000, brokers: 3 }, ({ cluster, member, append, at, log: events }) => {
      for (let ms = 0; ms < 25_000; ms += 50) at(ms, append);
      const a = member('a', COOPERATIVE);
      cluster.moveCoordinator({ group: GROUP }, 1);
      at(5_000, () => {
        const b = member('b', COOPERATIVE);
        let moves = 0;
        cluster.requests.subscribe(({ api }) => {
          if (api === 'SyncGroup' && moves < 2) cluster.moveCoordinator({ group: GROUP }, 2 + moves++);
        });
        at(15_000, () => {
          log = of('a', events);
          errors = [...a.errors, ...b.errors];
          shares = [a.has().length, b.has().length];
          gap = Math.max(...a.seenAt.slice(1).map((when, i) => when - a.seenAt[i]!));
        });
      });
    });
    expect(shares).toEqual([2, 2]);
    expect(errors).toEqual([]);
    expect(log.filter(line => line.startsWith('lost'))).toEqual([]);
    expect(gap).toBeLessThan(1_000);
  });

  it('wait for a coordinator that loads its groups for 10 s (C05)', () => {
    let firstAt = 0;
    let errors: unknown[] = [];
    inAGroup({ forMs: 20_000 }, ({ cluster, member, append, at }) => {
      append();
      const loading = (['JoinGroup', 'SyncGroup', 'Heartbeat'] as const).map(api =>
        cluster.fault({ api }, { error: 'COORDINATOR_LOAD_IN_PROGRESS' }),
      );
      const a = member('a', COOPERATIVE);
      at(10_000, () => loading.forEach(one => one.unsubscribe()));
      at(15_000, () => {
        firstAt = a.seenAt[0]!;
        errors = a.errors;
      });
    });
    expect(errors).toEqual([]);
    expect(firstAt).toBeLessThan(11_200);
  });
});

describe('a member of a classic group that goes', () => {
  it.each([
    ['its join is held', 'JoinGroup'],
    ['its sync is held', 'SyncGroup'],
  ])('leaves at once while %s', (_, api) => {
    const phases: string[] = [];
    let lefts: unknown[] = [];
    let log: string[] = [];
    inAGroup({ forMs: 20_000 }, ({ cluster, member, at, now, asked, log: events }) => {
      const a = member('a', COOPERATIVE);
      at(2_000, () => {
        const held = cluster.fault({ api }, { delayMs: 60_000 });
        const b = member('b', COOPERATIVE);
        at(1_000, () => {
          held.unsubscribe();
          const from = now();
          b.consumer.close().subscribe({ complete: () => phases.push(`closed after ${now() - from}`) });
        });
        at(10_000, () => {
          lefts = asked('LeaveGroup');
          log = of('a', events);
          phases.push(`a has ${a.has().length}`);
        });
      });
    });
    expect(phases).toEqual(['closed after 0', 'a has 4']);
    expect(log.filter(line => line.startsWith('lost'))).toEqual([]);
    expect(lefts.length).toBeLessThanOrEqual(1);
  });

  it('is not lost to itself when a heartbeat falls due while it says goodbye', () => {
    let log: string[] = [];
    inAGroup({}, ({ cluster, member, at, log: events }) => {
      cluster.fault({ api: 'LeaveGroup' }, { delayMs: 900 });
      const a = member('a', COOPERATIVE);
      at(3_000, () => a.consumer.close().subscribe());
      at(6_000, () => (log = of('a', events)));
    });
    expect(log).toEqual(['assigning', 'assigned 0,1,2,3', 'revoking 0,1,2,3', 'revoked 0,1,2,3']);
  });

  it('while it gives up partitions to another: each step once, and its work is not cancelled', () => {
    let log: string[] = [];
    let shares: readonly number[] = [];
    const works: string[] = [];
    inAGroup({ forMs: 30_000 }, ({ member, at, now, runtime, log: events }) => {
      const a = member('a', {
        ...COOPERATIVE,
        onRebalance: event => {
          if (event.type !== 'revoking') return;
          const partitions = event.partitions.map(({ partition }) => partition).join();
          event.waitUntil(
            timer(2_000, runtime.scheduler).pipe(s => {
              s.subscribe({ complete: () => works.push(`${partitions} at ${now()}`) });
              return s;
            }),
          );
        },
      });
      at(5_000, () => {
        const b = member('b', COOPERATIVE);
        at(1_000, () => a.consumer.unsubscribe());
        at(15_000, () => {
          log = of('a', events);
          shares = b.has();
        });
      });
    });
    expect(log).toEqual([
      'assigning',
      'assigned 0,1,2,3',
      'assigning',
      'revoking 2,3',
      'assigned',
      'revoking 0,1',
      'revoked 2,3',
      'revoked 0,1',
    ]);
    expect(works.map(line => line.split(' ')[0])).toEqual(['2,3', '0,1']);
    expect(shares).toEqual([0, 1, 2, 3]);
  });
});

describe('what is lost', () => {
  it('is not waited for, committed or told as revoked, also when it was being given up', () => {
    let log: string[] = [];
    const phases: string[] = [];
    let commits = 0;
    inAGroup({ forMs: 40_000 }, ({ cluster, member, append, at, asked, log: events }) => {
      append();
      const a = member('a', { ...COOPERATIVE, onRecord: () => undefined });
      at(3_000, () => a.consumer.unsubscribe());
      at(5_000, () => cluster.fault({ api: 'Heartbeat', times: 1 }, { error: 'UNKNOWN_MEMBER_ID' }));
      at(7_000, () => {
        phases.push(a.phase());
        log = of('a', events);
        commits = asked('OffsetCommit').length;
      });
    });
    expect(log).toEqual(['assigning', 'assigned 0,1,2,3', 'revoking 0,1,2,3', 'lost 0,1,2,3']);
    expect(phases).toEqual(['idle']);
    expect(commits).toBe(0);
  });
});
