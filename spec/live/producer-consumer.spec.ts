/**
 * Records through `producer.send` and `consumer.assign`: nothing lost, doubled or reordered.
 *
 *   npm run test:live -- --testPathPatterns producer-consumer                            10^6 records on the real Kafka, 10^5 on the embedded one
 *   KAFKA_RX_RECORDS=5000000 npm run test:live -- --testPathPatterns producer-consumer   as many as you like, on both
 */
import { concatMap, forkJoin, ignoreElements, map, merge, mergeMap, range, takeWhile, tap, toArray } from 'rxjs';
import { utf8 } from '../../lib';
import type { ConsumerRecord, Kafka, ProducerRecord, RecordMetadata } from '../../lib';
import { describeClusters } from '../support/clusters';
import { keepInFlight } from '../support/keep-in-flight';
import { flawless, Ledger } from '../support/ledger';
import { liveClients } from '../support/live-clients';
import { print } from '../support/print';
import { allWithin, within } from '../support/within';

const PARTITIONS = [0, 1, 2, 3];
const KEYS = 997;
const VALUE_BYTES = 100;

describeClusters('records through producer and consumer', cluster => {
  const clients = liveClients(cluster);
  const records = Number(process.env.KAFKA_RX_RECORDS ?? (cluster.kind === 'real' ? 1_000_000 : 100_000));
  const patienceMs = 60_000 + records / 10;

  it(
    `lets ${records} through, sent one by one and in arrays, with nothing lost, doubled or reordered`,
    async () => {
      const topic = await clients.topic('million', PARTITIONS.length);
      const kafka = clients.kafka();
      const producer = kafka.producer();
      const half = Math.floor(records / 2);
      const numbered = (number: number): ProducerRecord => ({
        topic,
        // Keys of their own for each half: the order across two concurrent streams of sends is nobody's promise.
        key: `${number < half ? 'single' : 'array'}-${number % KEYS}`,
        value: String(number).padEnd(VALUE_BYTES),
      });
      const placed = new Uint8Array(records);
      const stored = new Float64Array(records);
      const book = (first: number) => (metadata: readonly RecordMetadata[]) =>
        metadata.forEach(({ partition, offset }, i) => {
          placed[first + i] = partition;
          stored[first + i] = Number(offset);
        });
      const singles = keepInFlight(half, 1_000, number => producer.send(numbered(number)).pipe(tap(book(number))));
      const arrays = keepInFlight(Math.ceil((records - half) / 100), 10, i => {
        const first = half + 100 * i;
        const hundred = Array.from({ length: Math.min(100, records - first) }, (_, at) => numbered(first + at));
        return producer.send(hundred).pipe(tap(book(first)));
      });
      const ledger = new Ledger(records);
      const readPlaced = new Uint8Array(records);
      const readAt = new Float64Array(records);
      const started = performance.now();
      const cpu = process.cpuUsage();
      let sentMs = 0;
      let readMs = 0;
      const sending = merge(singles, arrays).pipe(tap({ complete: () => (sentMs = performance.now() - started) }));
      const reading = fromEarliest(kafka, topic).pipe(
        tap(record => {
          const number = numberOf(record);
          ledger.book(number, record.rawKey!.toString(), record.partition, record.offset);
          readPlaced[number] = record.partition;
          readAt[number] = Number(record.offset);
        }),
        takeWhile(() => !ledger.complete),
        ignoreElements(),
        tap({ complete: () => (readMs = performance.now() - started) }),
      );

      await allWithin(patienceMs, 'all records', merge(sending, reading));

      expect(ledger.balance).toEqual(flawless(records));
      // As many in the log as were sent: what a reader has not come to yet would show here.
      expect(await recordsInLog(kafka, topic)).toBe(BigInt(records));
      // Each is where its `send` said.
      expect(Buffer.compare(placed, readPlaced)).toBe(0);
      expect(Buffer.compare(Buffer.from(stored.buffer), Buffer.from(readAt.buffer))).toBe(0);
      print(
        `${cluster.name}: ${records} records sent in ${seconds(sentMs)} and read meanwhile, the last after ${seconds(readMs)}: ` +
          `${Math.round(records / readMs)} records/ms, ${cpuPerRecord(cpu, records)} µs of CPU a record for both ways`,
      );
    },
    2 * patienceMs,
  );

  for (const compression of ['none', 'gzip', 'snappy'] as const)
    for (const acks of ['all', 1, 0] as const)
      it(`lets records through with compression ${compression} and acks ${acks}`, async () => {
        const count = 3_000;
        const topic = await clients.topic('codec', PARTITIONS.length);
        const kafka = clients.kafka();
        const producer = kafka.producer({ compression, acks });
        const sending = range(0, count).pipe(
          mergeMap(number => producer.send({ topic, key: `k${number % 50}`, value: text(number) }), 500),
          concatMap(metadata => metadata),
          toArray(),
        );
        const ledger = new Ledger(count);
        const reading = fromEarliest(kafka, topic).pipe(
          tap(record => {
            const number = numberOf(record);
            expect(record.rawValue!.toString()).toBe(text(number));
            ledger.book(number, record.rawKey!.toString(), record.partition, record.offset);
          }),
          takeWhile(() => !ledger.complete),
          toArray(),
        );

        const [sent] = await within(30_000, 'all records', forkJoin([sending, reading]));

        expect(ledger.balance).toEqual(flawless(count));
        expect(sent).toHaveLength(count);
        // Nobody answers with acks 0, so nobody knows an offset.
        expect(sent.every(({ offset }) => (acks === 0 ? offset === -1n : offset >= 0n))).toBe(true);
        expect(await recordsInLog(kafka, topic)).toBe(BigInt(count));
      });

  it('brings keys, tombstones, headers and timestamps back as they were sent', async () => {
    const topic = await clients.topic('fields');
    const kafka = clients.kafka();
    const binary = Buffer.from([0, 0xff, 0x80, 1]);
    const sent: ProducerRecord[] = [
      { topic, key: 'text ü', value: 'äöü €', timestamp: 1_000 },
      { topic, key: null, value: 'no key', timestamp: 1_700_000_000_000 },
      { topic, key: '', value: '', timestamp: 1_700_000_000_000 - 1 },
      { topic, key: 'gone', value: null, timestamp: 1_700_086_400_000 },
      { topic, key: binary, value: binary, timestamp: 5, headers: { one: 'α', nothing: null, bytes: binary } },
      {
        topic,
        value: 'repeated',
        timestamp: 6,
        headers: [
          ['trace', 'a'],
          ['other', ''],
          ['trace', 'b'],
        ],
      },
    ];
    const metadata = await within(10_000, 'stored', kafka.producer().send(sent));

    const read = await allWithin(
      10_000,
      'the records',
      kafka.consumer().assign([{ topic, partition: 0, offset: 'earliest', until: 'latest' }]).records,
    );

    expect(metadata.map(({ offset, timestamp }) => [offset, timestamp])).toEqual(
      sent.map(({ timestamp }, i) => [BigInt(i), timestamp]),
    );
    expect(read.map(record => [record.offset, record.timestamp, record.timestampType])).toEqual(
      sent.map(({ timestamp }, i) => [BigInt(i), timestamp, 'create']),
    );
    expect(read.map(record => [record.rawKey, record.rawValue])).toEqual(
      sent.map(({ key, value }) => [bytes(key), bytes(value)]),
    );
    expect(read.map(record => [...record.headers])).toEqual([
      [],
      [],
      [],
      [],
      [
        ['one', Buffer.from('α')],
        ['nothing', null],
        ['bytes', binary],
      ],
      [
        ['trace', Buffer.from('a')],
        ['other', Buffer.alloc(0)],
        ['trace', Buffer.from('b')],
      ],
    ]);
    expect(read[5]!.headers.text('trace')).toBe('b');
  });

  it('reads and answers the time of the broker where the topic says LogAppendTime', async () => {
    const topic = await clients.topic('append-time', 1, { 'message.timestamp.type': 'LogAppendTime' });
    const kafka = clients.kafka();
    const before = Date.now();

    const [first, second] = await within(
      10_000,
      'stored',
      kafka.producer().send([
        { topic, value: 'old', timestamp: 1_000 },
        { topic, value: 'new', timestamp: 2_000 },
      ]),
    );
    const read = await allWithin(
      10_000,
      'the records',
      kafka.consumer().assign([{ topic, partition: 0, offset: 'earliest', until: 'latest' }]).records,
    );

    expect(first!.timestamp).toBeGreaterThanOrEqual(before);
    expect(read.map(record => [record.timestamp, record.timestampType])).toEqual([
      [first!.timestamp, 'append'],
      [second!.timestamp, 'append'],
    ]);
  });

  it('sends and reads what encoders and decoders make', async () => {
    const topic = await clients.topic('serdes');
    const kafka = clients.kafka();
    const sending = kafka.producer({ key: utf8, value: utf8 }).send({ topic, key: 'k', value: 'grün' });
    await within(10_000, 'stored', sending);

    const consumer = kafka.consumer({ key: utf8, value: utf8 });
    const read = await within(
      10_000,
      'the record',
      consumer.assign([{ topic, partition: 0, offset: 'earliest' }]).records.pipe(
        // Read while it is ours: properties decode on first use.
        map(({ key, value }) => ({ key, value })),
      ),
    );

    expect(read).toEqual({ key: 'k', value: 'grün' });
  });
});

function fromEarliest(kafka: Kafka, topic: string) {
  return kafka.consumer().assign(PARTITIONS.map(partition => ({ topic, partition, offset: 'earliest' as const })))
    .records;
}

async function recordsInLog(kafka: Kafka, topic: string): Promise<bigint> {
  const ends = await within(
    10_000,
    'the ends of the log',
    kafka.admin().listOffsets(PARTITIONS.map(partition => ({ topic, partition, at: 'latest' as const }))),
  );
  return ends.reduce((sum, { offset }) => sum + offset, 0n);
}

/** Compresses well, as real records do, and differs by number. */
function text(number: number): string {
  return `${number} ${'the same again and again '.repeat(number % 20)}`;
}

function numberOf(record: ConsumerRecord): number {
  return parseInt(record.rawValue!.toString('latin1', 0, 10), 10);
}

function bytes(value: ProducerRecord['key']): Buffer | null {
  return value === null || value === undefined ? null : Buffer.from(value as string);
}

function cpuPerRecord(since: NodeJS.CpuUsage, records: number): string {
  const { user, system } = process.cpuUsage(since);
  return ((user + system) / records).toFixed(1);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
