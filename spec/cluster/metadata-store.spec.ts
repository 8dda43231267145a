import { of, throwError } from 'rxjs';
import { AuthenticationError, ConnectionError } from '../../lib/errors';
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
  const asked: { readonly at: number; readonly names: readonly string[]; readonly mayCreate: boolean }[] = [];
  const broken = { error: undefined as unknown };
  const store = new MetadataStore({
    runtime: clock.runtime,
    backoff: { baseMs: 100, maxMs: 1_000 },
    maxAgeMs: 300_000,
    timeoutMs: 60_000,
    emit: () => undefined,
    ask: (names, mayCreate) => {
      asked.push({ at: clock.scheduler.frame, names, mayCreate });
      if (broken.error !== undefined) return throwError(() => broken.error);
      const brokers = [{ nodeId: 1, host: 'b', port: 1, rack: null }];
      const topics = names.map(name => topic(name, leaderOf(name)));
      return of({ clusterId: 'c', controllerId: 1, brokers, topics });
    },
    onBrokers: () => undefined,
  });
  return { clock, asked, broken, store };
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

describe('a request that may create topics', () => {
  // All names that were ever asked for went along: a topic that somebody had deleted came back, empty, as soon as the client
  // wrote to any other new one.
  it('is about no topic but those that somebody waits for', () => {
    const { clock, asked, store } = rig();
    watch(store.topics(['deleted meanwhile']));
    clock.advance(1_000);
    watch(store.topics(['new']));
    expect(asked.map(({ names, mayCreate }) => [mayCreate, ...names])).toEqual([
      [true, 'deleted meanwhile'],
      [true, 'new'],
    ]);
    clock.advance(300_000);
    expect(asked.slice(2).map(({ names, mayCreate }) => [mayCreate, ...names])).toEqual([
      [false, 'deleted meanwhile', 'new'],
    ]);
  });

  it('does not keep a refresh of the others waiting, however often it is made', () => {
    const { clock, asked, store } = rig(name => (name === 'known' ? 1 : -1));
    watch(store.topics(['known']));
    for (let i = 0; i < 50; i++) {
      watch(store.topics([`new ${i}`]));
      if (i === 10) store.refresh();
      clock.advance(100);
    }
    const refreshed = asked.filter(({ names, at }) => at >= 1_000 && names.includes('known'));
    expect(refreshed.length).toBeGreaterThan(0);
    expect(refreshed[0]!.at).toBeLessThanOrEqual(2_000);
  });

  it('that fails does not make the refresh of the others forgotten', () => {
    const { clock, asked, broken, store } = rig();
    watch(store.topics(['known']));
    broken.error = new ConnectionError({ host: 'b', port: 1 }, 'broken', 'gone');
    store.refresh();
    clock.advance(150);
    watch(store.topics(['new']));
    clock.advance(150);
    broken.error = undefined;
    const from = asked.length;
    clock.advance(5_000);
    expect(asked.slice(from).some(({ names }) => names.includes('known'))).toBe(true);
  });
});

describe('a refusal', () => {
  // Metadata that grew old was asked for all the same: eight refused logins in ten minutes from a client that did nothing.
  it('is not provoked again by itself, until a connection is let in', () => {
    const { clock, asked, broken, store } = rig();
    watch(store.topics(['t']));
    broken.error = new AuthenticationError('no');
    store.refresh();
    clock.advance(1_000);
    expect(asked.length).toBe(2);
    clock.advance(3_600_000);
    expect(asked.length).toBe(2);
    broken.error = undefined;
    store.admitted();
    clock.advance(1_000);
    expect(asked.length).toBe(3);
    clock.advance(300_000);
    expect(asked.length).toBe(4);
  });
});
