/**
 * What we write, others read; what they write, we read: Kafka's own Java client, librdkafka (kcat), aiokafka, kafkajs.
 *
 *   npm run test:live -- --testPathPatterns interop
 */
import { CompressionTypes, Kafka as KafkaJs, logLevel, Partitioners } from 'kafkajs';
import type { Compression, ConsumerRecord, ProducerRecord } from '../../lib';
import { aiokafka, type PeerRecord } from '../support/aiokafka';
import { describeReal } from '../support/clusters';
import { javaPeer, type JavaRecord } from '../support/java-peer';
import { kcat } from '../support/kcat';
import { liveClients } from '../support/live-clients';
import { itWithTool } from '../support/tools';
import { allWithin, within } from '../support/within';

const PATIENCE_MS = 20_000;
const TEST_MS = 120_000;
const PARTITIONS = 3;
const T = 1_700_000_000_000;

describeReal('records between clients', cluster => {
  const clients = liveClients(cluster);

  const send = async (topic: string, records: readonly JavaRecord[], compression: Compression) => {
    const producer = clients.kafka().producer({ compression });
    const ours = records.map(({ headers, ...record }): ProducerRecord => ({
      ...record,
      topic,
      headers: headers as Iterable<[string, Buffer]>,
    }));
    return within(PATIENCE_MS, 'stored', producer.send(ours));
  };

  const read = (topic: string, partitions = PARTITIONS) => {
    const consumer = clients.kafka().consumer();
    const all = Array.from({ length: partitions }, (_, partition) => ({
      topic,
      partition,
      offset: 'earliest' as const,
      until: 'latest' as const,
    }));
    return allWithin(PATIENCE_MS, 'the records of others', consumer.assign(all).records);
  };

  for (const compression of ['none', 'gzip', 'snappy'] as const) {
    itWithTool(javaPeer, `are the same for Java and for us, both ways, with compression ${compression}`, async () => {
      const records = sample();
      const [ours, theirs] = [await clients.topic('to-java', PARTITIONS), await clients.topic('from-java', PARTITIONS)];

      const stored = await send(ours, records, compression);
      const seenByJava = await javaPeer.consume(cluster.brokers, ours);
      const storedByJava = await javaPeer.produce(cluster.brokers, theirs, records, compression);
      const seenByUs = await read(theirs);

      expect(byPlace(seenByJava)).toEqual(
        byPlace(records.map((record, i) => ({ ...record, ...place(stored[i]!), timestamp: record.timestamp! }))),
      );
      expect(byPlace(seenByUs.map(plain))).toEqual(
        byPlace(records.map((record, i) => ({ ...record, ...storedByJava[i]! }))),
      );
    });

    itWithTool(kcat, `are the same for kcat and for us, both ways, with compression ${compression}`, async () => {
      const [ours, theirs] = [await clients.topic('to-kcat', PARTITIONS), await clients.topic('from-kcat', PARTITIONS)];
      const records = sample().map(record => ({ ...record, ...textual(record) }));

      const stored = await send(ours, records, compression);
      const seenByKcat = await kcat.consume(cluster.brokers, ours);
      const pairs = Array.from({ length: 50 }, (_, i) => [`k${i}`, `wert ${i} ü`] as const);
      await kcat.produce(cluster.brokers, theirs, pairs, ['-z', compression]);
      const seenByUs = await read(theirs);

      expect(
        byPlace(
          seenByKcat.map(({ partition, offset, ts, key, payload, headers = [] }) => ({
            partition,
            offset,
            timestamp: ts,
            key,
            value: payload,
            headers,
          })),
        ),
      ).toEqual(
        byPlace(
          records.map(({ timestamp, key, value, headers }, i) => ({
            ...place(stored[i]!),
            timestamp,
            key: key && String(key),
            value: value && String(value),
            headers: headers.flatMap(([name, bytes]) => [name, bytes && String(bytes)]),
          })),
        ),
      );
      expect(new Map(seenByUs.map(record => [String(record.rawKey), String(record.rawValue)]))).toEqual(new Map(pairs));
    });

    itWithTool(
      aiokafka,
      `are the same for aiokafka and for us, both ways, with compression ${compression}`,
      async () => {
        const [ours, theirs] = [
          await clients.topic('to-aiokafka', PARTITIONS),
          await clients.topic('from-aiokafka', PARTITIONS),
        ];
        const records = sample().map(({ timestamp: _, ...record }): JavaRecord => record);

        const stored = await send(ours, records, compression);
        const seenByAiokafka = await aiokafka.consume(cluster.brokers, ours);
        const placed: readonly PeerRecord[] = records.map((record, i) => ({ ...record, partition: i % PARTITIONS }));
        await aiokafka.produce(cluster.brokers, theirs, placed, compression);
        const seenByUs = await read(theirs);

        expect(byPlace(seenByAiokafka)).toEqual(
          byPlace(records.map((record, i) => ({ ...record, ...place(stored[i]!) }))),
        );
        const nth = new Map<number, number>();
        const offsetOf = (partition: number) => {
          const offset = nth.get(partition) ?? 0;
          nth.set(partition, offset + 1);
          return offset;
        };
        expect(byPlace(seenByUs.map(plain).map(({ timestamp: _, ...record }) => record))).toEqual(
          byPlace(placed.map(record => ({ ...record, offset: offsetOf(record.partition!) }))),
        );
      },
    );
  }

  for (const compression of ['none', 'gzip'] as const)
    it(`are read by us as kafkajs wrote them, with compression ${compression}`, async () => {
      const topic = await clients.topic('from-kafkajs', PARTITIONS);
      const kafkajs = new KafkaJs({ brokers: cluster.brokers.split(','), logLevel: logLevel.NOTHING });
      const producer = kafkajs.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      // kafkajs cannot write a null header, and writes repeated names only as a list.
      const records = sample().map(({ headers: _, ...record }, i) => ({ ...record, partition: i % PARTITIONS }));
      await producer.send({
        topic,
        compression: compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
        messages: records.map(({ timestamp, ...record }) => ({
          ...record,
          timestamp: String(timestamp),
          headers: { bytes: BINARY },
        })),
      });
      await producer.disconnect();

      const seen = await read(topic);

      expect(byPlace(seen.map(plain))).toEqual(
        byPlace(
          records.map((record, i) => ({
            ...record,
            offset: Math.floor(i / PARTITIONS),
            headers: [['bytes', BINARY] as const],
          })),
        ),
      );
    });

  itWithTool(javaPeer, 'lie where Java and kafkajs put the same keys', async () => {
    const [ours, javas, kafkajss] = [
      await clients.topic('keys-ours', 7),
      await clients.topic('keys-java', 7),
      await clients.topic('keys-kafkajs', 7),
    ];
    const keys = KEYS;
    const records = keys.map((key): JavaRecord => ({ key, value: key, headers: [] }));
    const kafkajs = new KafkaJs({ brokers: cluster.brokers.split(','), logLevel: logLevel.NOTHING });
    const producer = kafkajs.producer({ createPartitioner: Partitioners.JavaCompatiblePartitioner });

    const byUs = (await send(ours, records, 'none')).map(({ partition }) => partition);
    const byJava = (await javaPeer.produce(cluster.brokers, javas, records)).map(({ partition }) => partition);
    await producer.connect();
    await producer.send({ topic: kafkajss, messages: records.map(({ key, value }) => ({ key, value })) });
    await producer.disconnect();
    const placeOf = new Map(
      (await read(kafkajss, 7)).map(record => [record.rawKey!.toString('hex'), record.partition]),
    );

    expect(byUs).toEqual(byJava);
    expect(byUs).toEqual(keys.map(key => placeOf.get(key.toString('hex'))));
    expect(new Set(byUs).size).toBe(7);
  });
});

