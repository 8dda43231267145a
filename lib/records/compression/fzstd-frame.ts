import { tooLarge } from './codec';
import { checkBlocks } from './zstd-blocks';
import { fittingWindow, type ZstdFrame } from './zstd-frames';

/** What we use of the package `fzstd`. */
export interface FzstdPackage {
  readonly Decompress: new (onData: (chunk: Uint8Array) => void) => { push(bytes: Uint8Array, final: boolean): void };
}

/** For a frame that does not say how much it holds. */
const FIRST_BYTES = 1_024;

/**
 * Inflates one frame by `fzstd`. The package takes as much memory as the frame's header claims for its window, so it is
 * given another header: with the window that this frame can fill at most. It verifies no checksum, and gets none: the
 * CRC-32C of the batch stands for the same bytes.
 */
export function inflateFrame(library: FzstdPackage, bytes: Buffer, frame: ZstdFrame, maxBytes: number): Buffer {
  checkBlocks(bytes, frame);
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, fittingWindow(frame)]);
  // Chunks are copied at once: there is one for each block, even of no bytes, and its object is larger than a block may be.
  let output = Buffer.allocUnsafe(frame.contentBytes ?? Math.min(frame.bound, FIRST_BYTES));
  let filled = 0;
  let total = 0;
  const decompress = new library.Decompress(chunk => {
    total += chunk.length;
    // Thrown through the package, which holds nothing that would need closing.
    if (total > maxBytes) throw tooLarge('zstd', total, maxBytes);
    if (total > output.length) {
      const larger = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(2 * output.length, total)));
      output.copy(larger, 0, 0, filled);
      output = larger;
    }
    output.set(chunk, filled);
    filled = total;
  });
  try {
    decompress.push(Buffer.concat([header, bytes.subarray(frame.blocksFrom, frame.blocksTo)]), true);
  } catch (cause) {
    if (total > maxBytes) throw cause;
    // It writes past its arrays when a block lies: a RangeError that has nothing to do with our limit.
    throw new Error(`zstd: ${(cause as Error).message}`, { cause });
  }
  return output.subarray(0, total);
}
