import * as fc from 'fast-check';
import * as snappyjs from 'snappyjs';
import { snappy } from '../../../lib/records/compression/snappy';

const LIMIT = 1 << 20;
const xerialHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);

/** Java's stream of blocks around raw blocks. */
function xerial(...blocks: Buffer[]): Buffer {
  return Buffer.concat([xerialHeader, ...blocks.flatMap(block => [int32(block.length), block])]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Bytes that repeat themselves near and far, and some that do not. */
const compressible = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.nat(255), fc.nat(3000)).map(([byte, n]) => Buffer.alloc(n, byte)),
    ),
    { maxLength: 60 },
  )
  .map(parts => Buffer.concat([...parts, ...parts]));

describe('snappy', () => {
  // Elements by hand, after snappy's format description: size, then literals (tag & 3 = 0) and copies (1, 2, 3).
  it.each<[string, number[], string]>([
    ['a literal', [3, 0x08, 97, 98, 99], 'abc'],
    ['a literal with its length in a byte', [3, 0xf0, 2, 97, 98, 99], 'abc'],
    ['a literal with its length in four bytes', [3, 0xfc, 2, 0, 0, 0, 97, 98, 99], 'abc'],
    ['a copy with a distance of 11 bits', [7, 0x08, 97, 98, 99, 0x01, 3], 'abcabca'],
    ['a copy with a distance of 16 bits that overlaps itself', [6, 0x00, 97, 0x12, 1, 0], 'aaaaaa'],
    ['a copy with a distance of 32 bits', [6, 0x08, 97, 98, 99, 0x0b, 3, 0, 0, 0], 'abcabc'],
    ['nothing', [0], ''],
  ])('reads %s', (_, block, expected) => {
    expect(snappy.decompress(Buffer.from(block), LIMIT).toString()).toBe(expected);
    expect(snappy.decompress(xerial(Buffer.from(block)), LIMIT).toString()).toBe(expected);
  });

  it('reads a stream of several blocks, each of which is compressed on its own', () => {
    const blocks = ['one '.repeat(50), 'two', ''].map(text => snappyjs.compress(Buffer.from(text)));
    expect(snappy.decompress(xerial(...blocks), LIMIT).toString()).toBe('one '.repeat(50) + 'two');
    expect(snappy.decompress(xerial(), LIMIT)).toHaveLength(0);
  });

  it('reads what snappyjs writes, and snappyjs reads what it writes', () => {
    fc.assert(
      fc.property(compressible, bytes => {
        expect(snappy.decompress(snappyjs.compress(bytes), LIMIT).equals(bytes)).toBe(true);
        expect(snappyjs.uncompress(snappy.compress(Uint8Array.from(bytes))).equals(bytes)).toBe(true);
      }),
    );
  });

  it.each<[string, number[] | Buffer]>([
    ['no bytes', []],
    ['no size', [0x80]],
    ['a size of more than five bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0]],
    // What makes snappyjs run for ever: the length, read as a signed number, steps back onto the tag.
    ['a literal of nearly 2^32 bytes', [20, 0xfc, 0xfa, 0xff, 0xff, 0xff, 0, 0, 0]],
    ['a literal longer than the block', [9, 0x20, 97, 98]],
    ['a literal whose length is cut off', [9, 0xf8, 1]],
    ['a copy that is cut off', [7, 0x08, 97, 98, 99, 0x01]],
    ['a copy from before the block', [7, 0x08, 97, 98, 99, 0x01, 4]],
    ['a copy of distance 0', [7, 0x08, 97, 98, 99, 0x01, 0]],
    ['a literal past the size', [2, 0x08, 97, 98, 99]],
    ['a copy past the size', [6, 0x08, 97, 98, 99, 0x01, 3]],
    // snappyjs fills the rest with zeros.
    ['less than the size', [4, 0x08, 97, 98, 99]],
    [
      'a block that reaches back into the one before',
      xerial(Buffer.from([3, 0x08, 97, 98, 99]), Buffer.from([4, 0x01, 3])),
    ],
    ['a block longer than the stream', Buffer.concat([xerialHeader, int32(9), Buffer.from([0])])],
    ['a block of negative length, which would be read for ever', Buffer.concat([xerialHeader, int32(-4)])],
    ['a block length that is cut off', Buffer.concat([xerialHeader, Buffer.alloc(3)])],
  ])('refuses %s', (_, bytes) => {
    expect(() => snappy.decompress(Buffer.from(bytes), LIMIT)).toThrow(/^snappy: /);
  });

  it('refuses a size beyond the limit, and one that the bytes cannot hold, before it makes room', () => {
    const zeros = snappyjs.compress(Buffer.alloc(1000));
    expect(snappy.decompress(zeros, 1000)).toHaveLength(1000);
    expect(() => snappy.decompress(zeros, 999)).toThrow(RangeError);
    expect(() => snappy.decompress(xerial(zeros, zeros), 1999)).toThrow(RangeError);
    expect(() => snappy.decompress(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 97]), 2 ** 40)).toThrow(/cannot hold/);
  });

  it('keeps nothing of the blocks it walks over', () => {
    // Six million of them, each of no bytes.
    const blocks = Buffer.concat([xerialHeader, Buffer.alloc(30_000_000, Buffer.from([0, 0, 0, 1, 0]))]);
    const before = process.memoryUsage().heapUsed;
    expect(snappy.decompress(blocks, LIMIT)).toHaveLength(0);
    // Garbage counts as long as nobody collects it: tens of megabytes on Node 24. An object kept for each block was 400 and more.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(128 << 20);
  });

  it('ends on any bytes with bytes or an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, blocks) => {
        const input = blocks ? Buffer.concat([xerialHeader, bytes]) : Buffer.from(bytes);
        try {
          expect(snappy.decompress(input, 4096).length).toBeLessThanOrEqual(4096);
        } catch (error) {
          expect((error as Error).message).toMatch(/^snappy: /);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
