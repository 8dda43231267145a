import { Reader } from '../../lib/bytes/reader';
import { Writer } from '../../lib/bytes/writer';
import { DeliveredRecord, type RecordHome } from '../../lib/consumer/delivery/record';
import { Fetch } from '../../lib/protocol/apis/fetch';
import { Metadata } from '../../lib/protocol/apis/metadata';
import { Produce } from '../../lib/protocol/apis/produce';
import { scanBatches } from '../../lib/records/batch-header';
import { openBatch } from '../../lib/records/batch-reader';
import { BatchWriter } from '../../lib/records/batch-writer';
import { RecordCursor } from '../../lib/records/record-cursor';
import { readKey, readValue } from '../../lib/records/record-fields';
import type { Compression } from '../../lib/types';
import { Random } from '../fuzz/random';
import { decode, encode, nameOf, randomValue, schemas } from '../fuzz/schemas';
import { codecNames } from '../fuzz/targets/codecs';
import { cost, type Cost } from './cost';
import * as peers from './peers/wire';
import { table } from './table';

// What encoding and decoding cost beside the packages of other clients, on the same bytes in one process: nanoseconds, and
// bytes allocated. Prints medians; gates on nothing. Other clients make every record when a response is decoded, so
// that ours reads each record's key and value here, too, but where a row says otherwise.

const RECORDS = 1_000;
const where = { topic: 'bench', partition: 0 };
const limits = { maxInflatedBytes: 1 << 30, where };
const value = Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(3).slice(0, 100));
const key = Buffer.from('key-12345');
const timestamp = 1_700_000_000_000;

/** Read by nobody, written so that nothing is optimised away. */
export let sink: unknown;

async function main(): Promise<void> {
  const ours = peers.NAMES[0];
  const rows: string[][] = [];
  const row = async (what: string, per: number, work: peers.Tasks): Promise<void> => {
    process.stderr.write(`measuring ${what}\n`);
    const costs: (Cost | undefined)[] = [];
    for (const name of peers.NAMES) costs.push(work[name] && (await cost(work[name], per)));
    rows.push([what, ...costs.flatMap(one => (one ? [one.ns.toFixed(1), one.bytes.toFixed(0)] : ['–', '–']))]);
  };

  await row('Metadata, 1,000 partitions: decode, per partition', 1_000, {
    [ours]: () => (sink = Metadata.decodeResponse(13, new Reader(metadataFrame))),
    ...peers.decodeMetadata(metadataFrame),
  });
  for (const compression of ['none', ...codecNames] as const) {
    const batch = Buffer.from(writeBatch(compression));
    const frame = fetchFrame(batch);
    await row(`Produce, 1,000 records, ${compression}: encode, per record`, RECORDS, {
      [ours]: () => (sink = produceChunks(compression)),
      ...peers.encodeProduce(compression, { count: RECORDS, key, value, timestamp }),
    });
    await row(`Fetch, 1,000 records, ${compression}: decode, per record`, RECORDS, {
      [ours]: () => readFetch(frame),
      ...peers.decodeFetch(compression, frame),
    });
  }

  const fetched = fetchFrame(Buffer.from(writeBatch('none')));
  await row('lazy: Fetch decoded, no record touched', RECORDS, {
    [ours]: () => (sink = Fetch.decodeResponse(11, new Reader(fetched))),
  });
  await row('lazy: every record stepped over', RECORDS, { [ours]: () => stepOver(fetched) });
  await row('lazy: a record object each', RECORDS, { [ours]: () => makeRecords(fetched) });
  const opened = openBatch(Buffer.from(writeBatch('none')), scanBatches(Buffer.from(writeBatch('none')))[0]!, limits);
  await row('a record object alone', RECORDS, {
    [ours]: () => {
      for (let at = 0; at < RECORDS; at++) kept[at] = recordAt(opened, at, at, timestamp + at);
    },
  });
  await row('lazy: a record object each, its value read', RECORDS, { [ours]: () => readValues(fetched) });
  const head = ['', ...peers.NAMES.flatMap(name => [`${name} ns`, 'bytes'])];
  console.log(`\n${table(head, rows)}`);

  const newest = schemas.filter(({ api, version }) => version === api.versions[1]);
  const each: string[][] = [];
  process.stderr.write(`measuring ${newest.length} messages\n`);
  for (const schema of newest) {
    const message = randomValue(schema, new Random(7));
    const frame = encode(schema, message);
    const [written, read] = [
      await cost(() => (sink = encode(schema, message)), 1, 15),
      await cost(() => (sink = decode(schema, new Reader(frame))), 1, 15),
    ];
    each.push([
      nameOf(schema),
      ...[frame.length, written.ns, written.bytes, read.ns, read.bytes].map(figure => figure.toFixed(0)),
    ]);
  }
  console.log(`\n${table(['a message', 'size', 'encode ns', 'bytes', 'decode ns', 'bytes'], each)}`);
}

