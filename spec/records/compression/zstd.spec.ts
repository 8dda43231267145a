import * as zlib from 'node:zlib';
import * as fc from 'fast-check';
import { UnsupportedVersionError } from '../../../lib/errors';
import type { Codec } from '../../../lib/records/compression/codec';
import { zstd, zstdCodec, type NativeZstd } from '../../../lib/records/compression/zstd';
import { data, javaStream, text, words } from './java-streams';

const LIMIT = 1 << 20;
const native = 'zstdCompressSync' in zlib ? (zlib as unknown as NativeZstd) : undefined;
const load = () => jest.requireActual<typeof import('fzstd')>('fzstd');
const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);
const zeros = Buffer.alloc(300_000);

/** What is in each stream of Java. */
const streams = [
  ['zstdStream', data],
  ['zstdSized', text],
  ['zstdLevel22', text],
  ['zstdZeros', zeros],
  ['zstdEmpty', Buffer.alloc(0)],
  ['zstdWords', words],
] as const;

/** A frame by hand: no checksum, no size, a window of 1 KiB, and these blocks. */
const frame = (...blocks: number[]) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, ...blocks]);
/** With a window of 256 KiB. */
const wideFrame = (...blocks: number[]) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x40, ...blocks]);
/** Kind 0 raw, 1 repeated, 2 compressed, 3 reserved. */
const header = (last: boolean, kind: number, size: number) => {
  const word = (size << 3) | (kind << 1) | Number(last);
  return [word & 255, (word >> 8) & 255, word >> 16];
};

const compressed = (...body: number[]) => wideFrame(...header(true, 2, body.length), ...body);
/** No literals, 98,047 sequences, each of them 65,539 bytes: fzstd went through all of them. */
const ENDLESS_MATCHES = compressed(0, 255, 255, 255, 0x54, 0, 0, 52, 1);
/** Compressed literals whose weights are one symbol that takes no bits: fzstd read it for ever. */
const ENDLESS_WEIGHTS = compressed(66, 64, 2, 4, 240, 3, 85, 128, 1, 1, 1, 1, 0);

// Both ways of reading, wherever Node has both.
const readers: [string, Codec][] = [['the package fzstd', zstdCodec(undefined, load)]];
if (native !== undefined) readers.unshift(['Node', zstdCodec(native, load)]);

/** By name: what Node throws is of another realm than this one. */
function tooMuch(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    return (error as Error).name === 'RangeError';
  }
}

