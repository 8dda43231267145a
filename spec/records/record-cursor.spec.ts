import * as fc from 'fast-check';
import { DecodeError } from '../../lib/errors';
import { scanBatches } from '../../lib/records/batch-header';
import { BATCH } from '../../lib/records/batch-layout';
import { openBatch } from '../../lib/records/batch-reader';
import { stampBatch } from '../../lib/records/batch-stamp';
import { RecordCursor } from '../../lib/records/record-cursor';
import { javaBatch, javaRecords } from './java-batches';
import { readAll } from './read-all';

/** A batch around hand-made records, with a CRC that is right: only the records lie. */
function batchOf(area: readonly number[], recordCount: number, lastOffsetDelta = 9): Buffer {
  const batch = Buffer.concat([javaBatch('none').subarray(0, BATCH.records), Buffer.from(area)]);
  batch.writeInt32BE(batch.length - 12, BATCH.batchLength);
  batch.writeInt32BE(recordCount, BATCH.recordCount);
  batch.writeInt32BE(lastOffsetDelta, BATCH.lastOffsetDelta);
  batch.writeBigInt64BE(1000n, BATCH.baseTimestamp);
  stampBatch(batch, { attributes: 0, producerId: -1n, epoch: -1, baseSequence: -1 });
  return batch;
}

// By hand: length 7 · attributes · timestamp delta -1 · offset delta 0 · key of 1, 'k' · value null · no headers
const plain = [14, 0, 1, 0, 2, 0x6b, 1, 0];