jest.setTimeout(TEST_MS);

const BINARY = Buffer.from([0, 0xff, 0x80, 0x0a, 0x09]);

/** Text in many scripts, binary keys of each length around murmur2's blocks of four, and the empty key. */
const KEYS: readonly Buffer[] = [
  ...Array.from({ length: 150 }, (_, i) => Buffer.from(`customer-${i}`)),
  ...['', 'ключ', 'grüße', '🔑', 'a'.repeat(1_000)].map(text => Buffer.from(text)),
  ...Array.from({ length: 9 }, (_, length) => Buffer.alloc(length + 1, 0xfe - length)),
];

/** Everything a record can be: with and without key, value, headers, in a partition of its own or of the client's choice. */
function sample(): readonly JavaRecord[] {
  return Array.from({ length: 60 }, (_, i): JavaRecord => {
    const key = i % 6 === 0 ? null : Buffer.from(i % 6 === 1 ? '' : `key ${i} ü`);
    const value = i % 10 === 3 ? null : Buffer.from(i % 10 === 4 ? '' : `value ${i} ${'and again '.repeat(i)}`);
    const headers = [
      ['trace', Buffer.from(`t${i}`)],
      ['bytes', BINARY],
      ['none', null],
      ['trace', Buffer.alloc(0)],
    ] as const;
    return {
      key,
      value,
      headers: headers.slice(0, i % 5),
      timestamp: T + 1_000 * i - 500 * (i % 3),
      ...(key === null && { partition: i % PARTITIONS }),
    };
  });
}

/** kcat prints JSON: bytes that are no text would not survive it, and it prints a null header as it prints null. */
function textual({ headers }: JavaRecord): Pick<JavaRecord, 'headers'> {
  return { headers: headers.filter(([name]) => name !== 'bytes') };
}

interface Placed {
  readonly partition?: number;
  readonly offset: number;
}

function byPlace<T extends Placed>(records: readonly T[]): T[] {
  return [...records].sort((a, b) => a.partition! - b.partition! || a.offset - b.offset);
}

function place({ partition, offset }: { readonly partition: number; readonly offset: bigint }) {
  return { partition, offset: Number(offset) };
}

function plain(record: ConsumerRecord) {
  const { timestamp, rawKey: key, rawValue: value } = record;
  return { ...place(record), timestamp, key, value, headers: [...record.headers] };
}
