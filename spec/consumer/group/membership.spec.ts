import { GROUP, inAGroup, of, TOPIC } from './in-a-group';

describe.each(['classic', 'consumer'] as const)('a member (%s)', groupProtocol => {
  const beats = { configs: { 'group.consumer.heartbeat.interval.ms': '500' } };
  const options = { groupProtocol, heartbeatIntervalMs: 500 };
  const joins = groupProtocol === 'classic' ? 'JoinGroup' : 'ConsumerGroupHeartbeat';

  it('joins with the first view, reads what the group gives it, commits and leaves on close', () => {
    let committed: unknown;
    const log: string[] = [];
    let seen: string[] = [];
    inAGroup({ partitions: 2, ...beats }, ({ cluster, member, append, at, now, requests, log: events }) => {
      append();
      const one = member('a', options);
      at(2_000, () => (seen = [...one.seen].sort()));
      at(4_000, () => {
        one.consumer.close().subscribe({ complete: () => log.push(`closed at ${now()}`) });
      });
      at(4_100, () => (committed = cluster.committed(GROUP)));
      at(9_000, () => log.push(`${requests.filter(({ at: when }) => when > 4_100).length} requests later`));
      at(9_000, () => log.push(...of('a', events)));
    });
    expect(seen).toEqual(['0:0', '1:0']);
    expect(committed).toEqual([
      { topic: TOPIC, partition: 0, offset: 1n },
      { topic: TOPIC, partition: 1, offset: 1n },
    ]);
    expect(log).toEqual([
      'closed at 4000',
      '0 requests later',
      'assigning',
      'assigned 0,1',
      'revoking 0,1',
      'revoked 0,1',
    ]);
  });

  it('shares with others who come and go: each record once, and no pause for what it keeps', () => {
    const seen: string[] = [];
    let shares: number[] = [];
    inAGroup({ forMs: 20_000, ...beats }, ({ member, append, at }) => {
      for (let ms = 0; ms < 18_000; ms += 100) at(ms, append);
      const a = member('a', options);
      at(5_000, () => {
        const b = member('b', options);
        at(5_000, () => (shares = [a.has().length, b.has().length]));
        at(7_000, () => a.consumer.close().subscribe());
        at(14_000, () => seen.push(...a.seen, ...b.seen));
      });
    });
    expect(shares).toEqual([2, 2]);
    expect(new Set(seen).size).toBe(4 * 180);
    expect(seen.length).toBe(4 * 180);
  });

  it('is a member no longer once nobody has listened for idleLeaveMs; a view before that changes nothing', () => {
    const counts: number[] = [];
    const phases: string[] = [];
    inAGroup({ forMs: 30_000, partitions: 1, ...beats }, ({ member, at, asked, append }) => {
      const a = member('a', { ...options, idleLeaveMs: 1_000 });
      const settled = () =>
        counts.push(asked('JoinGroup').length, asked('SyncGroup').length, asked('LeaveGroup').length);
      at(5_000, settled);
      // As `retry`, `repeat` and `switchMap` over a view do.
      for (let ms = 6_000; ms < 10_000; ms += 500) {
        at(ms, () => a.view.unsubscribe());
        at(ms + 400, () => a.listen());
        at(ms + 100, append);
      }
      at(12_000, () => {
        settled();
        phases.push(a.phase(), a.seen.at(-1)!);
        a.view.unsubscribe();
      });
      at(14_000, () => phases.push(a.phase()));
      at(15_000, () => a.listen());
      at(17_000, () => phases.push(a.phase()));
    });
    expect(counts.slice(3)).toEqual(counts.slice(0, 3));
    expect(phases).toEqual(['active', '0:7', 'joining', 'active']);
  });

  it('does not join for a view that left before the topic was known', () => {
    const asked: number[] = [];
    inAGroup({ forMs: 20_000 }, ({ cluster, member, at, asked: requests }) => {
      cluster.fault({ api: 'Metadata', times: 1 }, { delayMs: 2_000 });
      const a = member('a', { ...options, idleLeaveMs: 500 });
      at(100, () => a.view.unsubscribe());
      at(15_000, () => asked.push(requests(joins).length));
    });
    expect(asked).toEqual([0]);
  });
});