describe('RecordCursor', () => {
  it('reads a record made by hand', () => {
    expect(readAll(batchOf(plain, 1))).toEqual([{ offset: 42, timestamp: 999, key: 'k', value: null, headers: [] }]);
  });

  it('reports where the fields stand and how many bytes they take', () => {
    const batch = batchOf(plain, 1);
    const opened = openBatch(batch, scanBatches(batch)[0]!, {
      maxInflatedBytes: 0,
      where: { topic: 't', partition: 0 },
    });
    const cursor = new RecordCursor(opened);
    expect(cursor.next()).toBe(true);
    expect([cursor.offsetDelta, cursor.position, cursor.bodyBytes]).toEqual([0, BATCH.records + 4, 4]);
    expect(cursor.next()).toBe(false);
    expect(cursor.next()).toBe(false);
  });

  // The deltas as any zig-zag varlong encoder writes them, by hand.
  it.each<[string, number[], number]>([
    ['30 days', [0x80, 0xa0, 0xf6, 0xa7, 0x13], 2_592_000_000],
    ['-30 days', [0xff, 0x9f, 0xf6, 0xa7, 0x13], -2_592_000_000],
    ['2^31', [0x80, 0x80, 0x80, 0x80, 0x10], 2 ** 31],
    ['-2^31 - 1', [0x81, 0x80, 0x80, 0x80, 0x10], -(2 ** 31) - 1],
    ['2^27, in five bytes', [0x80, 0x80, 0x80, 0x80, 0x01], 2 ** 27],
    ['2^48', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 2 ** 48],
    ['2^53', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20], 2 ** 53],
    ['the most negative there is', [...Array<number>(9).fill(0xff), 0x01], -(2 ** 63)],
    ['0 in too many bytes', [0x80, 0x80, 0x00], 0],
  ])('reads a timestamp delta of %s', (_, delta, expected) => {
    const body = [0, ...delta, 0, 1, 1, 0];
    expect(readAll(batchOf([body.length * 2, ...body], 1))[0]!.timestamp).toBe(1000 + expected);
  });

  it('reads an offset delta of four bytes and values beyond two-byte lengths', () => {
    const value = Buffer.alloc(70_000, 'v');
    // 2^25 = 80 80 80 20; 70,000 = e0 c5 08; the body has 1 + 1 + 4 + 1 + 3 + 70,000 + 1 bytes
    const area = [0xf6, 0xc5, 0x08, 0, 0, 0x80, 0x80, 0x80, 0x20, 1, 0xe0, 0xc5, 0x08, ...value, 0];
    expect(readAll(batchOf(area, 1, 2 ** 25))).toEqual([
      { offset: 42 + 2 ** 25, timestamp: 1000, key: null, value: value.toString(), headers: [] },
    ]);
  });

  const long = Array<number>(10).fill(0x80);
  it.each<[string, number[], number]>([
    ['a count that is too high', plain, 2],
    ['a count that is too low', [...plain, ...plain], 1],
    ['a count of none, with records', plain, 0],
    ['a length past the end', [16, ...plain.slice(1)], 1],
    ['a length that ends inside the record', [12, ...plain.slice(1)], 1],
    ['a negative length', [13, ...plain.slice(1)], 1],
    ['an empty record', [0, 0, 0, 0, 0, 0, 0, 0], 1],
    ['a length of more than five bytes', [...long, ...plain], 1],
    ['a timestamp delta of more than ten bytes', [36, 0, ...long, 0x80, 0, 0, 1, 1, 0, 0, 0, 0], 1],
    ['an offset delta of more than five bytes', [36, 0, 0, ...long, 0, 1, 1, 0, 0, 0, 0, 0], 1],
    ['an offset delta that goes back', [...plain, 14, 0, 1, 0, 2, 0x6b, 1, 0], 2],
    ['a negative offset delta', [14, 0, 1, 1, 2, 0x6b, 1, 0], 1],
    ['an offset delta past the last', [14, 0, 1, 20, 2, 0x6b, 1, 0], 1],
    ['a key longer than the record', [14, 0, 1, 0, 8, 0x6b, 1, 0], 1],
    ['a key of 2^31 - 1 bytes', [20, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0], 1],
    ['a key of -2^31 bytes', [20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0], 1],
    ['a key of -2 bytes', [14, 0, 1, 0, 3, 0x6b, 1, 0], 1],
    ['a value longer than the record', [14, 0, 1, 0, 1, 4, 0x6b, 0], 1],
    ['a value of -2 bytes', [14, 0, 1, 0, 2, 0x6b, 3, 0], 1],
    ['a negative count of headers', [14, 0, 1, 0, 2, 0x6b, 1, 1], 1],
    ['more headers than bytes', [14, 0, 1, 0, 2, 0x6b, 1, 2], 1],
    ['2^31 - 1 headers', [20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f], 1],
    ['a header name that is null', [18, 0, 1, 0, 2, 0x6b, 1, 2, 1, 0], 1],
    ['a header name that is null, in two bytes', [18, 0, 1, 0, 2, 0x6b, 1, 2, 0x81, 0], 1],
    ['a header name past the end', [18, 0, 1, 0, 2, 0x6b, 1, 2, 4, 0], 1],
    ['a header value past the end', [18, 0, 1, 0, 2, 0x6b, 1, 2, 0, 4], 1],
    ['a header value of -2 bytes', [18, 0, 1, 0, 2, 0x6b, 1, 2, 0, 3], 1],
    ['bytes behind the headers', [16, 0, 1, 0, 2, 0x6b, 1, 0, 0], 1],
  ])('refuses %s', (_, area, count) => {
    const batch = batchOf(area, count);
    let error: unknown;
    try {
      readAll(batch);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ topic: 'orders', partition: 3, offset: 42n, position: expect.any(Number) });
    // A key or value that claims 2 GiB used to be reported at the position where it would have ended.
    const { position } = error as DecodeError;
    expect(position).toBeGreaterThanOrEqual(BATCH.recordCount);
    expect(position).toBeLessThanOrEqual(batch.length);
  });

  it('never reads into the batch behind', () => {
    // The key claims exactly the bytes of the next batch too.
    const lying = batchOf([14, 0, 1, 0, 60, 0x6b, 1, 0], 1);
    expect(() => readAll(Buffer.concat([lying, batchOf(plain, 1)]))).toThrow(DecodeError);
  });

  it('does not deliver a record that would end in the batch behind', () => {
    const next = batchOf(plain, 1);
    // One record, length and key of which take in the whole next batch but its last byte, read as "no headers".
    const head = (length: number, key: number) => [...varint(length), 0, 1, 0, ...varint(key), 0x6b, 0x6b, 0x6b, 0x6b];
    const key = 4 + next.length - 2;
    const lying = batchOf(head(3 + varint(key).length + key + 2, key), 1);
    const records = Buffer.concat([lying, next.subarray(0, -2), Buffer.from([1, 0])]);
    const opened = openBatch(records, scanBatches(records)[0]!, {
      maxInflatedBytes: 0,
      where: { topic: 't', partition: 0 },
    });
    expect(() => new RecordCursor(opened).next()).toThrow(DecodeError);
  });

  it('reads a batch with any one bit flipped, CRC unchecked, as some value or as a DecodeError', () => {
    for (const name of ['none', 'gzip', 'snappy', 'append', 'commit'] as const) {
      const whole = javaBatch(name);
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const batch = Buffer.from(whole);
        batch[bit >> 3]! ^= 1 << (bit & 7);
        expectRecordsOrDecodeError(batch);
      }
    }
  });

  it('reads any bytes as some value or as a DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 12 }), (area, count) => {
        expectRecordsOrDecodeError(batchOf([...area], count));
        expectRecordsOrDecodeError(Buffer.from(area));
      }),
      { numRuns: 3000 },
    );
  });

  it('makes the same of a batch wherever it stands in a frame', () => {
    const frame = Buffer.concat([javaBatch('none'), javaBatch('gzip'), javaBatch('none').subarray(0, 70)]);
    expect(readAll(frame)).toEqual([...javaRecords, ...javaRecords]);
  });
});

/** Zig-zag, for values that take two bytes. */
function varint(value: number): number[] {
  return [((value * 2) & 0x7f) | 0x80, (value * 2) >> 7];
}

function expectRecordsOrDecodeError(records: Buffer): void {
  try {
    readAll(records, { checkCrc: false });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}
