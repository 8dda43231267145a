/**
 * What is wrong is named, in bounded time: options, addresses, topics, partitions, bytes. Nothing hangs, nothing crashes.
 *
 *   npm run test:live -- --testPathPatterns bad-input
 */
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { concatMap, filter, first, firstValueFrom, from, map, repeat, retry } from 'rxjs';
import { BrokerError, DecodeError, Kafka, KafkaError, SendError, tcpTransport } from '../../lib';
import type { ConsumerOptions, KafkaOptions, ProducerOptions, Transport } from '../../lib';
import type { BadAddressInput, BadAddressReport } from '../support/bad-address-child';
import { startChild } from '../support/child';
import { describeClusters } from '../support/clusters';
import { liveClients } from '../support/live-clients';
import { allWithin, within } from '../support/within';

const PATIENCE_MS = 20_000;
const CALL_MS = 2_000;
const CHILD_MS = 40_000;
const LONGEST_FRAME = Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

describe('options that nobody reads', () => {
  const brokers = 'localhost:9092';

  it.each([
    [{ ssl: true }, /"ssl".*tls/],
    [{ bootstrapServers: 'x' }, /"bootstrapServers".*brokers/],
    [{ clientID: 'x' }, /"clientID".*"clientId"/],
    [{ requestTimeout: 1 }, /"requestTimeout".*requestTimeoutMs/],
    [{ wholly: 'unheard of' }, /"wholly".*known are .*clientId/],
  ])('are refused by the client with what was meant: %j', (options, message) => {
    expect(() => new Kafka({ brokers, ...options } as KafkaOptions)).toThrow(TypeError);
    expect(() => new Kafka({ brokers, ...options } as KafkaOptions)).toThrow(message);
  });

  it.each([
    [{ fromBeginning: true }, /"fromBeginning".*offsetReset/],
    [{ autoCommit: false }, /"autoCommit".*commit/],
    [{ groupID: 'g' }, /"groupID".*"groupId"/],
    [{ fetch: { maxbytes: 1 } }, /maxBytes/],
  ])('are refused by the consumer with what was meant: %j', (options, message) => {
    expect(() => new Kafka({ brokers }).consumer(options as ConsumerOptions)).toThrow(TypeError);
    expect(() => new Kafka({ brokers }).consumer(options as ConsumerOptions)).toThrow(message);
  });

  it.each([
    [{ linger: 5 }, /"linger".*lingerMs/],
    [{ compressionType: 'gzip' }, /"compressionType".*compression/],
    [{ lingerms: 5 }, /"lingerms".*"lingerMs"/],
  ])('are refused by the producer with what was meant: %j', (options, message) => {
    expect(() => new Kafka({ brokers }).producer(options as ProducerOptions)).toThrow(TypeError);
    expect(() => new Kafka({ brokers }).producer(options as ProducerOptions)).toThrow(message);
  });

  it.each([
    [() => new Kafka({ brokers: '' }), TypeError, /"brokers"/],
    [() => new Kafka({ brokers: 'localhost:99999' }), TypeError, /localhost:99999/],
    [() => new Kafka({ brokers, requestTimeoutMs: -1 }), RangeError, /"requestTimeoutMs"/],
    [() => new Kafka({ brokers }).producer({ acks: 2 as 1 }), TypeError, /"acks"/],
    [() => new Kafka({ brokers }).producer({ acks: 1, idempotent: true }), TypeError, /"idempotent".*'all'/],
    [() => new Kafka({ brokers }).consumer().assign([{ topic: 't', partition: -1 }]), RangeError, /t.*-1/],
  ])('and values out of their range are refused, too (%#)', (make, type, message) => {
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });
});

