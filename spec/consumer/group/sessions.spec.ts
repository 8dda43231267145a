import { print } from '../../support/print';
import { FreezableProcess } from '../../support/freezable-process';
import { GROUP, inAGroup } from './in-a-group';

const SESSION_MS = 6_000;
const BEATS = {
  configs: {
    'group.consumer.heartbeat.interval.ms': '1000',
    'group.consumer.session.timeout.ms': `${SESSION_MS}`,
  },
};
const options = (groupProtocol: 'classic' | 'consumer') => ({
  groupProtocol,
  sessionTimeoutMs: SESSION_MS,
  heartbeatIntervalMs: 1_000,
});

describe.each(['classic', 'consumer'] as const)('a session (%s)', groupProtocol => {
  it('A25 that ran out while the client was frozen is noticed before anything is delivered or committed', () => {
    const seenBefore: number[] = [];
    let doings: string[] = [];
    let first: string | undefined;
    let backAfter = -1;
    inAGroup({ forMs: 120_000, ...BEATS }, ({ cluster, runtime, member, append, at, now, log, requests }) => {
      const process = new FreezableProcess(runtime);
      for (let ms = 0; ms < 100_000; ms += 250) at(ms, append);
      const a = member('a', {
        ...options(groupProtocol),
        apart: process,
        window: { records: 8 },
        onRecord: record => runtime.scheduler.schedule(() => record.ack(), 20),
      });
      const b = member('b', options(groupProtocol));
      at(20_000, () => process.freeze());
      at(80_000, () => {
        const thawedAt = now();
        seenBefore.push(a.seen.length, b.has().length);
        process.thaw();
        const events = log.length;
        const answered = requests.length;
        const watching = runtime.scheduler.schedule(function () {
          if (first === undefined && a.seen.length > seenBefore[0]!) first = log[events] ?? 'a record';
          if (
            backAfter < 0 &&
            a.phase() === 'active' &&
            log.slice(events).some(line => line.startsWith('a lost')) &&
            a.has().length === 2
          )
            backAfter = now() - thawedAt;
          this.schedule(undefined, 5);
        }, 5);
        at(6_000, () => {
          watching.unsubscribe();
          doings = requests
            .slice(answered)
            .filter(({ api }) => api === 'OffsetCommit')
            .map(({ body }) => (body as { generationIdOrMemberEpoch: number }).generationIdOrMemberEpoch)
            .map(String);
          void cluster;
        });
      });
    });
    // The other had it all; nothing was given to the one that woke up before it heard that.
    expect(seenBefore[1]).toBe(4);
    expect(first).toMatch(/^a lost/);
    expect(new Set(doings).size).toBeGreaterThan(0);
    expect(backAfter).toBeGreaterThanOrEqual(0);
    expect(backAfter).toBeLessThanOrEqual(4_000);
    print(`A25 (${groupProtocol}, in virtual time): member again ${backAfter} ms after 60 s frozen`);
  });

  it('E01 of a member that was killed ends, and others take its partitions over within session + 1 s', () => {
    let after = -1;
    let repeats = 0;
    inAGroup({ forMs: 60_000, ...BEATS }, ({ cluster, member, append, at, now, runtime }) => {
      for (let ms = 0; ms < 50_000; ms += 100) at(ms, append);
      const a = member('a', { ...options(groupProtocol), apart: true, commit: { everyMs: 500 } });
      const b = member('b', options(groupProtocol));
      at(20_000, () => {
        const from = now();
        a.kill();
        const committed = new Map(cluster.committed(GROUP).map(({ partition, offset }) => [partition, offset]));
        const watching = runtime.scheduler.schedule(function () {
          if (b.has().length === 4) after = now() - from;
          else this.schedule(undefined, 10);
        }, 10);
        at(30_000, () => {
          watching.unsubscribe();
          const seen = new Set(a.seen);
          repeats = b.seen.filter(one => seen.has(one)).length;
          const uncommitted = a.seen.filter(one => {
            const [partition, offset] = one.split(':').map(Number) as [number, number];
            return offset >= Number(committed.get(partition) ?? 0n);
          }).length;
          expect(repeats).toBeLessThanOrEqual(uncommitted);
        });
      });
    });
    expect(after).toBeGreaterThan(0);
    expect(after).toBeLessThanOrEqual(SESSION_MS + 1_000);
    print(`E01 (${groupProtocol}, in virtual time): taken over after ${after} ms, ${repeats} records again`);
  });

  it('E03 of a static member outlives it: five bounces, and nobody else notices', () => {
    let log: string[] = [];
    const shares: number[] = [];
    let leaves = 0;
    const errors: unknown[] = [];
    inAGroup({ forMs: 60_000, ...BEATS }, ({ member, at, log: events, asked, now }) => {
      const b = member('b', { ...options(groupProtocol), groupInstanceId: 'b' });
      const bounce = (left: number) => {
        const a = member('a', { ...options(groupProtocol), groupInstanceId: 'a' });
        at(5_000, () => {
          errors.push(...a.errors);
          shares.push(a.has().length, b.has().length);
          if (left === 0) return;
          a.consumer.close().subscribe(() => at(2_000, () => bounce(left - 1)));
        });
      };
      bounce(5);
      at(6_000, () => (events.length = 0));
      at(50_000, () => {
        log = events.filter(line => line.startsWith('b '));
        leaves = asked('LeaveGroup').length;
      });
      void now;
    });
    expect(errors).toEqual([]);
    expect(shares).toEqual(Array(12).fill(2));
    expect(log).toEqual([]);
    expect(leaves).toBe(0);
  });
});

