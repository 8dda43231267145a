import { gzipSync } from 'node:zlib';
import { scanBatches } from '../../lib/records/batch-header';
import { BATCH } from '../../lib/records/batch-layout';
import { openBatch, type OpenOptions } from '../../lib/records/batch-reader';
import { stampBatch } from '../../lib/records/batch-stamp';
import { RecordCursor } from '../../lib/records/record-cursor';
import { javaBatch, javaRecords, javaTimes, JAVA_TIME } from './java-batches';
import { readAll } from './read-all';

const where = { topic: 'orders', partition: 3 };

function open(batch: Buffer, options: Partial<OpenOptions> = {}) {
  return openBatch(batch, scanBatches(batch)[0]!, { maxInflatedBytes: 1 << 20, where, ...options });
}

/** `records` (61 bytes of header and an area) with another area and codec, and a CRC that is right. */
function withArea(area: Buffer, codec: number, recordCount = 4): Buffer {
  const batch = Buffer.concat([javaBatch('none').subarray(0, BATCH.records), area]);
  batch.writeInt32BE(batch.length - 12, BATCH.batchLength);
  batch.writeInt32BE(recordCount, BATCH.recordCount);
  stampBatch(batch, { attributes: codec, producerId: -1n, epoch: -1, baseSequence: -1 });
  return batch;
}

