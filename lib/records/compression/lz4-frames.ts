import { checkFrames, tooLarge } from './codec';

/** A frame, found by its lengths alone: nothing is inflated. */
export interface Lz4Frame {
  readonly from: number;
  readonly to: number;
  /** It cannot inflate to more. */
  readonly bound: number;
  /** What it says it inflates to; most do not say it. */
  readonly contentBytes: number | undefined;
  /** Where its first block begins. */
  readonly blocksFrom: number;
  /** Behind each block. */
  readonly checksumBytes: number;
}

const MAGIC = 0x184d2204;
/** Sixteen magic numbers of frames to be stepped over. */
const SKIPPABLE = 0x184d2a50;
/** Of a block's length: it is not compressed. */
const STORED = 0x8000_0000;
const FLAG = { dictionary: 0x01, reserved: 0x02, contentChecksum: 0x04, contentSize: 0x08, blockChecksum: 0x10 };
/** A byte of a compressed block adds at most as many bytes to a length. */
const MOST_PER_BYTE = 255;

/** The frames in a row that `bytes` are, to the last byte; throws when they are not. */
export function lz4Frames(bytes: Buffer): readonly Lz4Frame[] {
  const frames: Lz4Frame[] = [];
  let at = 0;
  let whole = false;
  while (at < bytes.length) {
    if (bytes.length - at < 8) throw new Error('lz4: a frame is cut off');
    const magic = bytes.readUInt32LE(at);
    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE) {
      at += 8 + bytes.readUInt32LE(at + 4);
      if (at > bytes.length) throw new Error('lz4: a frame is cut off');
    } else if (magic === MAGIC) {
      const frame = readFrame(bytes, at);
      frames.push(frame);
      checkFrames('lz4', frames.length);
      at = frame.to;
    } else throw new Error(`lz4: no frame begins with 0x${magic.toString(16)}`);
    whole = true;
  }
  if (!whole) throw new Error('lz4: no frame');
  return frames;
}

/** What a frame inflates to, found by stepping over its sequences; a `RangeError` once it is more than `maxBytes`. */
export function lz4FrameBytes(bytes: Buffer, frame: Lz4Frame, maxBytes: number): number {
  let total = 0;
  // The blocks are walked again, and not kept when they are found: they may be of four bytes each.
  for (let at = frame.blocksFrom; ;) {
    const word = bytes.readUInt32LE(at);
    at += 4;
    if (word === 0) return total;
    const length = word % STORED;
    total += word >= STORED ? length : inflatedBytes(bytes, at, at + length);
    if (total > maxBytes) throw tooLarge('lz4', total, maxBytes);
    at += length + frame.checksumBytes;
  }
}

function readFrame(bytes: Buffer, from: number): Lz4Frame {
  const flags = bytes[from + 4]!;
  const descriptor = bytes[from + 5]!;
  if (flags >> 6 !== 1 || (flags & FLAG.reserved) !== 0 || (descriptor & 0x8f) !== 0)
    throw new Error(`lz4: a frame of unknown version (0x${flags.toString(16)}, 0x${descriptor.toString(16)})`);
  if ((flags & FLAG.dictionary) !== 0) throw new Error('lz4: a frame needs a dictionary');
  const blockSize = descriptor >> 4;
  if (blockSize < 4) throw new Error(`lz4: blocks of unknown size ${blockSize}`);
  const blockBytes = 1 << (8 + 2 * blockSize);
  const checksumBytes = (flags & FLAG.blockChecksum) === 0 ? 0 : 4;
  let at = from + 6;
  let contentBytes: number | undefined;
  if ((flags & FLAG.contentSize) !== 0) {
    if (bytes.length - at < 8) throw new Error('lz4: a frame is cut off');
    contentBytes = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
    at += 8;
  }
  at++; // the descriptor's checksum, which the package verifies
  const blocksFrom = at;
  let bound = 0;
  for (;;) {
    if (bytes.length - at < 4) throw new Error('lz4: a frame without its end');
    const word = bytes.readUInt32LE(at);
    at += 4;
    if (word === 0) break;
    const length = word % STORED;
    if (length > blockBytes || length + checksumBytes > bytes.length - at)
      throw new Error(`lz4: a block of ${length} bytes where ${bytes.length - at} are left`);
    bound += word >= STORED ? length : Math.min(blockBytes, length * MOST_PER_BYTE);
    at += length + checksumBytes;
  }
  if ((flags & FLAG.contentChecksum) !== 0) at += 4;
  if (at > bytes.length) throw new Error('lz4: the checksum of a frame is cut off');
  if (contentBytes !== undefined && contentBytes > bound)
    throw new Error(`lz4: ${at - from} bytes cannot hold ${contentBytes}`);
  return { from, to: at, bound, contentBytes, blocksFrom, checksumBytes };
}

/** Sequences of literals and copies: their lengths are all that counts here. */
function inflatedBytes(bytes: Buffer, from: number, to: number): number {
  let total = 0;
  for (let at = from; at < to;) {
    const token = bytes[at++]!;
    let literals = token >> 4;
    if (literals === 15)
      do literals += bytes[at]!;
      while (at < to && bytes[at++] === 255);
    at += literals;
    total += literals;
    if (at >= to) break; // the last sequence ends with its literals
    at += 2;
    let copied = (token & 15) + 4;
    if (copied === 19)
      do copied += bytes[at] ?? 0;
      while (at < to && bytes[at++] === 255);
    total += copied;
  }
  return total;
}
