import * as zlib from 'node:zlib';
import * as fc from 'fast-check';
import type { Codec } from '../../../lib/records/compression/codec';
import { zstd, zstdCodec, type NativeZstd } from '../../../lib/records/compression/zstd';
import { text, words } from './java-streams';

const LIMIT = 1 << 20;
const native = 'zstdCompressSync' in zlib ? (zlib as unknown as NativeZstd) : undefined;
const byPackage = zstdCodec(undefined, () => jest.requireActual<typeof import('fzstd')>('fzstd'));
const readers: [string, Codec][] = [['the package fzstd', byPackage]];
if (native !== undefined) readers.push(['Node', zstdCodec(native, () => jest.requireActual('fzstd'))]);

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
/** Kind 0 raw, 1 repeated, 2 compressed. */
const block = (kind: number, size: number, body: readonly number[], last = true) => {
  const word = (size << 3) | (kind << 1) | Number(last);
  return [word & 255, (word >> 8) & 255, word >> 16, ...body];
};
/** No checksum, no size, a window of 1 KiB, and these blocks. */
const frame = (...blocks: number[][]) => Buffer.from([...MAGIC, 0, 0, ...blocks.flat()]);

/**
 * The literals `abc` and one sequence: so many of them, then 3 bytes copied. How far back, as the format has it: a code,
 * which is the number of the bits that follow it, and those bits behind the one that marks the end.
 */
function copy(literals: number, code: number, bits: number, last = true): number[] {
  const stream = (1 << code) | bits;
  const bytes = stream > 255 ? [stream & 255, stream >> 8] : [stream];
  const body = [3 << 3, 97, 98, 99, 1, 0x54, literals, code, 0, ...bytes];
  return block(2, body.length, body, last);
}
const raw = (content: string) => block(0, content.length, [...Buffer.from(content)], false);

describe.each(readers)('blocks of zstd, read by %s', (_, codec) => {
  const read = (bytes: Buffer) => codec.decompress(bytes, LIMIT).toString();

  it('may copy from as far back as the frame has bytes, in this block and in those before', () => {
    expect(read(frame(copy(3, 2, 2)))).toBe('abcabc');
    expect(read(frame(copy(1, 2, 0)))).toBe('aaaabc');
    expect(read(frame(raw('z'), copy(3, 2, 3)))).toBe('zabczab');
    expect(read(frame(copy(3, 2, 2, false), copy(0, 3, 1)))).toBe('abcabcabcabc');
  });

  it.each([
    ['one byte before the frame', frame(copy(3, 2, 3))],
    ['one byte before it, with fewer literals passed', frame(copy(1, 2, 1))],
    ['the first byte of nothing', frame(copy(0, 2, 0))],
    ['before it from a later block', frame(raw('z'), copy(3, 3, 0))],
    ['before it by far', frame(raw('z'), copy(3, 14, 0x1234))],
    ['the frame before', Buffer.concat([frame(copy(3, 2, 2)), frame(copy(3, 2, 3))])],
    ['4 back, the second distance that a frame begins with', frame(copy(3, 1, 0))],
    ['8 back, the third distance that a frame begins with', frame(copy(3, 1, 1))],
    ['no distance at all: one less than a repeated 1', frame(raw('zzzzzzzz'), copy(0, 1, 1))],
  ])('refuses a copy from %s', (_name, bytes) => {
    expect(() => read(bytes)).toThrow();
  });

  it('follows distances that are repeated', () => {
    expect(read(frame(copy(3, 0, 0)))).toBe('abcccc'); // 1, 4 and 8 are what a frame begins with
    expect(read(frame(raw('z'), copy(3, 1, 0)))).toBe('zabczab');
    expect(read(frame(raw('uvwxyz'), copy(3, 1, 1)))).toBe('uvwxyzabcvwx');
    // Without literals, 1 stands for the second, 2 for the third, 3 for one less than the first.
    expect(read(frame(raw('wxyz'), copy(0, 0, 0)))).toBe('wxyzwxyabc');
    expect(read(frame(raw('stuvwxyz'), copy(0, 1, 0)))).toBe('stuvwxyzstuabc');
    // 3 of a block is the first of the next, and then the second, and then the third.
    expect(read(frame(copy(3, 2, 2, false), copy(3, 0, 0)))).toBe('abcabcabcabc');
    expect(read(frame(copy(3, 2, 2, false), copy(0, 1, 1)))).toBe('abcabcbcbabc');
    expect(read(frame(copy(3, 2, 2, false), copy(3, 2, 0, false), copy(3, 1, 0)))).toBe('abcabcabccccabcabc');
    expect(read(frame(copy(3, 2, 2, false), copy(3, 2, 0, false), copy(3, 2, 1, false), copy(3, 1, 1)))).toBe(
      'abcabcabccccabcbcbabcabc',
    );
  });

  it('refuses sequences of more bits than they take', () => {
    const body = [3 << 3, 97, 98, 99, 1, 0x54, 3, 2, 0, 0, 6];
    expect(() => read(frame(block(2, body.length, body)))).toThrow();
  });

  it('verifies the checksum of the content where there is one', () => {
    const good = Buffer.from([...MAGIC, 4, 0, ...block(0, 3, [97, 98, 99]), 0x99, 0x09, 0x77, 0xad]);
    expect(read(good)).toBe('abc');
    expect(read(Buffer.concat([good, frame(copy(3, 2, 2)), good]))).toBe('abcabcabcabc');
    for (let bit = 0; bit < 7 * 8; bit++) {
      const bad = Buffer.from(good);
      bad[9 + (bit >> 3)]! ^= 1 << (bit & 7);
      expect(() => read(bad)).toThrow();
    }
  });
});

describe('blocks of zstd', () => {
  it('are refused when they copy from behind the window, which a reader with less memory has forgotten', () => {
    const far = (code: number, bits: number) => frame(block(1, 1_024, [97], false), raw('z'), copy(0, code, bits));
    expect(byPackage.decompress(far(10, 3), LIMIT)).toHaveLength(1_031);
    expect(() => byPackage.decompress(far(10, 4), LIMIT)).toThrow('a copy from 1025 bytes before');
  });

  if (native !== undefined)
    it('are read by the package as Node reads them when bytes of them are changed, or refused by both', () => {
      const part = fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.tuple(fc.nat(255), fc.nat(300)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
        fc.constantFrom(words.subarray(0, 500), text),
      );
      const outcome = (codec: typeof zstd, bytes: Buffer) => {
        try {
          return codec.decompress(bytes, LIMIT).toString('hex');
        } catch {
          return 'refused';
        }
      };
      let refused = 0;
      fc.assert(
        fc.property(
          fc.array(part, { minLength: 1, maxLength: 20 }),
          fc.constantFrom(1, 3, 19),
          fc.boolean(),
          fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { minLength: 1, maxLength: 3 }),
          (parts, level, checksum, edits) => {
            const content = Buffer.concat([...parts, ...parts]);
            const params = { 100: level, 201: Number(checksum) };
            const bytes = native.zstdCompressSync(content, { params, pledgedSrcSize: content.length });
            // Behind the header, which decides about sizes and windows.
            for (const [at, byte] of edits) bytes[9 + (at % (bytes.length - 9))] = byte;
            const [ours, node] = [outcome(byPackage, bytes), outcome(zstd, bytes)];
            expect(ours).toBe(node);
            if (ours === 'refused') refused++;
          },
        ),
        { numRuns: process.env.KAFKA_RX_FULL === 'true' ? 10_000 : 500 },
      );
      expect(refused).toBeGreaterThan(50);
    });
});