describe('openBatch', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('reads what Java wrote with codec %s', name => {
    expect(readAll(javaBatch(name))).toEqual(javaRecords);
  });

  it.each(['append', 'appendGzip', 'appendSnappy', 'appendLz4', 'appendZstd'] as const)(
    'gives every record the time of the broker in LogAppendTime: %s',
    name => {
      expect(readAll(javaBatch(name))).toEqual(javaRecords.map(record => ({ ...record, timestamp: JAVA_TIME + 999 })));
    },
  );

  it('reads what compaction has left: holes, and the times of the records beside the delete horizon', () => {
    const batch = javaBatch('horizon');
    const [header] = scanBatches(batch);
    expect(header).toMatchObject({ recordCount: 2, baseTimestamp: JAVA_TIME + 5_000 + 3_600_000, nextOffset: 49n });
    expect(readAll(batch)).toEqual([javaRecords[1], javaRecords[2]]);
  });

  it.each(javaTimes)('reads the timestamps %d and %d', (first, second, hex) => {
    expect(readAll(Buffer.from(hex, 'hex')).map(({ timestamp }) => timestamp)).toEqual([first, second]);
  });

  it('keeps offsets beyond 2^53 exact, up to the last there is', () => {
    const offsetsOf = (batch: Buffer) => {
      const opened = open(batch);
      const cursor = new RecordCursor(opened);
      const offsets: bigint[] = [];
      while (cursor.next()) offsets.push(opened.header.baseOffset + BigInt(cursor.offsetDelta));
      return [...offsets, opened.header.lastOffset, opened.header.nextOffset];
    };
    const far = 2n ** 53n + 1n;
    expect(offsetsOf(javaBatch('far'))).toEqual([far, far + 1n, far + 4n, far + 4n, far + 5n]);
    const last = 2n ** 63n - 3n;
    expect(offsetsOf(javaBatch('last'))).toEqual([last, last + 1n, last + 1n, last + 2n]);
  });

  it('reads no record from a batch that compaction has emptied, compressed or not', () => {
    expect(readAll(javaBatch('empty'))).toEqual([]);
    expect(readAll(withArea(Buffer.alloc(0), 1, 0))).toEqual([]);
    expect(readAll(withArea(gzipSync(Buffer.alloc(0)), 1, 0))).toEqual([]);
  });

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd', 'horizon'] as const)(
    'refuses the batch %s when any bit under the CRC, or of the CRC, is flipped, and names it',
    name => {
      const whole = javaBatch(name);
      for (let bit = BATCH.crc * 8; bit < whole.length * 8; bit++) {
        const batch = Buffer.from(whole);
        batch[bit >> 3]! ^= 1 << (bit & 7);
        const error = errorOf(() => readAll(batch));
        // What the header alone shows to be wrong is found before the topic is known.
        if (/CRC/.test((error as Error).message)) expect(error).toMatchObject({ ...where, offset: 42n });
        expect(error).toMatchObject({ name: 'DecodeError', offset: 42n });
      }
    },
  );

  it('says which batch is bad, and where', () => {
    const batch = javaBatch('none');
    batch[90]! ^= 4;
    expect(errorOf(() => open(batch))).toMatchObject({ ...where, offset: 42n, position: BATCH.crc, retriable: false });
    expect(() => open(batch)).toThrow(/offset 42 of orders-3 .*CRC-32C is 0x[0-9a-f]{8} and should be 0xa2e06331/);
    expect(open(batch, { checkCrc: false }).end).toBe(batch.length);
  });

  it('stops inflating at the limit, with an error and not with the memory', () => {
    const bomb = withArea(gzipSync(Buffer.alloc(64 << 20)), 1);
    expect(errorOf(() => open(bomb))).toMatchObject({ name: 'DecodeError', ...where, offset: 42n });
    expect(() => open(bomb)).toThrow(/inflates to more than the 1048576 bytes allowed/);
    // 0x53 is what the four records take.
    expect(open(javaBatch('gzip'), { maxInflatedBytes: 0x53 }).end).toBe(0x53);
    expect(open(javaBatch('snappy'), { maxInflatedBytes: 0x53 }).end).toBe(0x53);
    for (const name of ['gzip', 'snappy', 'lz4', 'zstd'] as const)
      expect(() => open(javaBatch(name), { maxInflatedBytes: 0x52 })).toThrow(/more than the 82 bytes allowed/);
  });

  it('refuses what is no stream of its codec', () => {
    expect(() => open(withArea(Buffer.from('not compressed'), 1))).toThrow(/no gzip stream/);
    expect(() => open(withArea(Buffer.from('not compressed'), 2))).toThrow(/no snappy stream/);
    expect(() => open(withArea(Buffer.from('not compressed'), 3))).toThrow(/no lz4 stream/);
    expect(() => open(withArea(Buffer.from('not compressed'), 4))).toThrow(/no zstd stream/);
    for (const codec of [1, 2, 3, 4]) expect(() => open(withArea(Buffer.alloc(0), codec))).toThrow(/is no \w+ stream/);
  });

  it('names the codec that does not exist', () => {
    expect(errorOf(() => open(withArea(Buffer.alloc(9), 7)))).toMatchObject({ name: 'DecodeError', ...where });
    expect(() => open(withArea(Buffer.alloc(9), 7))).toThrow(/codec 7 is not known/);
  });

  it('names the batch, and the package that it takes to read it, when that is not installed', () => {
    jest.isolateModules(() => {
      jest.doMock('lz4-napi', () => {
        throw new Error("Cannot find module 'lz4-napi'");
      });
      const without = jest.requireActual<typeof import('../../lib/records/batch-reader')>(
        '../../lib/records/batch-reader',
      );
      const batch = javaBatch('lz4');
      const error = errorOf(() =>
        without.openBatch(batch, scanBatches(batch)[0]!, { maxInflatedBytes: 1 << 20, where }),
      );
      jest.dontMock('lz4-napi');
      expect(error).toMatchObject({
        name: 'DecodeError',
        ...where,
        offset: 42n,
        position: BATCH.attributes,
        cause: { name: 'UnsupportedVersionError' },
      });
      expect((error as Error).message).toMatch(/offset 42 of orders-3 cannot be read: .*lz4 needs .*lz4-napi/);
    });
  });

  it('refuses a count that the bytes cannot hold before anything is made for it', () => {
    const area = javaBatch('none').subarray(BATCH.records);
    for (const count of [12, 1_000_000, 2 ** 31 - 1])
      expect(errorOf(() => open(withArea(area, 0, count)))).toMatchObject({ position: BATCH.recordCount });
  });
});

function errorOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