const uuid = 'AQIDBAUGBwgJCgsMDQ4PEA';

const metadataFrame = written(writer =>
  Metadata.encodeResponse(
    13,
    {
      brokers: [0, 1, 2].map(nodeId => ({ nodeId, host: `broker-${nodeId}.kafka.test`, port: 9092 })),
      topics: Array.from({ length: 10 }, (_, topic) => ({
        errorCode: 0,
        name: `topic-number-${topic}`,
        topicId: uuid,
        partitions: Array.from({ length: 100 }, (_, partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId: partitionIndex % 3,
          leaderEpoch: 7,
          replicaNodes: [0, 1, 2],
          isrNodes: [0, 1, 2],
        })),
      })),
    },
    writer,
  ),
);

function written(write: (writer: Writer) => void): Buffer {
  const writer = new Writer();
  write(writer);
  return writer.toBuffer();
}

function fetchFrame(records: Buffer): Buffer {
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 1_000n, abortedTransactions: null, records };
  return written(writer =>
    Fetch.encodeResponse(11, { responses: [{ topic: 'bench', partitions: [partition] }] }, writer),
  );
}

let storage: Buffer | undefined;

function writeBatch(compression: Compression): Buffer {
  const writer = new BatchWriter({ capacityBytes: 1 << 20, compression, ...(storage && { buffer: storage }) });
  for (let record = 0; record < RECORDS; record++) writer.append(timestamp + record, key, value, undefined);
  const batch = writer.stamp(-1n, -1, -1);
  storage = writer.storage;
  return batch;
}

function produceChunks(compression: Compression): Uint8Array[] {
  const writer = new Writer();
  const partitionData = [{ index: 0, records: [writeBatch(compression)] }];
  Produce.encodeRequest(7, { acks: -1, timeoutMs: 30_000, topicData: [{ name: 'bench', partitionData }] }, writer);
  return writer.chunks();
}

/** As delivery keeps them until they are settled. */
const kept = new Array<unknown>(RECORDS);
const home = {} as RecordHome;

function recordAt(batch: ReturnType<typeof openBatch>, position: number, delta: number, at: number): unknown {
  const { header, frame } = batch;
  const opened = openedOf(header, frame);
  return new DeliveredRecord(home, opened, position, delta, at, delta, 0, 1);
}

let current: { header: unknown; frame: unknown; base: number; highWatermark: bigint } | undefined;

/** One for all records of a batch. */
function openedOf(header: unknown, frame: unknown): never {
  if (current?.header !== header) current = { header, frame, base: 0, highWatermark: 0n };
  return current as never;
}

// A loop of its own each, as delivery has one: what is shared by several is compiled for the dearest of them.

function batchesOf(frame: Buffer): ReturnType<typeof openBatch>[] {
  const { records } = Fetch.decodeResponse(11, new Reader(frame)).responses[0]!.partitions[0]!;
  return scanBatches(records!).map(header => openBatch(records!, header, limits));
}

function stepOver(frame: Buffer): void {
  let sum = 0;
  for (const batch of batchesOf(frame))
    for (const cursor = new RecordCursor(batch); cursor.next();) sum += cursor.offsetDelta;
  sink = sum;
}

function makeRecords(frame: Buffer): void {
  for (const batch of batchesOf(frame))
    for (const cursor = new RecordCursor(batch); cursor.next();)
      kept[cursor.offsetDelta] = recordAt(batch, cursor.position, cursor.offsetDelta, cursor.timestamp);
}

function readValues(frame: Buffer): void {
  let sum = 0;
  for (const batch of batchesOf(frame))
    for (const cursor = new RecordCursor(batch); cursor.next();) {
      kept[cursor.offsetDelta] = recordAt(batch, cursor.position, cursor.offsetDelta, cursor.timestamp);
      sum += readValue(batch.frame, cursor.position)!.length;
    }
  sink = sum;
}

function readFetch(frame: Buffer): void {
  let sum = 0;
  for (const batch of batchesOf(frame))
    for (const cursor = new RecordCursor(batch); cursor.next();) {
      kept[cursor.offsetDelta] = recordAt(batch, cursor.position, cursor.offsetDelta, cursor.timestamp);
      sum += readKey(batch.frame, cursor.position)!.length + readValue(batch.frame, cursor.position)!.length;
    }
  sink = sum;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
