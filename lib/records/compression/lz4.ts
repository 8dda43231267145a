import type { Codec } from './codec';
import { tooLarge } from './codec';
import { lz4Frames, lz4FrameBytes } from './lz4-frames';
import { optionalPackage } from './optional-package';

/** What we use of the package `lz4-napi`. It takes Buffers only. */
export interface Lz4Package {
  compressFrameSync(bytes: Buffer): Buffer;
  decompressFrameSync(frame: Buffer): Buffer;
}

/**
 * LZ4 frames. Written with independent blocks (FLG 0x60), as Java refuses others; read with all block sizes, with and
 * without checksums, and several in a row. The package knows one level, so that any writes the same.
 */
export const lz4: Codec = lz4Codec(() => require('lz4-napi') as Lz4Package);

/** The codec, on a package that is loaded when it is first needed. */
export function lz4Codec(load: () => Lz4Package): Codec {
  const library = optionalPackage('lz4-napi', 'The codec lz4', load);
  return {
    levels: { min: 1, max: 17 },
    checkWriting: () => void library(),
    compress: bytes => library().compressFrameSync(bufferOf(bytes)),
    decompress(given, maxBytes) {
      const { decompressFrameSync } = library();
      const bytes = bufferOf(given);
      // The package inflates whatever it is given, stops behind the first frame and takes one without its end for
      // whole. So the frames are walked first, and it sees one whole frame at a time, of a size that is known to be fine.
      const frames = lz4Frames(bytes);
      const bound = frames.reduce((sum, frame) => sum + frame.bound, 0);
      if (bound > maxBytes) {
        const total = frames.reduce((sum, frame) => sum + lz4FrameBytes(bytes, frame, maxBytes), 0);
        if (total > maxBytes) throw tooLarge('lz4', total, maxBytes);
      }
      const parts = frames.map(({ from, to, contentBytes }) => {
        const part = decompressFrameSync(bytes.subarray(from, to));
        if (contentBytes !== undefined && part.length !== contentBytes)
          throw new Error(`lz4: a frame of ${contentBytes} bytes holds ${part.length}`);
        return part;
      });
      return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    },
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
