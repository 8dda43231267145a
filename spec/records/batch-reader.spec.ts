import { gzipSync } from 'node:zlib';
import { DecodeError } from '../../lib/errors';
import { scanBatches } from '../../lib/records/batch-header';
import { BATCH } from '../../lib/records/batch-layout';
import { openBatch, type OpenOptions } from '../../lib/records/batch-reader';
import { stampBatch } from '../../lib/records/batch-stamp';
import { javaBatch, javaRecords, JAVA_TIME } from './java-batches';
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
  it.each(['none', 'gzip', 'snappy'] as const)('reads what Java wrote with codec %s', name => {
    expect(readAll(javaBatch(name))).toEqual(javaRecords);
  });

  it('gives every record the time of the broker in LogAppendTime', () => {
    expect(readAll(javaBatch('append'))).toEqual(
      javaRecords.map(record => ({ ...record, timestamp: JAVA_TIME + 999 })),
    );
  });

  it('reads no record from a batch that compaction has emptied, compressed or not', () => {
    expect(readAll(javaBatch('empty'))).toEqual([]);
    expect(readAll(withArea(Buffer.alloc(0), 1, 0))).toEqual([]);
    expect(readAll(withArea(gzipSync(Buffer.alloc(0)), 1, 0))).toEqual([]);
  });

  it('refuses a batch of which any bit under the CRC is flipped', () => {
    const whole = javaBatch('none');
    for (let bit = BATCH.crc * 8; bit < whole.length * 8; bit++) {
      const batch = Buffer.from(whole);
      batch[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => readAll(batch)).toThrow(DecodeError);
    }
  });

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
    for (const name of ['gzip', 'snappy'] as const)
      expect(() => open(javaBatch(name), { maxInflatedBytes: 0x52 })).toThrow(/more than the 82 bytes allowed/);
  });

  it('refuses what is no stream of its codec', () => {
    expect(() => open(withArea(Buffer.from('not compressed'), 1))).toThrow(/no gzip stream/);
    expect(() => open(withArea(Buffer.from('not compressed'), 2))).toThrow(/no snappy stream/);
    expect(() => open(withArea(Buffer.alloc(0), 1))).toThrow(/no gzip stream/);
    expect(() => open(withArea(Buffer.alloc(0), 2))).toThrow(/no snappy stream/);
  });

  it('names the codec that it does not read', () => {
    expect(() => open(javaBatch('lz4'))).toThrow(DecodeError);
    expect(() => open(javaBatch('lz4'))).toThrow(/compressed with lz4/);
    expect(() => open(withArea(Buffer.alloc(9), 4))).toThrow(/compressed with zstd/);
    expect(() => open(withArea(Buffer.alloc(9), 7))).toThrow(/codec 7 is not known/);
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
