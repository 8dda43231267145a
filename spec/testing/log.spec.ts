import { scanBatches } from '../../lib/records/batch-header';
import { buildBatch } from '../../lib/records/build-batch';
import { PartitionLog } from '../../lib/testing/log';

function filled(...counts: readonly number[]): PartitionLog {
  const log = new PartitionLog();
  for (const count of counts) {
    const batch = buildBatch(
      Array.from({ length: count }, (_, index) => ({ timestamp: 1000 + index, value: 'value' })),
    );
    log.append(batch, scanBatches(batch)[0]!, 4);
  }
  return log;
}

describe('PartitionLog', () => {
  it('gives each batch its offset and leader epoch and leaves the rest, the CRC included, as it came', () => {
    const sent = buildBatch([{ timestamp: 1, value: 'a' }]);
    const log = filled(3);
    expect(log.append(sent, scanBatches(sent)[0]!, 9)).toBe(3n);
    const stored = log.batches[1]!.bytes;
    expect(stored.readBigInt64BE(0)).toBe(3n);
    expect(stored.readInt32BE(12)).toBe(9);
    expect(stored.subarray(16)).toEqual(sent.subarray(16));
    expect(sent.readBigInt64BE(0)).toBe(0n);
    expect(log.endOffset).toBe(4n);
  });

  it('finds the batch that holds an offset', () => {
    const log = filled(3, 1, 5);
    expect([0n, 2n, 3n, 4n, 8n, 9n].map(offset => log.indexOf(offset))).toEqual([0, 0, 1, 2, 2, 3]);
  });

  describe('read', () => {
    const log = filled(3, 3, 3);
    const size = log.batches[0]!.bytes.length;

    it('returns whole batches as they are stored', () => {
      expect(log.read(0n, 9n, 1_000_000, false)).toEqual({
        chunks: log.batches.map(({ bytes }) => bytes),
        bytes: 3 * size,
        nextOffset: 9n,
      });
      expect(log.read(4n, 9n, 1_000_000, false).chunks[0]).toBe(log.batches[1]!.bytes);
    });

    it('cuts the last batch where the limit is', () => {
      const { chunks, bytes } = log.read(0n, 9n, size + 10, false);
      expect(chunks.map(chunk => chunk.length)).toEqual([size, 10]);
      expect(bytes).toBe(size + 10);
    });

    it('returns a first batch above the limit whole where one record at least is wanted, and else nothing', () => {
      expect(log.read(0n, 9n, 10, true).bytes).toBe(size);
      expect(log.read(0n, 9n, 10, false).bytes).toBe(0);
      expect(log.read(0n, 9n, 0, false).bytes).toBe(0);
    });

    it('stops before the end it is given', () => {
      expect(log.read(0n, 6n, 1_000_000, true)).toMatchObject({ bytes: 2 * size, nextOffset: 6n });
      expect(log.read(9n, 9n, 1_000_000, true)).toMatchObject({ bytes: 0, nextOffset: 9n });
    });
  });

  it('drops whole batches below a new start', () => {
    const log = filled(3, 3, 3);
    log.deleteBefore(4n);
    expect([log.startOffset, log.batches.length, log.batches[0]!.baseOffset, log.endOffset]).toEqual([4n, 2, 3n, 9n]);
    expect(() => log.deleteBefore(10n)).toThrow(RangeError);
  });
});
