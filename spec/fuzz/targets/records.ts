import { crc32c } from '../../../lib/bytes/crc32c';
import { scanBatches } from '../../../lib/records/batch-header';
import { BATCH } from '../../../lib/records/batch-layout';
import { openBatch } from '../../../lib/records/batch-reader';
import { buildBatch, type BatchOptions, type BatchRecord } from '../../../lib/records/build-batch';
import { codecOf } from '../../../lib/records/compression/codecs';
import { RecordCursor } from '../../../lib/records/record-cursor';
import { readHeaders, readKey, readValue } from '../../../lib/records/record-fields';
import type { Compression } from '../../../lib/types';
import type { FuzzTarget } from '../fuzz';
import { HOSTILE_NAMES, type Random } from '../random';
import { refusalOf } from '../refusal';

export const where = { topic: '__proto__', partition: 7 } as const;

/** Records of any kind in a batch of any kind, read as they were meant. */
export const batches: FuzzTarget = {
  name: 'batches',
  property:
    'the records of a batch of any kind are read as they were written, also behind another and before half of one',
  cases: { quick: 2_500, change: 20_000, long: 1_000_000 },
  run(random) {
    const all = Array.from({ length: 1 + random.below(3) }, () => randomBatch(random));
    const field = Buffer.concat(all.map(one => one.bytes));
    const tail = randomBatch(random).bytes;
    const cut = Buffer.concat([field, tail.subarray(0, random.below(tail.length))]);
    equal(
      readAll(cut),
      all.map(({ expected }) => expected),
    );
  },
};

/** Any bit inside the range of a batch's checksum. */
export const crcFlips: FuzzTarget = {
  name: 'crc-flips',
  property: 'a batch with any one bit flipped behind its CRC, or in it, is refused with topic, partition and offset',
  cases: { quick: 60, change: 300, long: 30_000 },
  run(random) {
    const { bytes } = randomBatch(random);
    const baseOffset = bytes.readBigInt64BE(BATCH.baseOffset);
    const from = 8 * BATCH.crc;
    for (let bit = from; bit < 8 * bytes.length; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const refusal = refusalOf(() => readAll(bytes), {
        frameBytes: bytes.length,
        offset: baseOffset,
        ...placeOf(bit),
      });
      if (refusal === undefined) throw new Error(`bit ${bit} of ${bytes.toString('hex')} passes`);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    return 8 * bytes.length - from;
  },
};

/** The signs of two lengths are looked at by `scanBatches`, which is not told whose batches they are: its caller adds that. */
function placeOf(bit: number): Partial<typeof where> {
  const field = bit >> 3;
  return (field === BATCH.lastOffsetDelta || field === BATCH.recordCount) && (bit & 7) === 7 ? {} : where;
}

/** What a broker may have stored though no client should have sent it: the checksum is right, the content is not. */
export const hostileBatches: FuzzTarget = {
  name: 'hostile-batches',
  property:
    'a batch that lies under a correct CRC is read, or refused with its offset, and with topic and partition once opened',
  cases: { quick: 5_000, change: 40_000, long: 5_000_000 },
  run(random) {
    const bytes = mutated(randomBatch(random), random);
    let scanned = false;
    const refusal = refusalOf(
      () => {
        const headers = scanBatches(bytes);
        scanned = true;
        // What a consumer does next: it must come to an end, and never go back.
        let next = -1n;
        for (const header of headers) {
          if (header.nextOffset <= header.baseOffset) throw new Error('a batch that ends before it begins');
          if (next < header.nextOffset) next = header.nextOffset;
          readBatch(bytes, header);
        }
      },
      // Inflated records count their positions from the first of them.
      { frameBytes: MAX_INFLATED },
    );
    if (refusal === undefined) return;
    if (refusal.offset === undefined) throw new Error('no offset', { cause: refusal });
    if (scanned && (refusal.topic !== where.topic || refusal.partition !== where.partition))
      throw new Error('no topic or partition', { cause: refusal });
  },
};

/** What is read of bytes that nobody wrote. */
export const noBatches: FuzzTarget = {
  name: 'no-batches',
  property: 'random bytes, the first of a batch in front of some, are no batches or refused with an offset',
  cases: { quick: 5_000, change: 40_000, long: 5_000_000 },
  run(random) {
    const bytes = random.bytes(random.below(300));
    if (random.chance(0.7)) randomBatch(random).bytes.copy(bytes, 0, 0, random.below(BATCH.records + 1));
    const refusal = refusalOf(() => readAll(bytes), { frameBytes: MAX_INFLATED });
    if (refusal !== undefined && refusal.offset === undefined) throw new Error('no offset', { cause: refusal });
  },
};

const MAX_INFLATED = 1 << 20;
const codecs = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).filter(name => name === 'none' || works(name));

function works(name: Exclude<Compression, 'none'>): boolean {
  try {
    return codecOf(name)?.compress(Buffer.from('any')) !== undefined;
  } catch {
    // A package or a Node that this machine does not have.
    return false;
  }
}

