import * as fc from 'fast-check';
import { UnsupportedVersionError } from '../../../lib/errors';
import { lz4, lz4Codec } from '../../../lib/records/compression/lz4';
import { data, javaStream } from './java-streams';

const LIMIT = 1 << 20;
const sizes = ['lz4Size4', 'lz4Size5', 'lz4Size6', 'lz4Size7'] as const;
/** A frame by hand: one compressed block of the literals "abc" and a copy of 4 + `more` bytes, then "tail!" in literals. */
const frame = (more: number[]) => {
  const block = [0x3f, 97, 98, 99, 3, 0, ...more, 0x50, ...Buffer.from('tail!')];
  return Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, block.length, 0, 0, 0, ...block, 0, 0, 0, 0]);
};
const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);

describe('lz4', () => {
  it.each([...sizes, 'lz4Blocks'] as const)('reads what Java wrote: %s', name => {
    expect(lz4.decompress(javaStream(name), data.length).equals(data)).toBe(true);
    expect(() => lz4.decompress(javaStream(name), data.length - 1)).toThrow(RangeError);
  });

  it('reads several frames as one stream, and steps over those that are to be skipped', () => {
    const frames = [skippable, javaStream('lz4Size5'), skippable, javaStream('lz4Blocks'), lz4.compress(data)];
    const all = Buffer.concat(frames);
    expect(lz4.decompress(all, LIMIT).equals(Buffer.concat([data, data, data]))).toBe(true);
    expect(() => lz4.decompress(all, 3 * data.length - 1)).toThrow(RangeError);
    expect(lz4.decompress(skippable, LIMIT)).toHaveLength(0);
  });

  it('writes frames whose blocks are independent, without which Java refuses them', () => {
    for (const size of [0, 1, 1000, 100_000, 5_000_000]) {
      const bytes = Buffer.alloc(size, 'records');
      const written = lz4.compress(Uint8Array.from(bytes));
      expect(written.subarray(0, 5).toString('hex')).toBe('04224d1860');
      expect(lz4.decompress(written, size).equals(bytes)).toBe(true);
    }
  });

  it('reads what it writes, whatever it is', () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.nat(255), fc.nat(3000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), parts => {
        const bytes = Buffer.concat([...parts, ...parts]);
        // Exactly the limit: the size is found without being inflated.
        expect(lz4.decompress(lz4.compress(bytes), bytes.length).equals(bytes)).toBe(true);
        if (bytes.length > 0)
          expect(() => lz4.decompress(lz4.compress(bytes), bytes.length - 1)).toThrow(/^lz4: .* more than/);
      }),
    );
  });

  it('counts lengths of several bytes before it inflates them', () => {
    // 3 literals, a copy of 15 + 4 + 255 + 255 + 7, and 5 literals.
    const total = 3 + 19 + 255 + 255 + 7 + 5;
    expect(lz4.decompress(frame([255, 255, 7]), total)).toHaveLength(total);
    expect(() => lz4.decompress(frame([255, 255, 7]), total - 1)).toThrow(RangeError);
  });

  it('refuses a bomb before it is inflated', () => {
    const bomb = Buffer.concat(Array.from({ length: 20 }, () => lz4.compress(Buffer.alloc(64 << 20))));
    let inflated = 0;
    const counting = lz4Codec(() => {
      const library = jest.requireActual<typeof import('lz4-napi')>('lz4-napi');
      return { ...library, decompressFrameSync: given => (inflated++, library.decompressFrameSync(given)) };
    });
    expect(() => counting.decompress(bomb, LIMIT)).toThrow(/more than the 1048576 allowed/);
    expect(inflated).toBe(0);
  });

  it('keeps nothing of the blocks it walks over, and reads no more frames than anybody writes', () => {
    const [head, end] = [lz4.compress(Buffer.alloc(0)).subarray(0, 7), Buffer.alloc(4)];
    // Eight million stored blocks without a byte.
    const blocks = Buffer.concat([head, Buffer.alloc(32 << 20, Buffer.from([0, 0, 0, 0x80])), end]);
    const before = process.memoryUsage().heapUsed;
    expect(lz4.decompress(blocks, LIMIT)).toHaveLength(0);
    // Garbage counts as long as nobody collects it: tens of megabytes on Node 24. An object kept for each block was 400 and more.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(128 << 20);
    const empty = Buffer.concat([head, end]);
    expect(lz4.decompress(Buffer.alloc(1_000 * empty.length, empty), LIMIT)).toHaveLength(0);
    expect(() => lz4.decompress(Buffer.alloc(1_001 * empty.length, empty), LIMIT)).toThrow('more than 1000 frames');
  });

  const whole = javaStream('lz4Size4');
  const with_ = (at: number, ...bytes: number[]) => {
    const spoilt = Buffer.from(whole);
    spoilt.set(bytes, at);
    return spoilt;
  };
  it.each<[string, Buffer, RegExp?]>([
    ['no bytes', Buffer.alloc(0)],
    ['another magic number', with_(0, 5)],
    ['another version', with_(4, 0x98)],
    ['the reserved flag', with_(4, 0x7e)],
    ['a dictionary', with_(4, 0x7d), /dictionary/],
    ['reserved bits of the descriptor', with_(5, 0xc0)],
    ['blocks of an unknown size', with_(5, 0x30), /unknown size 3/],
    ['a size that the blocks cannot hold', with_(6, 0, 0, 0, 0, 1), /cannot hold/],
    ['a size that is not that of the content', with_(6, 0xa1, 1), /.*/],
    ['a wrong checksum of the header', with_(14, 0), /.*/],
    ['a block longer than the bytes', with_(15, 0xff), /a block of/],
    ['a block longer than a block may be', with_(15, 1, 0, 2, 0x80), /a block of/],
    ['a wrong checksum of a block', with_(whole.length - 12, 1, 2, 3, 4), /.*/],
    ['a wrong checksum of the content', with_(whole.length - 1, 0), /.*/],
    ['something behind the frame', Buffer.concat([whole, Buffer.from('what is this')]), /no frame begins/],
    ['something short behind the frame', Buffer.concat([whole, Buffer.alloc(3)]), /cut off/],
    ['a frame to be skipped that is cut off', skippable.subarray(0, 9), /cut off/],
  ])('refuses %s', (_, bytes, message = /^lz4: /) => {
    expect(() => lz4.decompress(bytes, LIMIT)).toThrow(message);
  });

  it.each(sizes)('refuses %s when it is cut off anywhere', name => {
    const stream = javaStream(name);
    for (let length = 0; length < stream.length; length++)
      expect(() => lz4.decompress(stream.subarray(0, length), LIMIT)).toThrow(/^lz4: /);
  });

  it('ends on any bytes with bytes up to the limit or an error', () => {
    const streams = [...sizes, 'lz4Blocks' as const].map(javaStream);
    fc.assert(
      fc.property(fc.nat(4), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }), (which, edits) => {
        const bytes = Buffer.from(streams[which]!);
        for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte;
        try {
          expect(lz4.decompress(bytes, 4096).length).toBeLessThanOrEqual(4096);
        } catch (error) {
          // Those of the package come from another realm here.
          expect((error as Error).message).toEqual(expect.any(String));
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('says which package is missing, for writing and for reading, and looks for it once', () => {
    let looks = 0;
    const missing = lz4Codec(() => {
      looks++;
      throw new Error('Cannot find module');
    });
    for (const use of [
      () => missing.checkWriting!(),
      () => missing.compress(data),
      () => missing.decompress(javaStream('lz4Blocks'), LIMIT),
    ]) {
      expect(use).toThrow(UnsupportedVersionError);
      expect(use).toThrow(/lz4 needs the optional package lz4-napi.*npm install lz4-napi/);
    }
    expect(looks).toBe(1);
  });
});
