import * as zlib from 'node:zlib';
import { xxhash64 } from '../../../lib/records/compression/xxhash64';
import type { NativeZstd } from '../../../lib/records/compression/zstd';

const native = 'zstdCompressSync' in zlib ? (zlib as unknown as NativeZstd) : undefined;
const sample = (length: number) => Buffer.from(Array.from({ length }, (_, at) => (at * 167 + (at >> 3)) & 255));
const low = (hash: bigint) => Number(hash & 0xffff_ffffn);

describe('xxhash64', () => {
  it('is what its authors give for texts', () => {
    expect(xxhash64(Buffer.alloc(0))).toBe(0xef46_db37_51d8_e999n);
    expect(xxhash64(Buffer.from('abc'))).toBe(0x44bc_2cf5_ad77_0999n);
  });

  // From Node's zlib, which writes the low half behind a frame.
  it.each([
    [31, 0xe9b901c2],
    [32, 0x1c64a2b7],
    [39, 0x7f462118],
    [44, 0x2040d2ee],
    [63, 0xadcd5dd9],
    [100, 0x1d1d94bb],
    [1_000, 0xb936c86e],
    [70_001, 0xcd8e0e53],
  ])('is what zstd has for %d bytes, wherever they lie', (length, expected) => {
    expect(low(xxhash64(sample(length)))).toBe(expected);
    expect(low(xxhash64(Buffer.concat([Buffer.alloc(3), sample(length)]).subarray(3)))).toBe(expected);
  });

  if (native !== undefined)
    it('is what this Node has for any number of bytes', () => {
      for (let length = 0; length < 200; length++) {
        const bytes = sample(length);
        const frame = native.zstdCompressSync(bytes, { params: { 201: 1 }, pledgedSrcSize: length });
        expect(low(xxhash64(bytes))).toBe(frame.readUInt32LE(frame.length - 4));
      }
    });
});
