import { concatMap, defer, delay, ignoreElements, map, of, switchMap, take } from 'rxjs';
import { createCluster } from '../../lib/cluster/cluster';
import type { Cluster } from '../../lib/cluster/cluster';
import { resolveClientOptions } from '../../lib/options';
import type { KafkaOptions } from '../../lib/options';
import { tcpTransport } from '../../lib/network/tcp';
import { CreateTopics } from '../../lib/protocol/apis/create-topics';
import { OffsetFetch } from '../../lib/protocol/apis/offset-fetch';
import { realRuntime } from '../../lib/runtime';
import { EmbeddedCluster, runVirtual } from '../../lib/testing';
import type { VirtualHelpers } from '../../lib/testing';
import type { KafkaEventBody } from '../../lib/types';

interface Bench extends VirtualHelpers {
  readonly kafka: EmbeddedCluster;
  readonly made: Cluster;
  readonly events: KafkaEventBody[];
}

function run(
  work: (t: Bench) => void,
  options: Partial<KafkaOptions> & { readonly forMs?: number; readonly brokers?: never } = {},
  brokers = 3,
): void {
  const { forMs = 5_000, ...given } = options;
  runVirtual(
    t => {
      const kafka = new EmbeddedCluster({ brokers, runtime: t.runtime, topics: { t: 3 } });
      const events: KafkaEventBody[] = [];
      const made = createCluster(
        resolveClientOptions({ ...kafka.options, ...given }, { runtime: realRuntime, transport: tcpTransport }),
        event => events.push(event),
      );
      work({ ...t, kafka, made, events });
      t.runtime.scheduler.schedule(() => made.close(), forMs - 100);
    },
    { forMs, assertEqual: (actual, expected) => expect(actual).toEqual(expected) },
  );
}

