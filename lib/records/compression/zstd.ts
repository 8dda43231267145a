import * as zlib from 'node:zlib';
import { UnsupportedVersionError } from '../../errors';
import { tooLarge } from './codec';
import type { Codec } from './codec';
import { inflateFrame, type FzstdPackage } from './fzstd-frame';
import { optionalPackage } from './optional-package';
import { fittingWindow, zstdFrames, type ZstdFrame } from './zstd-frames';

/** What `node:zlib` has from Node.js 22.15 on, and not in Node.js 20. */
export interface NativeZstd {
  zstdCompressSync(
    bytes: Uint8Array,
    options: { readonly params: Readonly<Record<number, number>>; readonly pledgedSrcSize: number },
  ): Buffer;
  zstdDecompressSync(bytes: Uint8Array, options: { readonly maxOutputLength: number }): Buffer;
}

/** `ZSTD_c_compressionLevel`, a number of zstd's own interface. */
const COMPRESSION_LEVEL = 100;
const DEFAULT_LEVEL = 3;

/** Zstandard (RFC 8878), by Node where it has it; else reading by the package `fzstd`, and no writing. Several frames in a row are one stream. */
export const zstd: Codec = zstdCodec(
  'zstdDecompressSync' in zlib ? (zlib as unknown as NativeZstd) : undefined,
  () => require('fzstd') as FzstdPackage,
);

/** The codec, on what Node has, or on a package that is loaded when it is first needed. */
export function zstdCodec(native: NativeZstd | undefined, load: () => FzstdPackage): Codec {
  const library = optionalPackage('fzstd', `Reading the codec zstd on Node.js ${process.version}`, load);
  const writer = (): NativeZstd => {
    if (native !== undefined) return native;
    throw new UnsupportedVersionError(
      `Compressing with zstd needs Node.js 22.15 or later, and this is ${process.version}: update Node.js, or choose another compression; reading zstd works`,
    );
  };
  return {
    levels: { min: -131_072, max: 22 },
    checkWriting: () => void writer(),
    compress: (bytes, level = DEFAULT_LEVEL) =>
      writer().zstdCompressSync(bytes, { params: { [COMPRESSION_LEVEL]: level }, pledgedSrcSize: bytes.length }),
    decompress(given, maxBytes) {
      const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
      let left = maxBytes;
      // One frame at a time: Node stops behind the first, and says nothing of the rest.
      const parts = zstdFrames(bytes).map(frame => {
        const { contentBytes } = frame;
        if (contentBytes !== undefined && contentBytes > left) throw tooLarge('zstd', contentBytes, left);
        const part =
          native === undefined
            ? inflateFrame(library(), bytes, frame, left)
            : native.zstdDecompressSync(withFittingWindow(bytes, frame), { maxOutputLength: Math.max(1, left) });
        if (part.length > left) throw tooLarge('zstd', part.length, left);
        if (contentBytes !== undefined && contentBytes !== part.length)
          throw new Error(`zstd: a frame of ${contentBytes} bytes holds ${part.length}`);
        left -= part.length;
        return part;
      });
      return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    },
  };
}

/** The frame; with a smaller window when it claims more than it can fill, since zlib would take that much memory: 128 MiB for 36 bytes. */
function withFittingWindow(bytes: Buffer, frame: ZstdFrame): Buffer {
  const { from, to, windowAt } = frame;
  const whole = bytes.subarray(from, to);
  if (windowAt === undefined) return whole;
  const descriptor = fittingWindow(frame);
  if (bytes[windowAt]! <= descriptor) return whole;
  const copy = Buffer.from(whole);
  copy[windowAt - from] = descriptor;
  return copy;
}
