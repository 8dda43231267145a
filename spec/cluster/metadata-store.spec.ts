import { of } from 'rxjs';
import { MetadataStore } from '../../lib/cluster/metadata-store';
import type { MetadataAnswer } from '../../lib/cluster/metadata';
import { ManualClock } from '../support/manual-clock';
import { watch } from '../support/producer-rig';

function topic(name: string, leaderId: number): MetadataAnswer['topics'][number] {
  const partition = { errorCode: leaderId < 0 ? 5 : 0, partitionIndex: 0, leaderId, leaderEpoch: 1 };
  const partitions = [{ ...partition, replicaNodes: [1], isrNodes: [1] }];
  return { errorCode: 0, name, topicId: name.padEnd(22, '_'), isInternal: false, partitions };
}

function rig(leaderOf: (name: string) => number = () => 1) {
  const clock = new ManualClock();
  const asked: { readonly at: number; readonly names: readonly string[] }[] = [];
  const store = new MetadataStore({
    runtime: clock.runtime,
    backoff: { baseMs: 100, maxMs: 1_000 },
    maxAgeMs: 300_000,
    timeoutMs: 60_000,
    emit: () => undefined,
    ask: names => {
      asked.push({ at: clock.scheduler.frame, names });
      const brokers = [{ nodeId: 1, host: 'b', port: 1, rack: null }];
      const topics = names.map(name => topic(name, leaderOf(name)));
      return of({ clusterId: 'c', controllerId: 1, brokers, topics });
    },
    onBrokers: () => undefined,
  });
  return { clock, asked, store };
}

describe('the metadata store', () => {
  // All names are asked for together and for ever: one record with `topic: undefined` used to end every later refresh of
  // the client, and with it every producer and consumer.
  it.each([
    [undefined, 'TypeError'],
    [null, 'TypeError'],
    [42, 'TypeError'],
    [{}, 'TypeError'],
    ['', 'BrokerError'],
    ['x'.repeat(250), 'BrokerError'],
  ])('refuses a topic named %p by itself, and goes on with the others', (name, error) => {
    const { asked, store } = rig();
    expect(watch(store.topics([name as string])).error).toMatchObject({ name: error });
    expect(watch(store.topics(['good', name as string])).error).toMatchObject({ name: error });
    expect(watch(store.topics(['good'])).done).toBe(true);
    expect(asked.map(one => one.names)).toEqual([['good']]);
  });
});

describe('asking again and again', () => {
  /** Who cannot go on without a leader asks at every snapshot, as the producer does. */
  function insist(store: MetadataStore): void {
    store.snapshots.subscribe(() => store.refresh());
    watch(store.topics(['t']));
  }

  // Every answer made the producer ask again, 100 ms later: ten requests a second from every client, as long as a
  // partition had no leader.
  it('slows down to one request a second while a partition stays without leader', () => {
    const { clock, asked, store } = rig(() => -1);
    insist(store);
    clock.advance(10_000);
    const before = asked.length;
    clock.advance(10_000);
    expect(asked.length - before).toBeLessThanOrEqual(13);
    // An election takes a moment: the first answers come at the pace they always did.
    expect(asked.filter(one => one.at <= 500).length).toBeGreaterThanOrEqual(4);
  });

  it('is quick again once something has changed', () => {
    let leader = -1;
    const { clock, asked, store } = rig(() => leader);
    insist(store);
    clock.advance(10_000);
    leader = 1;
    clock.advance(1_100);
    const before = asked.length;
    clock.advance(400);
    expect(asked.length - before).toBeGreaterThanOrEqual(3);
  });
});
