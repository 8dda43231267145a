import { Kafka, logLevel, type Consumer } from 'kafkajs';
import { filter, map, merge, Subject, take, toArray, type Subscription } from 'rxjs';
import { EmbeddedCluster } from '../../../lib/testing/embedded-cluster';
import { within } from '../../support/within';

// kafkajs judges: its members share no line with our client.

let cluster: EmbeddedCluster;
let listening: Subscription;
let kafka: Kafka;
const running: Consumer[] = [];

beforeEach(done => {
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  cluster = new EmbeddedCluster({ brokers: 3, topics: { t: 6 } });
  listening = cluster.listen().subscribe(addresses => {
    kafka = new Kafka({
      brokers: addresses.split(','),
      clientId: 'foreign',
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 10 },
    });
    done();
  });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(consumer => consumer.disconnect()));
  listening.unsubscribe();
});

interface Member {
  readonly consumer: Consumer;
  /** What it was given, each time. */
  readonly assigned: Subject<readonly number[]>;
  readonly values: Subject<string>;
}

async function member(groupId = 'g'): Promise<Member> {
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 50, sessionTimeout: 6000, maxWaitTimeInMs: 50 });
  const assigned = new Subject<readonly number[]>();
  const values = new Subject<string>();
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => assigned.next(payload.memberAssignment['t'] ?? []));
  await consumer.connect();
  await consumer.subscribe({ topic: 't', fromBeginning: true });
  running.push(consumer);
  return { consumer, assigned, values };
}

async function run({ consumer, values }: Member): Promise<void> {
  await consumer.run({ eachMessage: async ({ message }) => values.next(String(message.value)) });
}

/** The next time when the members have all partitions between them. */
function shared(members: readonly Member[]): Promise<readonly number[]> {
  const latest = members.map(() => [] as readonly number[]);
  return within(
    5000,
    'all partitions',
    merge(...members.map(({ assigned }, index) => assigned.pipe(map(partitions => ({ index, partitions }))))).pipe(
      map(({ index, partitions }) => {
        latest[index] = partitions;
        return latest.flat().sort();
      }),
      filter(all => all.join() === '0,1,2,3,4,5' && latest.every(partitions => partitions.length > 0)),
      map(() => latest.map(partitions => partitions.length)),
    ),
  );
}

describe('kafkajs in groups of the embedded cluster', () => {
  it('shares partitions among members, and again when one leaves or a rebalance is forced', async () => {
    const [a, b] = [await member(), await member()];
    const both = shared([a, b]);
    await Promise.all([run(a), run(b)]);
    expect(await both).toEqual([3, 3]);
    const again = shared([a, b]);
    cluster.rebalance('g');
    expect(await again).toEqual([3, 3]);
    const alone = shared([a]);
    await b.consumer.disconnect();
    expect(await alone).toEqual([6]);
  });

  it('reads, commits, and goes on where the group was', async () => {
    for (let partition = 0; partition < 6; partition++) cluster.append('t', partition, [`${partition}`]);
    const first = await member();
    const read = within(5000, 'all records', first.values.pipe(take(6), toArray()));
    await run(first);
    expect((await read).sort()).toEqual(['0', '1', '2', '3', '4', '5']);
    await first.consumer.disconnect();
    expect(cluster.committed('g')).toHaveLength(6);
    cluster.append('t', 2, ['next']);
    const second = await member();
    const next = within(5000, 'a record', second.values);
    await run(second);
    expect(await next).toBe('next');
  });

  it('survives that the coordinator moves and that its broker stops', async () => {
    const only = await member();
    const all = shared([only]);
    const values = within(15_000, 'all records', only.values.pipe(take(3), toArray()));
    await run(only);
    await all;
    cluster.append('t', 0, ['before']);
    await within(5000, 'a record', only.values);
    cluster.moveCoordinator({ group: 'g' }, 2);
    cluster.append('t', 1, ['moved']);
    await within(5000, 'a record', only.values);
    cluster.stop(2);
    cluster.append('t', 3, ['stopped']);
    expect(await values).toEqual(['before', 'moved', 'stopped']);
    cluster.start(2);
  });

  it('lists, describes and deletes groups', async () => {
    const one = await member();
    const all = shared([one]);
    await run(one);
    await all;
    const admin = kafka.admin();
    await admin.connect();
    expect((await admin.listGroups()).groups).toEqual([{ groupId: 'g', protocolType: 'consumer' }]);
    const { groups } = await admin.describeGroups(['g']);
    expect(groups[0]).toMatchObject({
      state: 'Stable',
      protocol: 'RoundRobinAssigner',
      members: [{ clientId: 'foreign' }],
    });
    await one.consumer.disconnect();
    await admin.deleteGroups(['g']);
    expect((await admin.listGroups()).groups).toEqual([]);
    await admin.disconnect();
  });
});
