import { crc32c, crc32cImplementation, javascriptCrc32c } from '../../lib/bytes/crc32c';
import { scanBatches } from '../../lib/records/batch-header';
import { BATCH } from '../../lib/records/batch-layout';
import { openBatch } from '../../lib/records/batch-reader';
import { BatchWriter } from '../../lib/records/batch-writer';
import { RecordCursor } from '../../lib/records/record-cursor';
import { readValue } from '../../lib/records/record-fields';
import type { Bytes, Compression, HeadersInput } from '../../lib/types';
import { quick, report } from './stage-report';

// What the record format costs, in ns a record: `npx tsx spec/bench/records.bench.ts`. Medians of many rounds in one
// process, of CPU time, garbage collection included, as others may use the machine; compare the columns of one run.

const ROUNDS = quick ? 3 : 25;
const RECORDS_A_ROUND = 100_000;
const where = { topic: 'bench', partition: 0 };
const limits = { maxInflatedBytes: 1 << 30, where };
const headers: HeadersInput = [
  ['trace', 'abcdef0123456789'],
  ['source', Buffer.from('bench')],
];

/** Read by nobody, written so that no loop is optimised away. */
export let sink = 0;

interface Shape {
  readonly name: string;
  readonly value: Bytes;
  readonly headers?: HeadersInput;
}

const text = 'The quick brown fox jumps over the lazy dog. '.repeat(30);
/** Flat, as what `JSON.stringify` makes: a slice of a long string would be read through it. */
const flat = Buffer.from(text.slice(0, 100)).toString('latin1');
const shapes: readonly Shape[] = [
  { name: '100 B buffer', value: Buffer.from(text.slice(0, 100)) },
  { name: '100 B text', value: flat },
  { name: '100 B, 2 headers', value: Buffer.from(text.slice(0, 100)), headers },
  { name: '1 kB buffer', value: Buffer.from(text.slice(0, 1000)) },
];

function main(): void {
  console.log(`Node ${process.version}, CRC-32C in use: ${crc32cImplementation}; ns per record`);
  const rows = shapes.flatMap(shape => [100, 1_000].map(count => measureShape(shape, count)));
  // In one table with the other stages only what there are bars for. The smaller batches are the dearer ones.
  if (process.send !== undefined) {
    for (const [shape, figures] of rows)
      if (/buffer × 100$/.test(shape))
        for (const [what, ns] of Object.entries(figures)) report({ stage: `${what}, ${shape}`, ns });
    return;
  }
  console.table(Object.fromEntries(rows));
  console.log('Compressed, 100 B buffer, batches of 1,000');
  console.table(Object.fromEntries((['gzip', 'snappy'] as const).map(codec => [codec, measureCodec(codec)])));
}

function measureShape(shape: Shape, count: number): [string, Record<string, number>] {
  const capacityBytes = 4 << 20;
  let storage: Buffer | undefined;
  const batch = Buffer.from(fill(shape, count, new BatchWriter({ capacityBytes, compression: 'none' })));
  const area = batch.subarray(BATCH.attributes);
  return [
    `${shape.name} × ${count}`,
    {
      'encode, new buffer': median(count, () =>
        fill(shape, count, new BatchWriter({ capacityBytes, compression: 'none' })),
      ),
      'encode, reused': median(count, () => {
        const writer = new BatchWriter({ capacityBytes, compression: 'none', ...(storage && { buffer: storage }) });
        fill(shape, count, writer);
        storage = writer.storage;
      }),
      'decode, no CRC': median(count, () => decode(batch, false)),
      'decode, CRC': median(count, () => decode(batch, true)),
      'decode, CRC, values': median(count, () => decode(batch, true, true)),
      'CRC in use': median(count, () => (sink += crc32c(area))),
      'decode, CRC in JavaScript': median(count, () => {
        sink += javascriptCrc32c(area);
        decode(batch, false);
      }),
      'CRC in JavaScript': median(count, () => (sink += javascriptCrc32c(area))),
    },
  ];
}

function measureCodec(compression: Compression): Record<string, number> {
  const count = 1_000;
  const capacityBytes = 4 << 20;
  const make = () => fill(shapes[0]!, count, new BatchWriter({ capacityBytes, compression }));
  const batch = Buffer.from(make());
  return { encode: median(count, make), decode: median(count, () => decode(batch, true)), bytes: batch.length / count };
}

function fill(shape: Shape, count: number, writer: BatchWriter): Buffer {
  for (let record = 0; record < count; record++)
    writer.append(1.7e12 + record, 'key-12345', shape.value, shape.headers);
  return writer.stamp(1n, 0, 0);
}

function decode(records: Buffer, checkCrc: boolean, values = false): void {
  for (const header of scanBatches(records)) {
    const batch = openBatch(records, header, { ...limits, checkCrc });
    const cursor = new RecordCursor(batch);
    while (cursor.next()) sink += values ? readValue(batch.frame, cursor.position)!.length : cursor.position;
  }
}

function median(count: number, run: () => unknown): number {
  const times: number[] = [];
  const runs = Math.max(1, Math.round(RECORDS_A_ROUND / count));
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.cpuUsage();
    for (let at = 0; at < runs; at++) run();
    const { user, system } = process.cpuUsage(from);
    times.push(((user + system) * 1000) / (runs * count));
  }
  return Math.round(times.sort((a, b) => a - b)[ROUNDS >> 1]! * 10) / 10;
}

main();
