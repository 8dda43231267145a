import { tooLarge } from './codec';
import { checkBlocks } from './zstd-blocks';
import type { ZstdFrame } from './zstd-frames';
import { xxhash64 } from './xxhash64';

/** What we use of the package `fzstd`. */
export interface FzstdPackage {
  /** Writes into `output`, which must be of the frame's size. */
  decompress(frame: Uint8Array, output: Uint8Array): Uint8Array;
}

/** The magic number, nothing optional, and a window of 128 KiB, in which a block of any size is fine. */
const HEADER = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]);

/**
 * Inflates one frame by `fzstd`, straight into the bytes that it comes to, which `checkBlocks` has counted. Without them
 * the package takes as much memory as the header claims for the window, and moves all of it for each block: for minutes,
 * when a small frame is made of thousands. It verifies no checksum either, and gets none: that of the content, where a
 * producer wrote one, is verified here.
 */
export function inflateFrame(library: FzstdPackage, bytes: Buffer, frame: ZstdFrame, maxBytes: number): Buffer {
  const total = checkBlocks(bytes, frame);
  if (total > maxBytes) throw tooLarge('zstd', total, maxBytes);
  // Zeroed: what the package might leave out must not be what was in memory before.
  const output = Buffer.alloc(total);
  try {
    library.decompress(Buffer.concat([HEADER, bytes.subarray(frame.blocksFrom, frame.blocksTo)]), output);
  } catch (cause) {
    // It writes past its arrays when a block lies: a RangeError that has nothing to do with our limit.
    throw new Error(`zstd: ${(cause as Error).message}`, { cause });
  }
  // Behind the blocks comes nothing but the checksum.
  if (frame.to > frame.blocksTo && bytes.readUInt32LE(frame.blocksTo) !== Number(xxhash64(output) & 0xffff_ffffn))
    throw new Error('zstd: the content is not what its checksum says');
  return output;
}