describe('a session (classic)', () => {
  it('E03 is taken over by whoever comes with the same instance id; the old one is fenced', () => {
    let errors: any[] = [];
    let shares: number[] = [];
    inAGroup({ forMs: 30_000 }, ({ member, at }) => {
      const a = member('a', { ...options('classic'), groupInstanceId: 'i' });
      at(5_000, () => {
        const b = member('b', { ...options('classic'), groupInstanceId: 'i' });
        at(10_000, () => {
          errors = [...a.errors];
          shares = [a.has().length, b.has().length];
        });
      });
    });
    expect(errors).toMatchObject([{ name: 'FencedError' }]);
    expect(errors[0].message).toContain('groupInstanceId i');
    expect(shares).toEqual([0, 4]);
  });

  it.each(
    ['JoinGroup', 'SyncGroup', 'Heartbeat'].flatMap(api => [
      [api, 'cut', { cutAfterBytes: 2 }] as const,
      // Nothing comes over this connection any more; another takes its place once that is noticed.
      [api, 'silent', { drop: 'response' }] as const,
    ]),
  )(
    'E07 is the same one when the answer to %s is lost on a connection that is %s, and leaves no ghost behind',
    (api, how, effect) => {
      let shares: number[] = [];
      let ids: string[] = [];
      let lost: string[] = [];
      const errors: unknown[] = [];
      inAGroup({ forMs: 60_000 }, ({ cluster, member, at, log, asked }) => {
        const a = member('a', { ...options('classic'), rebalanceTimeoutMs: 10_000 });
        at(3_000, () => {
          cluster.fault({ api, nth: api === 'JoinGroup' ? 2 : 1, times: 1 }, effect);
          const b = member('b', { ...options('classic'), rebalanceTimeoutMs: 10_000 });
          at(how === 'cut' ? 3_000 : 45_000, () => {
            shares = [a.has().length, b.has().length];
            lost = log.filter(line => line.includes('lost'));
            errors.push(...a.errors, ...b.errors);
            ids = [...new Set(asked('SyncGroup').map(({ body }) => (body as { memberId: string }).memberId))];
          });
        });
      });
      expect(errors).toEqual([]);
      expect(shares).toEqual([2, 2]);
      // Who does not hear of the round in time is put out of the group, and comes back as somebody else.
      expect(ids.length).toBeLessThanOrEqual(how === 'cut' ? 2 : 3);
      expect(lost).toEqual([]);
    },
  );
});
