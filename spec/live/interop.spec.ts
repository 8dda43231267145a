/**
 * What we write, others read; what they write, we read: Kafka's own Java client, librdkafka (kcat), aiokafka, kafkajs.
 *
 *   npm run test:live -- --testPathPatterns interop
 */
import * as zlib from 'node:zlib';
import { CompressionTypes, Kafka as KafkaJs, logLevel, Partitioners } from 'kafkajs';
import { UnsupportedVersionError } from '../../lib';
import type { Compression, ConsumerRecord, ProducerRecord, RecordMetadata } from '../../lib';
import type { DeliveredRecord } from '../../lib/consumer/delivery/record';
import { aiokafka, type PeerRecord } from '../support/aiokafka';
import { describeReal } from '../support/clusters';
import { javaPeer, type JavaRecord } from '../support/java-peer';
import { kcat } from '../support/kcat';
import { Matrix } from '../support/matrix';
import { liveClients } from '../support/live-clients';
import { itWithTool } from '../support/tools';
import { allWithin, within } from '../support/within';

const PATIENCE_MS = 20_000;
const TEST_MS = 120_000;
const PARTITIONS = 3;
const T = 1_700_000_000_000;
const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

interface Peer {
  readonly name: string;
  readonly installed: boolean;
  /** What is written for it to read. */
  writes(records: readonly JavaRecord[]): readonly JavaRecord[];
}