describe('an address where no Kafka is', () => {
  const servers: Server[] = [];
  afterAll(() => servers.forEach(server => server.close()));
  const listening = async (server: Server): Promise<string> => {
    servers.push(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const answering = (answer: (socket: Socket) => void) =>
    createServer(socket => {
      socket.on('error', () => undefined);
      socket.on('data', () => answer(socket));
    });
  const nobody = async () => {
    const server = createServer();
    const address = await listening(server);
    await new Promise(resolve => server.close(resolve));
    return address;
  };

  // An outage is waited out by a reader; a cluster that never answered at all ends it, as it ends every other call.
  it.each([
    ['a name that is not known', async () => 'no-such-host.invalid:9092', /host name is not known.*`brokers`/, true],
    ['a port where nothing listens', nobody, /nothing listens there/, true],
    ['a peer that never answers', () => listening(answering(() => undefined)), /did not complete the set-up/, true],
    ['an HTTP server', () => listening(createHttpServer((_, response) => response.end('hello'))), /HTTP server/, false],
    [
      'a frame of 2^31-1 bytes',
      () => listening(answering(socket => socket.write(LONGEST_FRAME))),
      /not Kafka's protocol.*7fffffff/,
      false,
    ],
  ])('%s: every call names it and the cause, and the process ends by itself', async (_, open, cause, retriable) => {
    const address = await open();
    const child = startChild('bad-address-child.ts', { address, timeoutMs: CALL_MS } satisfies BadAddressInput);
    const report = await child.report<BadAddressReport>(CHILD_MS);

    for (const call of ['list', 'send', 'commit', 'read', 'event'] as const) {
      expect(report[call]).toMatchObject({ error: 'ConnectionError', broker: address, retriable });
      expect(report[call].message).toMatch(cause);
      expect(report[call].ms).toBeLessThan(2 * CALL_MS);
    }
    // An error that nobody caught would end it with 1, a timer or socket left behind would keep it alive.
    expect(await child.ended).toBe(0);
  });
});

describeClusters('what does not exist or cannot be read', cluster => {
  const clients = liveClients(cluster);
  const impatient = () => clients.kafka({ requestTimeoutMs: CALL_MS / 2 });
  const failure = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => 'it succeeded',
      error => error,
    );

  it('is an error of send that names the topic and what to do', async () => {
    const topic = cluster.uniqueName('no-such-topic');
    const producer = impatient().producer({ deliveryTimeoutMs: CALL_MS });

    const error = await failure(within(PATIENCE_MS, 'an error', producer.send({ topic, value: 'v' })));

    expect(error).toBeInstanceOf(BrokerError);
    expect(error).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION', topic });
    expect(String(error)).toMatch(/createTopics/);
  });

  it('is an error of send that names the partition and those there are', async () => {
    const topic = await clients.topic('two', 2);
    const producer = impatient().producer({ deliveryTimeoutMs: CALL_MS });
    const good = { topic, partition: 1, value: 'v' };

    const one = await failure(within(PATIENCE_MS, 'an error', producer.send({ ...good, partition: 9 })));
    const some = await failure(within(PATIENCE_MS, 'an error', producer.send([good, { ...good, partition: 9 }])));

    expect(one).toMatchObject({ name: 'BrokerError', topic, partition: 9 });
    expect(String(one)).toMatch(/partitions 0 to 1/);
    // One bad record does not take the good one with it.
    expect(some).toBeInstanceOf(SendError);
    expect((some as SendError).results).toEqual([
      expect.objectContaining({ topic, partition: 1, offset: 0n }),
      expect.objectContaining({ name: 'BrokerError', partition: 9 }),
    ]);
  });

  it('is waited for by a reader, who is told of it as an event, and reads once it is there', async () => {
    const topic = cluster.uniqueName('later');
    const kafka = clients.kafka();
    const told = firstValueFrom(kafka.events.pipe(filter(event => event.type === 'partition-unavailable')));
    const first = firstValueFrom(
      kafka
        .consumer()
        .assign([{ topic, partition: 0, offset: 'earliest' }])
        .records.pipe(map(({ offset }) => offset)),
    );

    const event = await within(PATIENCE_MS, 'the event', from(told));
    expect(event).toMatchObject({
      partition: { topic, partition: 0 },
      error: { name: 'BrokerError', error: 'UNKNOWN_TOPIC_OR_PARTITION', topic },
    });

    await within(PATIENCE_MS, 'created', kafka.admin().createTopics([{ topic, partitions: 1 }]));
    await within(PATIENCE_MS, 'stored', kafka.producer().send({ topic, value: 'v' }));
    expect(await within(PATIENCE_MS, 'the record', from(first))).toBe(0n);
  });

  it('is a batch whose bytes have changed: an error that names partition and offset', async () => {
    const topic = await clients.topic('corrupt', 1);
    const kafka = clients.kafka();
    for (const value of ['good', 'MARKED'])
      await within(PATIENCE_MS, 'stored', kafka.producer().send({ topic, value }));
    const reader = clients.kafka({ transport: changing(flipBitOf('MARKED')) });
    const offsets: bigint[] = [];
    const records = reader.consumer().assign([{ topic, partition: 0, offset: 'earliest' }]).records;

    const error = await failure(
      allWithin(PATIENCE_MS, 'an error', records.pipe(map(({ offset }) => offsets.push(offset)))),
    );

    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ topic, partition: 0, offset: 1n });
    expect(String(error)).toMatch(/checksum|CRC/i);
    // What was good before it has been delivered.
    expect(offsets).toHaveLength(1);
  });

  it('is a frame of 2^31-1 bytes in the middle of a stream: the connection is made again, and nothing is lost', async () => {
    const topic = await clients.topic('long-frame', 1);
    const kafka = clients.kafka();
    await within(PATIENCE_MS, 'stored', kafka.producer().send(values(topic, 20)));
    let left = 1;
    const transport = changing(frame => {
      // The answer that has the records in it, once.
      if (left === 0 || !frame.includes('value-19')) return frame;
      left--;
      return LONGEST_FRAME;
    });
    const reader = clients.kafka({ transport });
    const lost = firstValueFrom(
      reader.events.pipe(filter(event => event.type === 'disconnected' && event.reason === 'protocol')),
    );

    const read = await allWithin(
      PATIENCE_MS,
      'the records',
      reader.consumer().assign([{ topic, partition: 0, offset: 'earliest', until: 'latest' }]).records,
    );

    expect(read.map(record => String(record.rawValue))).toEqual(values(topic, 20).map(({ value }) => value));
    expect(await within(PATIENCE_MS, 'the event', from(lost))).toMatchObject({ error: { name: 'ConnectionError' } });
    expect(left).toBe(0);
  });

  it('is a decoder that fails: its error is thrown where the value is read, and names the record', async () => {
    const topic = await clients.topic('undecodable', 1);
    const kafka = clients.kafka();
    await within(PATIENCE_MS, 'stored', kafka.producer().send({ topic, value: 'x' }));
    const value = {
      decode: (): never => {
        throw new Error('not my format');
      },
    };
    const consumer = kafka.consumer({ value }).assign([{ topic, partition: 0, offset: 'earliest' }]);

    const error = await failure(within(PATIENCE_MS, 'an error', consumer.records.pipe(map(record => record.value))));

    expect(String(error)).toMatch(/not my format/);
  });
});