interface RandomBatch {
  readonly bytes: Buffer;
  readonly compression: Compression;
  readonly expected: unknown;
}

export function randomBatch(random: Random): RandomBatch {
  const compression = random.pick(codecs);
  const baseOffset = random.chance(0.2) ? 2n ** 60n + BigInt(random.uint32()) : BigInt(random.below(1_000_000));
  const appendTime = random.chance(0.2) ? random.below(2 ** 32) * 1000 : undefined;
  const records = Array.from({ length: random.below(5) }, () => randomRecord(random));
  let delta = -1;
  const placed = records.map(record => ({
    ...record,
    offsetDelta: (delta += 1 + (random.chance(0.1) ? random.below(100_000) : 0)),
  }));
  const options: BatchOptions = {
    baseOffset,
    compression,
    leaderEpoch: random.below(9),
    producerId: random.signed(64),
    producerEpoch: Number(random.signed(16)),
    baseSequence: Number(random.signed(31)),
    transactional: random.chance(0.3),
    control: random.chance(0.2),
    lastOffsetDelta: Math.max(0, delta) + random.below(3),
    ...(appendTime !== undefined && { appendTime }),
  };
  return {
    bytes: buildBatch(placed, options),
    compression,
    expected: placed.map(({ offsetDelta, timestamp, key, value, headers }) => [
      baseOffset + BigInt(offsetDelta),
      appendTime ?? timestamp,
      text(key),
      text(value),
      headers.map(([name, bytes]) => [name, text(bytes)]),
    ]),
  };
}

function randomRecord(random: Random) {
  const bytes = () => (random.chance(0.2) ? null : random.bytes(random.below(random.chance(0.05) ? 300 : 12)));
  return {
    timestamp: random.chance(0.1) ? Number(random.signed(51)) : 1_700_000_000_000 + random.below(1_000_000),
    key: bytes(),
    value: bytes(),
    headers: Array.from(
      { length: random.below(4) },
      () => [random.chance(0.3) ? random.pick(HOSTILE_NAMES) : name(random), bytes()] as const,
    ),
  } satisfies BatchRecord;
}

/** As UTF-8 carries it: half of a pair would come back as another character. */
function name(random: Random): string {
  return Buffer.from(random.text(8)).toString();
}

/** One to three lies in the header or the records, then a checksum that vouches for them. */
function mutated({ bytes, compression }: RandomBatch, random: Random): Buffer {
  let batch = Buffer.from(bytes);
  for (let lies = 1 + random.below(3); lies > 0; lies--) {
    const at =
      random.chance(0.3) || batch.length === BATCH.records
        ? random.below(BATCH.records)
        : BATCH.records + random.below(batch.length - BATCH.records);
    switch (random.below(compression === 'none' ? 5 : 4)) {
      case 0:
        batch[at] = random.pick([0, 1, 2, 0x7e, 0x7f, 0x80, 0xfe, 0xff]);
        break;
      case 1:
        batch[at]! ^= 1 << random.below(8);
        break;
      case 2:
        if (at <= batch.length - 4)
          batch.writeInt32BE(random.pick([-2, -1, 0, 2 ** 31 - 1, -(2 ** 31), batch.length]), at);
        break;
      case 3:
        batch = Buffer.concat([batch, random.bytes(random.below(20))]);
        batch.writeInt32BE(batch.length - 12, BATCH.batchLength);
        break;
      default:
        batch = Buffer.concat([
          batch.subarray(0, Math.max(at, BATCH.records)),
          VARINT,
          batch.subarray(Math.max(at, BATCH.records)),
        ]);
        batch.writeInt32BE(batch.length - 12, BATCH.batchLength);
    }
  }
  batch.writeUInt32BE(crc32c(batch.subarray(BATCH.attributes)), BATCH.crc);
  return batch;
}

const VARINT = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);

function readAll(records: Buffer): unknown[] {
  return scanBatches(records).map(header => readBatch(records, header));
}

function readBatch(records: Buffer, header: ReturnType<typeof scanBatches>[number]): unknown[] {
  const batch = openBatch(records, header, { maxInflatedBytes: MAX_INFLATED, where });
  const read: unknown[] = [];
  for (const cursor = new RecordCursor(batch); cursor.next();) {
    const { frame } = batch;
    const { position } = cursor;
    const headers = readHeaders(frame, position);
    const listed = [...headers];
    for (const [name, value] of listed)
      if (!headers.getAll(name).includes(value)) throw new Error(`the header ${name} is lost`);
    read.push([
      header.baseOffset + BigInt(cursor.offsetDelta),
      cursor.timestamp,
      text(readKey(frame, position)),
      text(readValue(frame, position)),
      listed.map(([name, value]) => [name, text(value)]),
    ]);
  }
  return read;
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}

function equal(actual: unknown, expected: unknown): void {
  const [a, b] = [actual, expected].map(value =>
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)),
  );
  if (a !== b) throw new Error(`read ${a}\nwrote ${b}`);
}