const asIs = (records: readonly JavaRecord[]) => records;
const JAVA: Peer = { name: 'Java', installed: javaPeer.installed, writes: asIs };
const AIOKAFKA: Peer = { name: 'aiokafka', installed: aiokafka.installed, writes: asIs };
/** It prints JSON: bytes that are no text would not survive it. */
const KCAT: Peer = {
  name: 'kcat',
  installed: kcat.installed,
  writes: records =>
    records.map(record => ({ ...record, headers: record.headers.filter(([name]) => name !== 'bytes') })),
};

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

  const matrix = new Matrix();
  afterAll(() => matrix.print());

  /** Where Java puts each record of the sample; asked once. */
  let javasPlaces: Promise<readonly number[]> | undefined;
  const places = () =>
    (javasPlaces ??= clients
      .topic('places', PARTITIONS)
      .then(topic => javaPeer.produce(cluster.brokers, topic, sample(), 'none'))
      .then(stored => stored.map(({ partition }) => partition)));

  for (const compression of COMPRESSIONS) {
    const toOthers = (peer: Peer, check: (topic: string, stored: readonly RecordMetadata[]) => Promise<void>) =>
      itWithTool(peer, `are read by ${peer.name} as we wrote them, with compression ${compression}`, async () => {
        const why = whyNotWritten(compression);
        if (why !== undefined) {
          expect(() => clients.kafka().producer({ compression })).toThrow(UnsupportedVersionError);
          return matrix.note(`ours → ${peer.name}`, compression, 'n/a', why);
        }
        const topic = await clients.topic('to-others', PARTITIONS);
        const stored = await send(topic, peer.writes(sample()), compression);
        await check(topic, stored);
        expect(stored.map(({ partition }) => partition)).toEqual(await places());
        expect(codecsOf(await read(topic))).toEqual([compression]);
        matrix.note(`ours → ${peer.name}`, compression, 'ok');
      });

    const fromOthers = (peer: Peer, check: (topic: string) => Promise<readonly ConsumerRecord[]>) =>
      itWithTool(peer, `are read by us as ${peer.name} wrote them, with compression ${compression}`, async () => {
        const topic = await clients.topic('from-others', PARTITIONS);
        expect(codecsOf(await check(topic))).toEqual([compression]);
        matrix.note(`${peer.name} → ours`, compression, 'ok');
      });

    toOthers(JAVA, async (topic, stored) => {
      expect(byPlace(await javaPeer.consume(cluster.brokers, topic, PARTITIONS, stored.length))).toEqual(
        byPlace(sample().map((record, i) => ({ ...record, ...place(stored[i]!), timestamp: record.timestamp! }))),
      );
    });

    fromOthers(JAVA, async topic => {
      const stored = await javaPeer.produce(cluster.brokers, topic, sample(), compression);
      const seen = await read(topic);
      expect(byPlace(seen.map(plain))).toEqual(byPlace(sample().map((record, i) => ({ ...record, ...stored[i]! }))));
      return seen;
    });

    toOthers(AIOKAFKA, async (topic, stored) => {
      expect(byPlace(await aiokafka.consume(cluster.brokers, topic, PARTITIONS, stored.length))).toEqual(
        byPlace(sample().map(({ timestamp: _, ...record }, i) => ({ ...record, ...place(stored[i]!) }))),
      );
    });

    fromOthers(AIOKAFKA, async topic => {
      const records = sample().map(({ timestamp: _, ...record }): PeerRecord => record);
      await aiokafka.produce(cluster.brokers, topic, records, compression);
      const seen = await read(topic);
      expect(byPlace(seen.map(plain).map(({ timestamp: _, ...record }) => record))).toEqual(
        byPlace(inOrder(records, await places())),
      );
      return seen;
    });

    toOthers(KCAT, async (topic, stored) => {
      expect(
        byPlace(
          (await kcat.consume(cluster.brokers, topic)).map(({ partition, offset, ts, key, payload, headers = [] }) => ({
            ...{ partition, offset, key, headers },
            timestamp: ts,
            value: payload,
          })),
        ),
      ).toEqual(
        byPlace(
          KCAT.writes(sample()).map(({ timestamp, key, value, headers }, i) => ({
            ...place(stored[i]!),
            timestamp,
            key: key && String(key),
            value: value && String(value),
            headers: headers.flatMap(([name, bytes]) => [name, bytes && String(bytes)]),
          })),
        ),
      );
    });

    fromOthers(KCAT, async topic => {
      // A line of kcat has a key and a value, in its own hash's place unless it is told Java's.
      const lines = sample().flatMap(({ key, value }, i) => (key?.length && value ? [{ key, value, i }] : []));
      await kcat.produce(
        cluster.brokers,
        topic,
        lines.map(({ key, value }) => [String(key), String(value)] as const),
        ['-z', compression, '-X', 'topic.partitioner=murmur2_random'],
      );
      const seen = await read(topic);
      const javas = await places();
      expect(byPlace(seen.map(plain).map(({ timestamp: _, ...record }) => record))).toEqual(
        byPlace(
          inOrder(
            lines.map(({ key, value }) => ({ key, value, headers: [] })),
            lines.map(({ i }) => javas[i]!),
          ),
        ),
      );
      return seen;
    });
  }

  for (const compression of ['none', 'gzip'] as const)
    it(`are read by us as kafkajs wrote them, with compression ${compression}`, async () => {
      const topic = await clients.topic('from-kafkajs', PARTITIONS);
      const kafkajs = new KafkaJs({ brokers: cluster.brokers.split(','), logLevel: logLevel.NOTHING });
      const producer = kafkajs.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      // kafkajs cannot write a null header, and writes repeated names only as a list.
      const records = small().map(({ headers: _, ...record }, i) => ({ ...record, partition: i % PARTITIONS }));
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
function small(): readonly JavaRecord[] {
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

/** The same, and values from 0 bytes to 900 kB. */
function sample(): readonly JavaRecord[] {
  const sized = SIZES.map((size, i): JavaRecord => {
    return { key: Buffer.from(`size ${size}`), value: prose(size), headers: [], timestamp: T + 100_000 + i };
  });
  return [...small(), ...sized];
}

/** Around the blocks of snappy (32 KiB), lz4 (64 KiB) and zstd (128 KiB), and up to what a broker takes. */
const SIZES = [0, 1, 127, 128, 32_768, 65_535, 65_537, 131_073, 400_000, 900_000];

/** Text that half repeats itself, so that compressed blocks have all that such blocks can have. */
function prose(size: number): Buffer {
  const words: string[] = [];
  let state = size + 1;
  for (let bytes = 0; bytes < size; bytes += words.at(-1)!.length + 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    words.push((state & 0x4000) === 0 ? 'and again' : state.toString(36));
  }
  return Buffer.from(words.join(' ')).subarray(0, size);
}

/** Why this Node cannot write with a codec that it reads; `undefined` when it can. */
function whyNotWritten(compression: Compression): string | undefined {
  return compression !== 'zstd' || 'zstdCompressSync' in zlib
    ? undefined
    : `Node.js ${process.version} cannot compress with zstd, 22.15 can`;
}

/** The codecs of the batches that records came in, which no application has to know. */
function codecsOf(records: readonly ConsumerRecord[]): Compression[] {
  return [...new Set(records.map(record => (record as DeliveredRecord<unknown, unknown>).batch.header.compression!))];
}

/** Records with the partition given for each, and the next offset in it. */
function inOrder<T extends object>(records: readonly T[], partitions: readonly number[]) {
  const nth = new Map<number, number>();
  return records.map((record, i) => {
    const partition = partitions[i]!;
    const offset = nth.get(partition) ?? 0;
    nth.set(partition, offset + 1);
    return { ...record, partition, offset };
  });
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