describeClusters('administration of topics', cluster => {
  const clients = liveClients(cluster);

  it('creates, lists, describes and deletes', async () => {
    const admin = clients.kafka().admin();
    const topic = cluster.uniqueName('made');

    expect(await within(PATIENCE_MS, 'created', admin.createTopics([{ topic, partitions: 4 }]))).toEqual([{ topic }]);
    // The controller answers before every broker knows the topic (KIP-500): whoever is asked next may need a moment.
    const listed = admin.listTopics().pipe(
      repeat({ delay: 20 }),
      first(topics => topics.includes(topic)),
    );
    expect(await within(PATIENCE_MS, 'listed', listed)).toContain(topic);
    const known = admin.describeTopics([topic]).pipe(retry({ delay: 20 }));
    const [described] = await within(PATIENCE_MS, 'described', known);
    expect(described).toMatchObject({ topic, internal: false });
    expect(described!.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    for (const { leader, replicas, inSync } of described!.partitions) {
      expect(replicas).toContain(leader);
      expect(inSync).toContain(leader);
    }
    expect(await within(PATIENCE_MS, 'deleted', admin.deleteTopics([topic]))).toEqual([{ topic }]);
  });

  it('tells what failed for one topic as data, beside what worked for another', async () => {
    const admin = clients.kafka().admin();
    const [there, fresh] = [await clients.topic('there'), cluster.uniqueName('fresh')];

    const created = await within(
      PATIENCE_MS,
      'created',
      admin.createTopics([
        { topic: there, partitions: 1 },
        { topic: fresh, partitions: 1 },
        { topic: 'not a name!', partitions: 1 },
        { topic: cluster.uniqueName('many-replicas'), partitions: 1, replicationFactor: 99 },
      ]),
    );
    const deleted = await within(PATIENCE_MS, 'deleted', admin.deleteTopics([fresh, cluster.uniqueName('never')]));

    expect(created.map(({ error }) => error && (error as BrokerError).error)).toEqual([
      'TOPIC_ALREADY_EXISTS',
      undefined,
      'INVALID_TOPIC_EXCEPTION',
      'INVALID_REPLICATION_FACTOR',
    ]);
    expect(created[0]!.error).toBeInstanceOf(KafkaError);
    expect(String(created[0]!.error)).toContain(there);
    expect(deleted.map(({ error }) => error && (error as BrokerError).error)).toEqual([
      undefined,
      'UNKNOWN_TOPIC_OR_PARTITION',
    ]);
  });

  it('finds offsets by end and by time, and names a partition that is not there', async () => {
    const kafka = clients.kafka({ requestTimeoutMs: CALL_MS });
    const admin = kafka.admin();
    const topic = await clients.topic('offsets', 1);
    const records = values(topic, 10).map((record, i) => ({ ...record, timestamp: 1_000 * (i + 1) }));
    await within(PATIENCE_MS, 'stored', kafka.producer().send(records));
    const at = (...positions: ('earliest' | 'latest' | bigint | { readonly timestamp: number })[]) =>
      positions.map(position => ({ topic, partition: 0, at: position }));

    const found = await within(
      PATIENCE_MS,
      'the offsets',
      admin.listOffsets(at('earliest', 'latest', 3n, { timestamp: 4_500 }, { timestamp: 99_000 })),
    );
    const missing = await within(
      PATIENCE_MS,
      'an error',
      admin.listOffsets([{ topic, partition: 7, at: 'latest' }]),
    ).catch((error: unknown) => error);

    expect(found.map(({ offset }) => offset)).toEqual([0n, 10n, 3n, 4n, 10n]);
    expect(missing).toMatchObject({ name: 'BrokerError', topic, partition: 7 });
    expect(String(missing)).toMatch(/1 partition/);
  });
});

function values(topic: string, count: number) {
  return Array.from({ length: count }, (_, i) => ({ topic, value: `value-${i}` }));
}

/** TCP whose received frames are changed on their way. */
function changing(change: (frame: Buffer) => Buffer): Transport {
  return (broker, tls) =>
    tcpTransport(broker, tls).pipe(
      map(stream => {
        // A broker, or a proxy before it, may send a frame in pieces: what is to be changed could lie across two of them.
        let pieces = Buffer.alloc(0);
        const wholeFrames = (chunk: Uint8Array): Buffer[] => {
          const frames: Buffer[] = [];
          pieces = Buffer.concat([pieces, chunk]);
          while (pieces.length >= 4 && pieces.length >= 4 + pieces.readInt32BE(0)) {
            const end = 4 + pieces.readInt32BE(0);
            frames.push(Buffer.from(pieces.subarray(0, end)));
            pieces = pieces.subarray(end);
          }
          return frames;
        };
        return { ...stream, received: stream.received.pipe(concatMap(wholeFrames), map(change)) };
      }),
    );
}

function flipBitOf(text: string): (frame: Buffer) => Buffer {
  return frame => {
    const at = frame.indexOf(text);
    if (at >= 0) frame[at]! ^= 1;
    return frame;
  };
}