describe('a cluster', () => {
  it('asks once for all topics that are wanted at the same time, and answers from the snapshot from then on', () => {
    const asked: unknown[] = [];
    run(({ kafka, made, cold, expectObservable }) => {
      kafka.requests.subscribe(
        ({ api, body }) =>
          api === 'Metadata' && asked.push((body as { topics: { name: string }[] }).topics.map(one => one.name)),
      );
      const leaders = made.topics(['t']).pipe(map(snapshot => snapshot.topics.get('t')?.partitions.length));
      expectObservable(cold('a-b-(c|)').pipe(concatMap(() => leaders))).toBe('a-b-(c|)', { a: 3, b: 3, c: 3 });
    });
    expect(asked).toEqual([['t']]);
  });

  it('says what is wrong with a topic as data, and asks again when asked again', () => {
    run(({ kafka, made, expectObservable, runtime }) => {
      const quiet = new EmbeddedCluster({ runtime, autoCreateTopics: false });
      void kafka;
      const other = createCluster(
        resolveClientOptions(quiet.options, { runtime: realRuntime, transport: tcpTransport }),
        () => undefined,
      );
      runtime.scheduler.schedule(() => quiet.createTopic('late', 2), 1_000);
      const errorCode = other.topics(['late']).pipe(map(snapshot => snapshot.topics.get('late')?.errorCode));
      expectObservable(
        of(0, 1_500).pipe(
          concatMap(ms =>
            of(0).pipe(
              delay(ms, runtime.scheduler),
              switchMap(() => errorCode),
            ),
          ),
          take(2),
        ),
      ).toBe('a 1499ms (b|)', { a: 3, b: 0 });
      made.close();
    });
  });

  it('reaches the cluster through the one bootstrap address that lives', () => {
    run(({ kafka, made, expectObservable }) => {
      kafka.stop(1);
      kafka.stop(2);
      expectObservable(made.topics(['t']).pipe(map(snapshot => [...snapshot.brokers.keys()]))).toBe('(a|)', { a: [3] });
    });
  });

  it('keeps asking while no broker answers, with growing pauses, and ends with the last reason', () => {
    const retries: number[] = [];
    run(
      ({ kafka, made, expectObservable, events, runtime }) => {
        for (const broker of [1, 2, 3]) kafka.stop(broker);
        expectObservable(made.topics(['t'])).toBe(
          '2s #',
          {},
          expect.objectContaining({
            name: 'ConnectionError',
            reason: 'broken',
            message: expect.stringContaining('embedded-'),
          }),
        );
        runtime.scheduler.schedule(() => retries.push(events.filter(event => event.type === 'retry').length), 2_000);
      },
      { requestTimeoutMs: 1_000 },
    );
    expect(retries[0]).toBeGreaterThanOrEqual(3);
    expect(retries[0]).toBeLessThanOrEqual(8);
  });

  it('asks the bootstrap addresses again when every broker it knew is gone', () => {
    run(({ kafka, made, events, runtime, expectObservable }) => {
      const names = made.topics(['t']).pipe(map(snapshot => snapshot.brokers.size));
      runtime.scheduler.schedule(() => [1, 2, 3].forEach(broker => kafka.stop(broker)), 100);
      runtime.scheduler.schedule(() => [1, 2, 3].forEach(broker => kafka.start(broker)), 1_000);
      const later = of(0).pipe(
        delay(500, runtime.scheduler),
        switchMap(() =>
          made.request(
            CreateTopics,
            { topics: [{ name: 'n', numPartitions: 1, replicationFactor: 1 }] },
            { route: 'controller' },
          ),
        ),
        map(response => response.topics[0]?.errorCode),
        take(1),
      );
      expectObservable(names).toBe('(a|)', { a: 3 });
      let answered: number | undefined;
      later.subscribe(code => (answered = code));
      runtime.scheduler.schedule(() => {
        expect(answered).toBe(0);
        expect(events.some(event => event.type === 'rebootstrap')).toBe(true);
      }, 4_500);
    });
  });

  it('finds a coordinator once for callers at the same time, and again after it moved', () => {
    const finds: number[] = [];
    run(({ kafka, made, runtime }) => {
      kafka.requests.subscribe(({ api, at }) => api === 'FindCoordinator' && finds.push(at));
      const ask = made.request(
        OffsetFetch,
        version =>
          ({
            groups: [{ groupId: 'g', topics: null }],
            ...(version < 8 ? { groupId: 'g', topics: null } : {}),
          }) as never,
        {
          route: { group: 'g' },
          errorsOf: response => response.groups.map(group => group.errorCode),
        },
      );
      const codes: (number | undefined)[] = [];
      ask.subscribe(response => codes.push(response.groups[0]?.errorCode));
      ask.subscribe(response => codes.push(response.groups[0]?.errorCode));
      runtime.scheduler.schedule(() => {
        const now = finds.length;
        expect(now).toBe(1);
        // Whoever it was, both others are not.
        kafka.moveCoordinator({ group: 'g' }, 1);
        kafka.moveCoordinator({ group: 'g' }, 2);
        ask.subscribe(response => codes.push(response.groups[0]?.errorCode));
      }, 1_000);
      runtime.scheduler.schedule(() => expect(codes).toEqual([0, 0, 0]), 3_000);
    });
    expect(finds.length).toBeLessThanOrEqual(2);
  });

  it('opens a connection per purpose and owner, and connects again by itself after a loss', () => {
    run(({ kafka, made, runtime, events }) => {
      const open = (owner: string, purpose: 'fetch' | 'produce') =>
        made.topics([]).pipe(switchMap(() => made.connection(2, owner, purpose)));
      open('consumer-1', 'fetch').subscribe();
      open('producer-1', 'produce').subscribe();
      let states: (readonly [string, string, number])[] = [];
      made.connections.subscribe(list => (states = list.map(one => [one.owner, one.state, one.generation])));
      runtime.scheduler.schedule(() => kafka.disconnect(2), 500);
      runtime.scheduler.schedule(() => {
        expect(states).toContainEqual(['consumer-1', 'connected', 2]);
        expect(states).toContainEqual(['producer-1', 'connected', 2]);
        expect(
          events.filter(
            event => event.type === 'disconnected' && event.reason === 'broken' && event.connection.broker.nodeId === 2,
          ).length,
        ).toBeGreaterThanOrEqual(2);
        made.release('consumer-1');
        expect(states.map(([owner]) => owner)).not.toContain('consumer-1');
      }, 1_000);
    });
  });

  it('backs off from a dead broker by itself: at most the formula, never a storm', () => {
    let attempts = 0;
    run(({ kafka, made, runtime, events }) => {
      made
        .topics([])
        .pipe(switchMap(() => made.connection(2, 'c', 'fetch')))
        .subscribe();
      runtime.scheduler.schedule(() => {
        kafka.fault({ broker: 2, api: 'ApiVersions' }, { cutAfterBytes: 0 });
        kafka.disconnect(2);
      }, 500);
      runtime.scheduler.schedule(() => {
        attempts = events.filter(event => event.type === 'disconnected' && event.connection.broker.nodeId === 2).length;
      }, 4_500);
    });
    // 50, 100, 200, 400, 800 ms, then one a second.
    expect(attempts).toBeGreaterThanOrEqual(6);
    expect(attempts).toBeLessThanOrEqual(14);
  });

  it('ends everything that waits when it is closed, and refuses what comes later', () => {
    run(({ kafka, made, expectObservable, runtime }) => {
      for (const broker of [1, 2, 3]) kafka.stop(broker);
      runtime.scheduler.schedule(() => made.close(), 300);
      expectObservable(made.topics(['t'])).toBe('300ms #', {}, expect.objectContaining({ name: 'ClosedError' }));
      expectObservable(
        of(0).pipe(
          delay(400, runtime.scheduler),
          switchMap(() => defer(() => made.topics(['t']))),
        ),
      ).toBe('400ms #', {}, expect.objectContaining({ name: 'ClosedError' }));
      expectObservable(made.connections.pipe(ignoreElements())).toBe('300ms |');
    });
  });
});
