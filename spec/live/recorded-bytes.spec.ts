import { join } from 'node:path';
import { Kafka as KafkaJs, logLevel } from 'kafkajs';
import { take, toArray } from 'rxjs';
import { Reader } from '../../lib/bytes/reader';
import { utf8 } from '../../lib';
import type { AnyApi } from '../../lib/protocol/api';
import { apis } from '../../lib/protocol/apis';
import { decodeResponseHeader, encodeRequestFrame } from '../../lib/protocol/header';
import { Metadata } from '../../lib/protocol/apis/metadata';
import { RecordedFrames } from '../protocol/recorded-frames';
import { aiokafka } from '../support/aiokafka';
import { USERS } from '../support/broker-config';
import { describeReal } from '../support/clusters';
import { everyRequest } from '../support/every-request';
import { exchangeFrames } from '../support/exchange-frames';
import { javaPeer } from '../support/java-peer';
import { kafkaJars } from '../support/kafka-jars';
import { kcat } from '../support/kcat';
import { liveClients } from '../support/live-clients';
import { print } from '../support/print';
import { apiVersions } from '../support/raw-request';
import { startRecordingProxy } from '../support/recording-proxy';
import { runProgram } from '../support/run-program';
import { itWithTool } from '../support/tools';
import { within } from '../support/within';

// Bytes that nobody here has made up: what clients of four makes and a real broker say to each other is read by our
// declarations and written again, byte for byte.

describeReal('recorded frames', cluster => {
  const clients = liveClients(cluster);
  const frames = new RecordedFrames();

  afterAll(() => {
    print(`Frames recorded from ${cluster.version}, read and written again:`);
    frames.lines().forEach(print);
  });

  /** Runs a client through a proxy, and compares what was said. */
  async function recorded(client: string, brokers: string, use: (brokers: string) => Promise<unknown>): Promise<void> {
    const proxy = await startRecordingProxy(brokers);
    try {
      await use(proxy.brokers);
    } finally {
      await proxy.close();
    }
    const { compared, differences } = frames.check(client, proxy.exchanges);
    expect(compared).toBeGreaterThan(0);
    expect(differences).toEqual([]);
  }

  it('are answered by the broker in every version of every API that we declare', async () => {
    const topic = await clients.topic('sweep', 3);
    const broker = cluster.brokers.split(',')[0]!;
    const offered = await apiVersions(broker);
    const missing: string[] = [];
    await recorded('kafka-rx', broker, async proxied => {
      const [, metadata] = await exchangeFrames(proxied, [
        encodeRequestFrame(apis.ApiVersions, 0, 1, 'sweep', {}),
        encodeRequestFrame(Metadata, 10, 2, 'sweep', { topics: [{ name: topic }] }),
      ]);
      const reader = new Reader(metadata!);
      decodeResponseHeader(Metadata, 10, reader);
      const { topicId } = Metadata.decodeResponse(10, reader).topics[0]!;
      const bodies = everyRequest({ topic, topicId, group: cluster.uniqueName('nobody') });
      for (const [name, api] of Object.entries(apis) as [keyof typeof apis, AnyApi][]) {
        const [min, max] = offered.get(api.key) ?? [Infinity, -Infinity];
        for (let version = api.versions[0]; version <= api.versions[1]; version++) {
          if (version < min || version > max) missing.push(`${name} v${version}`);
          // One connection each: a broker closes it over a request that it cannot read, and we should know over which.
          else
            await exchangeFrames(proxied, [encodeRequestFrame(api, version, version, 'sweep', bodies[name](version))]);
        }
      }
    });
    if (missing.length > 0) print(`Not offered by this broker: ${missing.join(', ')}`);
    const seen = Object.keys(apis).reduce((total, name) => total + frames.versionsOf(name), 0);
    const declared = (Object.values(apis) as AnyApi[]).reduce(
      (sum, { versions: [min, max] }) => sum + max - min + 1,
      0,
    );
    expect(seen).toBe(declared - missing.length);
  });

  it('of our own client are read as they were meant', async () => {
    const topic = await clients.topic('ours', 3);
    await recorded('kafka-rx', cluster.brokers, async brokers => {
      const kafka = clients.kafka({ brokers });
      const records = Array.from({ length: 50 }, (_, i) => ({ topic, key: `k${i}`, value: `v${i}` }));
      await within(20_000, 'sent', kafka.producer({ compression: 'gzip' }).send(records));
      const starts = [0, 1, 2].map(partition => ({ topic, partition, offset: 'earliest' as const }));
      const reading = kafka.consumer({ value: utf8 }).assign(starts).records.pipe(take(records.length), toArray());
      expect(await within(20_000, 'read', reading)).toHaveLength(records.length);
      await within(20_000, 'described', kafka.admin().describeTopics([topic]));
    });
  });

  it('of kafkajs are read as they were meant', async () => {
    const topic = await clients.topic('kafkajs', 3);
    await recorded('kafkajs', cluster.brokers, async brokers => {
      const kafka = new KafkaJs({ clientId: 'kafkajs', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
      const group = cluster.uniqueName('kafkajs');
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: group });
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ key: 'k', value: 'v', headers: { h: 'x' } }] });
      await transaction.sendOffsets({
        consumerGroupId: group,
        topics: [{ topic, partitions: [{ partition: 0, offset: '0' }] }],
      });
      await transaction.commit();
      await producer.disconnect();
      const consumer = kafka.consumer({ groupId: group, sessionTimeout: 6_000 });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await new Promise<void>((resolve, reject) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
        void consumer.run({ eachMessage: async () => resolve() });
      });
      const admin = kafka.admin();
      await admin.connect();
      await admin.describeGroups([group]);
      await admin.listGroups();
      await admin.fetchTopicOffsets(topic);
      await admin.describeCluster();
      await admin.disconnect();
      await consumer.disconnect();
    });
  });

  itWithTool(kcat, 'of kcat are read as they were meant', async () => {
    const topic = await clients.topic('kcat', 3);
    const use = (options: readonly string[]) => async (brokers: string) => {
      await kcat.produce(brokers, topic, [['k', 'v']], ['-z', 'lz4', ...options]);
      expect((await kcat.consume(brokers, topic, options)).length).toBeGreaterThan(0);
    };
    await recorded('kcat', cluster.brokers, use([]));
    const { listeners } = cluster.real;
    if (listeners === undefined) return;
    const login = [
      ...['-X', 'security.protocol=SASL_PLAINTEXT', '-X', 'sasl.mechanism=PLAIN'],
      ...['-X', 'sasl.username=admin', '-X', `sasl.password=${USERS.admin}`],
    ];
    await recorded('kcat', listeners.SASLPLAIN, use(login));
  });

  itWithTool(aiokafka, 'of aiokafka are read as they were meant', async () => {
    const topic = await clients.topic('aiokafka', 3);
    await recorded('aiokafka', cluster.brokers, async brokers => {
      await aiokafka.produce(brokers, topic, [{ key: null, value: Buffer.from('v'), headers: [] }], 'gzip');
      expect(await aiokafka.consume(brokers, topic, 3, 1)).toHaveLength(1);
    });
  });

  itWithTool(javaPeer, 'of Java are read as they were meant: records, groups, transactions and admin', async () => {
    const jars = await kafkaJars();
    const program = join(__dirname, '../support/KafkaTour.java');
    await recorded('Java', cluster.brokers, async brokers => {
      const args = ['-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`, program, brokers, cluster.uniqueName('java')];
      expect((await runProgram('java', args)).toString()).toContain('done');
    });
  });
});
