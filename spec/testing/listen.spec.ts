import * as net from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { createKafkaClient } from 'kafka-ts';
import type { Subscription } from 'rxjs';
import { EmbeddedCluster } from '../../lib/testing/embedded-cluster';
import { kcat } from '../support/kcat';
import { runProgram } from '../support/run-program';
import { itWithTool } from '../support/tools';
import { kafkajsBroker } from './kafkajs-broker';

// Foreign clients judge here: neither shares a line with our codecs.

let cluster: EmbeddedCluster;
let listening: Subscription;
let addresses: string[];

beforeEach(done => {
  cluster = new EmbeddedCluster({ brokers: 3, topics: { t: 2 } });
  listening = cluster.listen().subscribe(all => {
    addresses = all.split(',');
    done();
  });
});
afterEach(() => listening.unsubscribe());

function kafkajs(): Kafka {
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  return new Kafka({
    brokers: addresses,
    clientId: 'foreign',
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10 },
  });
}

describe('kafkajs', () => {
  it('creates, describes and deletes topics', async () => {
    const admin = kafkajs().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'new', numPartitions: 3, replicationFactor: 2 }] });
    const { topics } = await admin.fetchTopicMetadata({ topics: ['new'] });
    expect(topics[0]!.partitions.map(({ leader, replicas }) => [leader, replicas.length]).sort()).toHaveLength(3);
    const { brokers } = await admin.describeCluster();
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual(addresses);
    await admin.deleteTopics({ topics: ['new'] });
    expect(await admin.listTopics()).toEqual(['t']);
    await admin.disconnect();
  });

  it('produces with idempotence and finds the offsets', async () => {
    const kafka = kafkajs();
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    for (const value of ['a', 'b']) {
      await producer.send({ topic: 't', messages: [{ partition: 1, key: 'k', value, headers: { h: 'x' } }] });
    }
    await producer.send({ topic: 't', compression: 1, messages: [{ partition: 1, value: 'zipped', timestamp: '77' }] });
    await producer.disconnect();
    expect(
      cluster.log('t', 1).map(({ key, value, headers }) => [key && String(key), String(value), headers.text('h')]),
    ).toEqual([
      ['k', 'a', 'x'],
      ['k', 'b', 'x'],
      [null, 'zipped', undefined],
    ]);
    const admin = kafka.admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets('t');
    expect(offsets.find(({ partition }) => partition === 1)).toMatchObject({ low: '0', high: '3', offset: '3' });
    const [none] = await admin.fetchOffsets({ groupId: 'g', topics: ['t'] });
    expect(none!.partitions.map(({ offset }) => offset)).toEqual(['-1', '-1']);
    await admin.disconnect();
  });

  it('decodes what a fetch answers', async () => {
    cluster.append('t', 0, [{ key: 'k', value: 'v', timestamp: 1234, headers: { h: 'x' } }, 'plain'], {
      compression: 'gzip',
    });
    cluster.append('t', 0, ['gone'], { transaction: 'aborted' });
    // Its consumer needs a group; the connection under it does not.
    const broker = kafkajsBroker(addresses[0]!);
    await broker.connect();
    const answer = await broker.fetch({
      maxWaitTime: 100,
      minBytes: 1,
      maxBytes: 1_000_000,
      isolationLevel: 1,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: '0', maxBytes: 1_000_000 }] }],
    });
    const [partition] = answer.responses[0].partitions;
    expect(partition).toMatchObject({ errorCode: 0, highWatermark: '4', lastStableOffset: '4' });
    expect(partition.abortedTransactions).toEqual([{ producerId: '1000', firstOffset: '2' }]);
    expect(
      partition.messages
        .map((it: any) => [it.offset, it.timestamp, it.key && String(it.key), String(it.value), it.isControlRecord])
        .slice(0, 3),
    ).toEqual([
      ['0', '1234', 'k', 'v', false],
      ['1', expect.any(String), null, 'plain', false],
      ['2', expect.any(String), null, 'gone', false],
    ]);
    expect(partition.messages[3]).toMatchObject({ offset: '3', isControlRecord: true });
    await broker.disconnect();
  });

  it('goes on when its connections are cut and when a broker stops and starts', async () => {
    const producer = kafkajs().producer({ idempotent: true });
    await producer.connect();
    const send = (value: string) => producer.send({ topic: 't', messages: [{ partition: 0, value }] });
    await send('1');
    cluster.disconnect(1);
    await send('2');
    cluster.stop(1);
    await send('3');
    cluster.start(1);
    cluster.moveLeader({ topic: 't', partition: 0 }, 1);
    await send('4');
    await producer.disconnect();
    expect(cluster.log('t', 0).map(({ value }) => String(value))).toEqual(['1', '2', '3', '4']);
  });
});

