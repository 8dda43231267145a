/**
 * `consumer.assign`: where it starts, what it commits, where it ends, and that no group ever hears of it.
 *
 *   npm run test:live -- --testPathPatterns assign
 */
import { Kafka as KafkaJs, logLevel } from 'kafkajs';
import {
  concatMap,
  filter,
  firstValueFrom,
  ignoreElements,
  map,
  merge,
  Subject,
  take,
  takeUntil,
  takeWhile,
  tap,
  toArray,
} from 'rxjs';
import type { Consumer, ConsumerRecord, Kafka } from '../../lib';
import { InvalidStateError } from '../../lib';
import type { AssignChildInput, AssignChildReport } from '../support/assign-child';
import { startChild, type Child } from '../support/child';
import { describeClusters } from '../support/clusters';
import { liveClients } from '../support/live-clients';
import { allWithin, within } from '../support/within';

const PATIENCE_MS = 20_000;
/** A process starts, and TypeScript is compiled in it. */
const CHILD_MS = 30_000;
const T = 1_700_000_000_000;
const GROUP_REQUESTS = ['JoinGroup', 'SyncGroup', 'Heartbeat', 'LeaveGroup', 'ConsumerGroupHeartbeat'];

describeClusters('partitions assigned by hand', cluster => {
  const clients = liveClients(cluster);
  const children = new Set<Child>();
  const apis = new Set<string>();
  const left = new Subject<void>();
  beforeAll(() => {
    cluster.embedded?.requests.pipe(takeUntil(left)).subscribe(({ api }) => apis.add(api));
  });
  afterAll(() => left.next());
  afterEach(async () => {
    for (const child of children) await child.kill();
    children.clear();
  });

  const filled = async (kafka: Kafka, partitions: number, each: number) => {
    const topic = await clients.topic('assigned', partitions);
    const records = Array.from({ length: partitions * each }, (_, i) => ({
      topic,
      partition: i % partitions,
      value: `${Math.floor(i / partitions)}`,
      timestamp: T + 1_000 * Math.floor(i / partitions),
    }));
    await within(PATIENCE_MS, 'stored', kafka.producer().send(records));
    return topic;
  };
  const run = (input: Omit<AssignChildInput, 'brokers'>) => {
    const child = startChild('assign-child.ts', { ...input, brokers: cluster.brokers });
    children.add(child);
    return child;
  };
  /** What the cluster itself has stored for a group: asked without our client. */
  const committedIn = async (groupId: string, topic: string): Promise<number[]> => {
    const offsets: number[] = [];
    await withKafkaJs(cluster.brokers, async admin => {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      for (const { partition, offset } of found!.partitions) offsets[partition] = Number(offset);
    });
    return offsets;
  };

  it('are resumed by a second process exactly after the last acked record, when the first one was killed', async () => {
    const topic = await filled(clients.kafka(), 3, 60);
    const groupId = cluster.uniqueName('killed');
    const task = { groupId, topic, partitions: 3 };

    const first = run({ ...task, ackBelow: 37, read: 50, then: 'hang' });
    const reported = await first.report<AssignChildReport>(CHILD_MS);
    await first.kill();
    const second = run({ ...task, ackBelow: 0, read: 1, then: 'close' });
    const resumed = await second.report<AssignChildReport>(CHILD_MS);

    expect(reported).toEqual({ first: [0, 0, 0], committed: [37, 37, 37] });
    expect(resumed.first).toEqual([37, 37, 37]);
    expect(await second.ended).toBe(0);
  });

  it('are resumed at the first record without an ack, whatever was acked behind it', async () => {
    const topic = await filled(clients.kafka(), 2, 40);
    const groupId = cluster.uniqueName('hole');
    const task = { groupId, topic, partitions: 2 };

    const first = run({ ...task, ackBelow: 30, hole: 11, read: 35, then: 'close' });
    await first.report<AssignChildReport>(CHILD_MS);
    expect(await first.ended).toBe(0);
    const second = run({ ...task, ackBelow: 0, read: 1, then: 'close' });

    expect((await second.report<AssignChildReport>(CHILD_MS)).first).toEqual([11, 11]);
    expect(await committedIn(groupId, topic)).toEqual([11, 11]);
  });

  it('commit what was acked by themselves, and once more on close', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 1, 30);
    const groupId = cluster.uniqueName('by-itself');
    const consumer = kafka.consumer({ groupId, commit: { everyRecords: 10, everyMs: 60_000 } });
    const committed = firstValueFrom(consumer.commits);
    const reading = consumer
      .assign([{ topic, partition: 0, offset: 'earliest' }])
      .records.pipe(tap(record => record.offset < 25n && record.ack()))
      .subscribe();

    const [offset] = await committed;
    expect(offset!.offset).toBeGreaterThanOrEqual(10n);
    await within(PATIENCE_MS, 'closed', consumer.close({ drainMs: 500 }));
    reading.unsubscribe();

    expect(await committedIn(groupId, topic)).toEqual([25]);
  });

  it('cannot be committed without a group, and say so', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 1, 1);
    const consumer = kafka.consumer().assign([{ topic, partition: 0, offset: 'earliest' }]);

    const error = await within(PATIENCE_MS, 'an error', consumer.commit()).catch((error: unknown) => error);

    expect(error).toBeInstanceOf(InvalidStateError);
    expect(String(error)).toMatch(/groupId/);
  });

  it('start at the earliest record, the latest, an offset, a time, and at what was committed', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 1, 20);
    const groupId = cluster.uniqueName('positions');
    const from = async (offset: Parameters<typeof startAt>[2]) => startAt(kafka.consumer({ groupId }), topic, offset);

    const consumer = kafka.consumer({ groupId }).assign([{ topic, partition: 0 }]);
    await within(PATIENCE_MS, 'committed', consumer.commit([{ topic, partition: 0, offset: 14n }]));

    expect(await from('earliest')).toBe(0n);
    expect(await from(7n)).toBe(7n);
    expect(await from({ timestamp: T + 4_500 })).toBe(5n);
    expect(await from('committed')).toBe(14n);
    expect(await from(undefined)).toBe(14n);
    // Latest: nothing that is there, but what comes then.
    const late = kafka.consumer();
    const next = firstValueFrom(late.assign([{ topic, partition: 0, offset: 'latest' }]).records);
    await until(late, topic, position => position === 20n);
    await within(PATIENCE_MS, 'stored', kafka.producer().send({ topic, partition: 0, value: 'new' }));
    expect((await next).offset).toBe(20n);
  });

  it('without a committed offset fall back to offsetReset', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 1, 5);
    const consumer = kafka.consumer({ groupId: cluster.uniqueName('none'), offsetReset: 'earliest' });

    expect(await startAt(consumer, topic, 'committed')).toBe(0n);
  });

  it('end at an offset, a time or the present end, and complete the view', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 3, 20);

    const replay = kafka.consumer().assign([
      { topic, partition: 0, offset: 5n, until: 8n },
      { topic, partition: 1, offset: 'earliest', until: { timestamp: T + 3_000 } },
      { topic, partition: 2, offset: 18n, until: 'latest' },
    ]);
    const places = await allWithin(PATIENCE_MS, 'the replay', replay.records.pipe(map(placeOf)));

    expect(places.sort()).toEqual(['0:5', '0:6', '0:7', '1:0', '1:1', '1:2', '2:18', '2:19']);
  });

  it('complete at once where there is nothing to read before the end', async () => {
    const kafka = clients.kafka();
    const topic = await clients.topic('nothing', 2);
    const replay = kafka
      .consumer()
      .assign([0, 1].map(partition => ({ topic, partition, offset: 'earliest' as const, until: 'latest' as const })));

    expect(await allWithin(PATIENCE_MS, 'the end', replay.records)).toEqual([]);
  });

  it('go where seek sends them, forward, back and inside next', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 1, 20);
    const consumer = kafka.consumer().assign([{ topic, partition: 0, offset: 'earliest' }]);
    let jumped = false;

    const offsets = await within(
      PATIENCE_MS,
      'the records',
      consumer.records.pipe(
        map(({ offset }) => Number(offset)),
        tap(offset => {
          if (offset === 3 && !jumped) consumer.seek({ topic, partition: 0 }, 17n);
          if (offset === 19 && !jumped) {
            jumped = true;
            consumer.seek({ topic, partition: 0 }, { timestamp: T + 1_000 });
          }
        }),
        take(10),
        toArray(),
      ),
    );

    expect(offsets).toEqual([0, 1, 2, 3, 17, 18, 19, 1, 2, 3]);
  });

  it('deliver nothing while paused, everything after resume, and hold up no other', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 2, 30);
    const all = [0, 1].map(partition => ({ topic, partition, offset: 'earliest' as const }));
    const consumer = kafka.consumer().assign(all);
    consumer.pause([{ topic, partition: 0 }]);
    const read: string[] = [];
    const whole = consumer.records.pipe(
      map(placeOf),
      tap(place => read.push(place)),
      tap(place => place === '1:29' && consumer.resume([{ topic, partition: 0 }])),
      takeWhile(() => read.length < 60),
      ignoreElements(),
    );

    await allWithin(PATIENCE_MS, 'all records', whole);

    const places = (partition: number) => Array.from({ length: 30 }, (_, i) => `${partition}:${i}`);
    expect(read).toEqual([...places(1), ...places(0)]);
    expect(consumer.paused).toEqual([]);
  });

  it('tell position and lag: delivered, acked, and what is left', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 1, 50);
    const consumer = kafka.consumer({ ack: 'manual' }).assign([{ topic, partition: 0, offset: 10n }]);
    const acked = consumer.records.pipe(
      tap(record => record.offset < 20n && record.ack()),
      filter(({ offset }) => offset === 49n),
      concatMap(() => consumer.lag()),
    );

    const [lag] = await within(PATIENCE_MS, 'the lag', acked);

    expect(lag).toEqual({ topic, partition: 0, position: 50n, watermark: 20n, endOffset: 50n, lag: 30 });
    expect(consumer.position({ topic, partition: 0 })).toBe(50n);
  });

  it('keep position and records in flight when the list grows, and end when they leave it', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 3, 10);
    const at = (...partitions: number[]) =>
      partitions.map(partition => ({ topic, partition, offset: 'earliest' as const }));
    const consumer = kafka.consumer().assign(at(0, 1));
    const read: string[] = [];

    await allWithin(
      PATIENCE_MS,
      'the records',
      consumer.records.pipe(
        map(placeOf),
        tap(place => read.push(place)),
        tap(() => read.length === 20 && consumer.assign(at(0, 2))),
        takeWhile(() => read.length < 30),
        ignoreElements(),
      ),
    );

    expect(new Set(read).size).toBe(30);
    expect(read.slice(20)).toEqual(Array.from({ length: 10 }, (_, i) => `2:${i}`));
  });

  it('never make their group know of a member', async () => {
    const kafka = clients.kafka();
    const topic = await filled(kafka, 1, 10);
    const groupId = cluster.uniqueName('no-member');
    const consumer = kafka.consumer({ groupId, commit: { everyRecords: 1 } });
    const reading = consumer.assign([{ topic, partition: 0, offset: 'earliest' }]).records.pipe(
      tap(record => record.ack()),
      ignoreElements(),
    );
    const tenth = consumer.commits.pipe(filter(([one]) => one!.offset === 10n));
    await within(PATIENCE_MS, 'the commit', merge(reading, tenth));

    // Asked while the consumer is at work.
    if (cluster.kind === 'real')
      await withKafkaJs(cluster.brokers, async admin => {
        const { groups } = await admin.describeGroups([groupId]);
        expect(groups.map(({ state, members, protocol }) => ({ state, members, protocol }))).toEqual([
          { state: 'Empty', members: [], protocol: '' },
        ]);
      });
    else {
      // In all tests of this suite.
      expect([...apis]).toEqual(expect.arrayContaining(['Fetch', 'OffsetCommit', 'OffsetFetch', 'FindCoordinator']));
      expect(GROUP_REQUESTS.filter(api => apis.has(api))).toEqual([]);
    }
  });
});

const placeOf = ({ partition, offset }: ConsumerRecord) => `${partition}:${offset}`;

async function startAt(
  consumer: Consumer,
  topic: string,
  offset: 'earliest' | 'committed' | bigint | { readonly timestamp: number } | undefined,
): Promise<bigint> {
  const first = await within(PATIENCE_MS, 'a record', consumer.assign([{ topic, partition: 0, offset }]).records);
  return first.offset;
}

/** The consumer knows its position once the leader has told it; it has no event for that. */
async function until(consumer: Consumer, topic: string, holds: (position: bigint | undefined) => boolean) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!holds(consumer.position({ topic, partition: 0 }))) {
    if (Date.now() > deadline) throw new Error('the position was not known in time');
    await new Promise(turn => setImmediate(turn));
  }
}

async function withKafkaJs(brokers: string, work: (admin: ReturnType<KafkaJs['admin']>) => Promise<void>) {
  const admin = new KafkaJs({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}