describe.each(readers)('zstd, read by %s', (_, codec) => {
  it.each(streams)('reads what Java wrote: %s', (name, expected) => {
    expect(codec.decompress(javaStream(name), expected.length).equals(expected)).toBe(true);
    if (expected.length > 0) expect(tooMuch(() => codec.decompress(javaStream(name), expected.length - 1))).toBe(true);
  });

  it('reads several frames as one stream, of which Node would drop all but the first', () => {
    const parts = [javaStream('zstdStream'), skippable, javaStream('zstdWords'), javaStream('zstdEmpty')];
    const all = Buffer.concat([skippable, ...parts, javaStream('zstdSized')]);
    const expected = Buffer.concat([data, words, text]);
    expect(codec.decompress(all, LIMIT).equals(expected)).toBe(true);
    expect(codec.decompress(all, expected.length).equals(expected)).toBe(true);
    expect(tooMuch(() => codec.decompress(all, expected.length - 1))).toBe(true);
    expect(codec.decompress(skippable, LIMIT)).toHaveLength(0);
  });

  it('reads blocks that are raw or of one byte, by hand', () => {
    const blocks = [...header(false, 0, 3), 97, 98, 99, ...header(false, 1, 5), 100, ...header(true, 0, 0)];
    expect(codec.decompress(frame(...blocks), LIMIT).toString()).toBe('abcddddd');
  });

  it('stops a bomb at the limit', () => {
    const bomb = wideFrame(...Array.from({ length: 5_000 }, () => [...header(false, 1, 131_072), 0]).flat(), 1, 0, 0);
    const before = process.memoryUsage().arrayBuffers;
    expect(tooMuch(() => codec.decompress(bomb, LIMIT))).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  });

  it('keeps nothing of empty blocks, and reads no more frames than anybody writes', () => {
    const blocks = Buffer.concat([frame(), Buffer.alloc(6_000_000), Buffer.from(header(true, 0, 0))]);
    const before = process.memoryUsage().heapUsed;
    expect(codec.decompress(blocks, LIMIT)).toHaveLength(0);
    // Garbage counts as long as nobody collects it: tens of megabytes on Node 24. An object kept for each block was 400 and more.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(128 << 20);
    const one = Buffer.from(frame(...header(true, 1, 1), 97));
    expect(codec.decompress(Buffer.alloc(1_000 * one.length, one), LIMIT).toString()).toBe('a'.repeat(1_000));
    expect(() => codec.decompress(Buffer.alloc(1_001 * one.length, one), LIMIT)).toThrow('more than 1000 frames');
  });

  it('takes no memory for a size or a window that is claimed', () => {
    // 2^40 bytes of content by the header, and a window of 2 GiB; each frame has one byte.
    const sized = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, ...header(true, 0, 1), 97]);
    expect(() => codec.decompress(sized, LIMIT)).toThrow(/cannot hold/);
    const wide = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, ...header(true, 0, 1), 97]);
    const before = process.memoryUsage().arrayBuffers;
    expect(codec.decompress(wide, LIMIT).toString()).toBe('a');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  it('refuses blocks that claim more than a block may hold, in no time', () => {
    const before = performance.now();
    for (const bytes of [ENDLESS_MATCHES, ENDLESS_WEIGHTS]) expect(() => codec.decompress(bytes, LIMIT)).toThrow();
    expect(performance.now() - before).toBeLessThan(200);
  });

  it('takes time for what there is, and not for a window times the number of blocks', () => {
    // 16 MiB from 512 bytes, with a window as large, and 10,000 blocks of a byte.
    const content = Array.from({ length: 128 }, () => [...header(false, 1, 131_072), 97]).flat();
    const rest = Buffer.alloc(40_000, Buffer.from([...header(false, 1, 1), 97]));
    const bytes = Buffer.concat([
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 14 << 3, ...content]),
      rest,
      Buffer.from([1, 0, 0]),
    ]);
    const before = performance.now();
    expect(codec.decompress(bytes, 17 << 20)).toHaveLength((16 << 20) + 10_000);
    expect(performance.now() - before).toBeLessThan(500);
  });

  it.each<[string, Buffer, RegExp?]>([
    ['no bytes', Buffer.alloc(0)],
    ['another magic number', Buffer.from([0x29, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0])],
    ['the reserved flag', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 8, 0, 1, 0, 0]), /unknown version/],
    ['a dictionary', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 0, 7, 1, 0, 0]), /dictionary/],
    ['a block of the reserved kind', frame(...header(true, 3, 1), 97), /kind or size/],
    ['a block longer than a block may be', wideFrame(...header(true, 1, 131_073), 97), /kind or size/],
    ['a block longer than the window', frame(...header(true, 1, 1_025), 97), /kind or size/],
    ['a block longer than the bytes', frame(...header(true, 0, 4), 97), /cut off/],
    ['no last block', frame(...header(false, 0, 1), 97), /cut off/],
    ['something behind the frame', Buffer.concat([javaStream('zstdSized'), Buffer.alloc(9)]), /no frame begins/],
    ['something short behind the frame', Buffer.concat([javaStream('zstdSized'), Buffer.alloc(3)]), /cut off/],
    ['a frame to be skipped that is cut off', skippable.subarray(0, 9), /cut off/],
    [
      'more than the size that is claimed',
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, ...header(true, 0, 3), 97, 98, 99]),
      /.*/,
    ],
  ])('refuses %s', (_name, bytes, message = /^zstd: /) => {
    expect(() => codec.decompress(bytes, LIMIT)).toThrow(message);
  });

  it('ends on any bytes with bytes up to the limit or an error, soon', () => {
    let worst = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...streams.map(([name]) => name)),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 4 }),
        (name, edits) => {
          const bytes = javaStream(name);
          for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte;
          const started = performance.now();
          try {
            expect(codec.decompress(bytes, 4096).length).toBeLessThanOrEqual(4096);
          } catch (error) {
            expect((error as Error).message).toEqual(expect.any(String));
          }
          worst = Math.max(worst, performance.now() - started);
        },
      ),
      { numRuns: 5_000 },
    );
    // What it really takes is some ms; without the check of the blocks it took minutes.
    expect(worst).toBeLessThan(1_000);
  });

  it.each(streams)('refuses %s when it is cut off anywhere', name => {
    const stream = javaStream(name);
    for (let length = 0; length < stream.length; length++)
      expect(() => codec.decompress(stream.subarray(0, length), LIMIT)).toThrow(/^zstd: /);
  });
});

describe('zstd', () => {
  it('is written by Node where it has it, and else not at all, with an error that says what to do', () => {
    const nowhere = zstdCodec(undefined, load);
    for (const use of [() => nowhere.checkWriting!(), () => nowhere.compress(data)]) {
      expect(use).toThrow(UnsupportedVersionError);
      expect(use).toThrow(/zstd needs Node\.js 22\.15 or later, and this is v\d+/);
    }
    if (native === undefined) expect(() => zstd.checkWriting!()).toThrow(UnsupportedVersionError);
    else expect(() => zstd.checkWriting!()).not.toThrow();
  });

  it('says which package is missing where Node cannot read it', () => {
    const missing = zstdCodec(undefined, () => {
      throw new Error('Cannot find module');
    });
    expect(() => missing.decompress(javaStream('zstdSized'), LIMIT)).toThrow(UnsupportedVersionError);
    expect(() => missing.decompress(javaStream('zstdSized'), LIMIT)).toThrow(
      /optional package fzstd.*npm install fzstd/,
    );
  });

  if (native !== undefined) {
    it('is written at every level as both ways of reading read it', () => {
      const bytes = Buffer.concat([words, data, words, zeros]);
      for (const level of [undefined, -131_072, -1, 1, 3, 19, 22])
        for (const [, codec] of readers)
          expect(codec.decompress(zstd.compress(bytes, level), bytes.length).equals(bytes)).toBe(true);
      expect(zstd.compress(bytes, 19).length).toBeLessThan(zstd.compress(bytes, -131_072).length);
    });

    it('is read by the package as Node reads it, whatever it is', () => {
      const part = fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.tuple(fc.nat(255), fc.nat(3000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
        fc.constantFrom(words, text),
      );
      fc.assert(
        fc.property(fc.array(part, { maxLength: 60 }), fc.constantFrom(1, 3, 12), (parts, level) => {
          const bytes = Buffer.concat([...parts, ...parts]);
          for (const [, codec] of readers)
            expect(codec.decompress(zstd.compress(bytes, level), bytes.length).equals(bytes)).toBe(true);
        }),
      );
    });
  }
});
