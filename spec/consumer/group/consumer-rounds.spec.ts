import { timer } from 'rxjs';
import { inAGroup, of } from './in-a-group';

const KIP_848 = { groupProtocol: 'consumer' } as const;
const BEATS = {
  configs: {
    'group.consumer.heartbeat.interval.ms': '500',
    'group.consumer.session.timeout.ms': '4500',
  },
};
const HEARTBEAT = 'ConsumerGroupHeartbeat';

describe('a member of a KIP-848 group', () => {
  it('keeps its partitions when the answer that moved it to another epoch is lost', () => {
    let log: string[] = [];
    let shares: number[] = [];
    let ids = 0;
    inAGroup({ forMs: 20_000, ...BEATS }, ({ cluster, member, append, at, asked, log: events }) => {
      for (let ms = 0; ms < 18_000; ms += 100) at(ms, append);
      const a = member('a', KIP_848);
      at(3_000, () => {
        const b = member('b', KIP_848);
        // Used to be fenced: it repeated what it had said, which is too little for one whom the broker takes for further on.
        cluster.fault({ api: HEARTBEAT, nth: 3, times: 1 }, { cutAfterBytes: 0 });
        cluster.fault({ api: HEARTBEAT, nth: 6, times: 1 }, { cutAfterBytes: 3 });
        cluster.fault({ api: HEARTBEAT, nth: 9, times: 1 }, { cutAfterBytes: 3 });
        at(10_000, () => {
          log = of('a', events);
          shares = [a.has().length, b.has().length];
          ids = new Set(asked(HEARTBEAT).map(({ body }) => (body as { memberId: string }).memberId)).size;
        });
      });
    });
    expect(log.filter(line => line.startsWith('lost'))).toEqual([]);
    expect(shares).toEqual([2, 2]);
    expect(ids).toBe(2);
  });

  it('says that it owns what it still drains, also when it has to tell everything again', () => {
    const overlaps: string[] = [];
    let gave: number | undefined;
    inAGroup({ forMs: 20_000, ...BEATS }, ({ cluster, member, at, now, runtime }) => {
      const a = member('a', {
        ...KIP_848,
        onRebalance: event => {
          if (event.type !== 'revoking') return;
          // An error that makes it tell all: used to tell nothing of what was not free yet.
          cluster.fault({ api: HEARTBEAT, times: 1 }, { error: 'COORDINATOR_LOAD_IN_PROGRESS' });
          event.waitUntil(timer(3_000, runtime.scheduler));
        },
      });
      a.consumer.rebalances.subscribe(({ type }) => type === 'revoked' && (gave = now()));
      at(3_000, () => {
        const b = member('b', KIP_848);
        b.consumer.rebalances.subscribe(({ type, partitions }) => {
          if (type === 'assigned' && partitions.length > 0 && gave === undefined) overlaps.push(`at ${now()}`);
        });
      });
    });
    expect(gave).toBeGreaterThan(6_000);
    expect(overlaps).toEqual([]);
  });

  it('leaves also when the answer to its joining has not come', () => {
    let epochs: number[] = [];
    inAGroup({ ...BEATS }, ({ cluster, member, at, asked }) => {
      const held = cluster.fault({ api: HEARTBEAT, times: 1 }, { delayMs: 3_000 });
      const a = member('a', KIP_848);
      at(1_000, () => {
        held.unsubscribe();
        a.consumer.close().subscribe();
      });
      at(8_000, () => (epochs = asked(HEARTBEAT).map(({ body }) => (body as { memberEpoch: number }).memberEpoch)));
    });
    expect(epochs).toEqual([0, -1]);
  });

  it.each(['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID'])('E14 is back within 3 s under the same id after %s', error => {
    let log: string[] = [];
    let ids = 0;
    let shares: number[] = [];
    let backAfter = -1;
    inAGroup({ forMs: 20_000, ...BEATS }, ({ cluster, member, append, at, now, asked, log: events }) => {
      for (let ms = 0; ms < 18_000; ms += 100) at(ms, append);
      const a = member('a', KIP_848);
      const b = member('b', KIP_848);
      at(5_000, () => {
        const from = now();
        let lost = false;
        for (const one of [a, b])
          one.consumer.rebalances.subscribe(({ type, partitions }) => {
            if (type === 'lost') lost = true;
            if (lost && type === 'assigned' && partitions.length > 0) backAfter = now() - from;
          });
        cluster.fault({ api: HEARTBEAT, times: 1 }, { error });
      });
      at(12_000, () => {
        log = events.filter(line => line.includes('lost'));
        shares = [a.has().length, b.has().length];
        ids = new Set(asked(HEARTBEAT).map(({ body }) => (body as { memberId: string }).memberId)).size;
      });
    });
    expect(log.length).toBe(1);
    expect(shares).toEqual([2, 2]);
    expect(ids).toBe(2);
    expect(backAfter).toBeGreaterThanOrEqual(0);
    expect(backAfter).toBeLessThan(3_000);
  });

  it('E14 repeats its goodbye when it is lost, and is no ghost', () => {
    let epochs: number[] = [];
    let shares: number[] = [];
    inAGroup({ forMs: 20_000, ...BEATS }, ({ cluster, member, at, asked }) => {
      const a = member('a', KIP_848);
      const b = member('b', KIP_848);
      at(4_000, () => {
        cluster.fault({ api: HEARTBEAT, nth: 1, times: 1 }, { error: 'COORDINATOR_LOAD_IN_PROGRESS' });
        a.consumer.close().subscribe();
      });
      at(6_000, () => {
        shares = [b.has().length];
        epochs = asked(HEARTBEAT).map(({ body }) => (body as { memberEpoch: number }).memberEpoch);
      });
    });
    expect(epochs.filter(epoch => epoch === -1)).toEqual([-1, -1]);
    expect(shares).toEqual([4]);
  });

  it('asks again for topics that the broker gave it and that it does not know yet', () => {
    let seen: string[] = [];
    inAGroup({ forMs: 30_000, ...BEATS, topics: {} }, ({ cluster, member, at }) => {
      const a = member('a', { ...KIP_848, topics: ['later'] });
      // The broker that answers for metadata is behind the coordinator.
      at(2_000, () => {
        const stale = cluster.fault({ api: 'Metadata' }, { error: 'UNKNOWN_TOPIC_OR_PARTITION' });
        cluster.createTopic('later', 2);
        cluster.append('later', 0, [{ value: 'x' }]);
        at(8_000, () => stale.unsubscribe());
      });
      at(20_000, () => (seen = a.seen));
    });
    expect(seen).toEqual(['0:0']);
  });

  it('is refused by a group of the other protocol, with one error', () => {
    let errors: any[] = [];
    let asked = 0;
    inAGroup({ forMs: 20_000, ...BEATS }, ({ member, at, asked: requests }) => {
      member('a', { heartbeatIntervalMs: 500 });
      at(2_000, () => {
        const b = member('b', KIP_848);
        at(10_000, () => {
          errors = [...b.errors];
          asked = requests(HEARTBEAT).length;
        });
      });
    });
    expect(errors).toMatchObject([{ name: 'BrokerError', error: 'GROUP_ID_NOT_FOUND' }]);
    expect(asked).toBe(1);
  });

  it('waits for its former self to be let go of, and takes its place', () => {
    let errors: unknown[] = [];
    const shares: number[] = [];
    inAGroup({ forMs: 30_000, ...BEATS }, ({ member, at }) => {
      const a = member('a', { ...KIP_848, groupInstanceId: 'i', apart: true });
      at(3_000, () => a.kill());
      at(4_000, () => {
        const b = member('b', { ...KIP_848, groupInstanceId: 'i' });
        at(1_000, () => shares.push(b.has().length));
        at(10_000, () => shares.push(b.has().length));
        at(10_000, () => (errors = [...b.errors]));
      });
    });
    expect(errors).toEqual([]);
    expect(shares).toEqual([0, 4]);
  });

  it('is refused for good when another process has its instance id', () => {
    let errors: any[] = [];
    inAGroup({ forMs: 90_000, ...BEATS }, ({ member, at }) => {
      member('a', { ...KIP_848, groupInstanceId: 'i' });
      at(3_000, () => {
        const b = member('b', { ...KIP_848, groupInstanceId: 'i' });
        at(80_000, () => (errors = [...b.errors]));
      });
    });
    expect(errors).toMatchObject([{ name: 'FencedError' }]);
  });
});