describe('kafka-ts', () => {
  it('produces and consumes in the newest versions, which go by topic id', async () => {
    const [host, port] = addresses[0]!.split(':') as [string, string];
    const client = createKafkaClient({
      clientId: 'foreign',
      bootstrapServers: [{ host, port: Number(port) }],
    });
    const producer = client.createProducer({});
    await producer.send(
      ['one', 'two'].map(value => ({ topic: 't', partition: 0, key: 'k', value, headers: { h: 'x' } })),
    );
    const versions: Record<string, number> = {};
    cluster.requests.subscribe(({ api, version }) => (versions[api] = version));
    await producer.send([{ topic: 't', partition: 1, value: 'three' }]);
    const seen: string[] = [];
    let arrived!: () => void;
    const all = new Promise<void>(resolve => (arrived = resolve));
    const onBatch = (batch: { partition: number; offset: bigint; value: unknown }[]) => {
      for (const { partition, offset, value } of batch) seen.push(`${partition} ${offset} ${String(value)}`);
      if (seen.length === 3) arrived();
    };
    const consumer = await client.startConsumer({ groupId: null, topics: ['t'], fromTimestamp: -2n, onBatch } as never);
    await all;
    expect(seen.sort()).toEqual(['0 0 one', '0 1 two', '1 0 three']);
    expect(versions).toMatchObject({ Produce: 13, Fetch: 18, ListOffsets: 11 });
    await consumer.close();
    await producer.close();
  });
});

describe('kcat, which is librdkafka', () => {
  const run = async (args: readonly string[], input = '') =>
    (await runProgram('kcat', ['-b', addresses[0]!, ...args], { input, timeoutMs: 15_000 })).toString();

  itWithTool(kcat, 'produces to a topic that this creates, and reads it back', async () => {
    await run(['-P', '-t', 'new', '-K:', '-X', 'enable.idempotence=true'], 'k1:v1\nk2:v2\n');
    expect(await run(['-C', '-t', 'new', '-e', '-q', '-f', '%p %o %k %s\n'])).toBe('0 0 k1 v1\n0 1 k2 v2\n');
    expect(cluster.log('new', 0).map(({ value }) => String(value))).toEqual(['v1', 'v2']);
  });

  itWithTool(kcat, 'reads what is committed', async () => {
    cluster.append('t', 0, ['one'], { compression: 'snappy' });
    cluster.append('t', 0, ['aborted'], { transaction: 'aborted' });
    cluster.append('t', 0, ['two'], { transaction: 'committed' });
    const read = ['-C', '-t', 't', '-p', '0', '-e', '-q', '-f', '%o %s\n', '-X'];
    expect(await run([...read, 'isolation.level=read_committed'])).toBe('0 one\n3 two\n');
    expect(await run([...read, 'isolation.level=read_uncommitted'])).toBe('0 one\n1 aborted\n3 two\n');
  });

  itWithTool(kcat, 'looks offsets up by time', async () => {
    cluster.append(
      't',
      0,
      [100, 200, 300].map(timestamp => ({ value: 'v', timestamp })),
    );
    expect(await run(['-Q', '-t', 't:0:150'])).toContain('offset 1');
  });
});

describe('listen', () => {
  /** What a client sees that asks for metadata, in v4, of all topics. */
  const asking = (done: (seen: { bytes: number; code?: string }) => void) => {
    const [host, port] = addresses[0]!.split(':') as [string, string];
    const seen: { bytes: number; code?: string } = { bytes: 0 };
    const request = Buffer.from('0000000f' + '0003' + '0004' + '00000001' + 'ffff' + 'ffffffff' + '01', 'hex');
    net
      .connect(Number(port), host, function (this: net.Socket) {
        this.write(request);
      })
      .on('data', chunk => (seen.bytes += chunk.length))
      .on('error', error => (seen.code = (error as NodeJS.ErrnoException).code!))
      .on('close', () => done(seen));
  };

  it('resets connections that a fault cuts', done => {
    cluster.fault({ api: 'Metadata' }, { cutAfterBytes: 0 });
    asking(seen => {
      expect(seen).toEqual({ bytes: 0, code: 'ECONNRESET' });
      done();
    });
  });

  it('sends the bytes that a fault lets through, and no more', done => {
    cluster.fault({ api: 'Metadata' }, { cutAfterBytes: 6 });
    asking(({ bytes }) => {
      expect(bytes).toBe(6);
      done();
    });
  });

  it('ends connections to a broker that stops in order, and refuses new ones', done => {
    cluster.fault({ api: 'Metadata' }, { drop: 'response' });
    const requests = cluster.requests.subscribe(() => {
      requests.unsubscribe();
      cluster.stop(1);
    });
    asking(seen => {
      expect(seen).toEqual({ bytes: 0 });
      asking(refused => {
        expect(refused).toEqual({ bytes: 0, code: 'ECONNREFUSED' });
        done();
      });
    });
  });

  it('closes its ports when unsubscribed', done => {
    listening.unsubscribe();
    const [host, port] = addresses[0]!.split(':') as [string, string];
    net.connect(Number(port), host).on('error', error => {
      expect((error as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
      done();
    });
  });

  it('errors when a port is taken', done => {
    cluster.listen({ port: Number(addresses[0]!.split(':')[1]) }).subscribe({
      error: error => {
        expect(error.code).toBe('EADDRINUSE');
        done();
      },
    });
  });
});
