import { checkFrames } from './codec';

/** A frame, found by its lengths alone: nothing is inflated. */
export interface ZstdFrame {
  readonly from: number;
  readonly to: number;
  /** Where its first block begins, and its last one ends. */
  readonly blocksFrom: number;
  readonly blocksTo: number;
  /** How far back its copies reach. */
  readonly windowBytes: number;
  /** Where the window's descriptor stands; `undefined` when the window is the content. */
  readonly windowAt: number | undefined;
  /** It cannot inflate to more. */
  readonly bound: number;
  /** What it says it inflates to; one that was written as a stream does not say it. */
  readonly contentBytes: number | undefined;
}

const MAGIC = 0xfd2fb528;
/** Sixteen magic numbers of frames to be stepped over. */
const SKIPPABLE = 0x184d2a50;
/** Bits of the descriptor. */
const FLAG = { dictionary: 0x03, checksum: 0x04, reserved: 0x08, singleSegment: 0x20 };
const BLOCK = { raw: 0, repeated: 1, compressed: 2 };
const MAX_BLOCK_BYTES = 131_072;

/** The frames in a row that `bytes` are (RFC 8878), to the last byte; throws when they are not. */
export function zstdFrames(bytes: Buffer): readonly ZstdFrame[] {
  const frames: ZstdFrame[] = [];
  let at = 0;
  let whole = false;
  while (at < bytes.length) {
    need(bytes, at, 8);
    const magic = bytes.readUInt32LE(at);
    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE) {
      const length = bytes.readUInt32LE(at + 4);
      need(bytes, at + 8, length);
      at += 8 + length;
    } else if (magic === MAGIC) {
      const frame = readFrame(bytes, at);
      frames.push(frame);
      checkFrames('zstd', frames.length);
      at = frame.to;
    } else throw new Error(`zstd: no frame begins with 0x${magic.toString(16)}`);
    whole = true;
  }
  if (!whole) throw new Error('zstd: no frame');
  return frames;
}

/** The descriptor of the smallest window that does for a frame: of a power of two, from 1 KiB on. A header may claim 2 GiB for a byte. */
export function fittingWindow({ windowBytes, bound }: ZstdFrame): number {
  const needed = Math.min(windowBytes, bound);
  let power = 0;
  while (power < 31 && 2 ** (10 + power) < needed) power++;
  return power << 3;
}

function readFrame(bytes: Buffer, from: number): ZstdFrame {
  const descriptor = bytes[from + 4]!;
  if ((descriptor & FLAG.reserved) !== 0) throw new Error('zstd: a frame of unknown version');
  const singleSegment = (descriptor & FLAG.singleSegment) !== 0;
  let at = from + 5;
  let windowBytes = 0;
  if (!singleSegment) {
    const power = 2 ** (10 + (bytes[at]! >> 3));
    windowBytes = power + (power / 8) * (bytes[at]! & 7);
    at++;
  }
  const dictionaryBytes = [0, 1, 2, 4][descriptor & FLAG.dictionary]!;
  need(bytes, at, dictionaryBytes);
  for (let byte = 0; byte < dictionaryBytes; byte++)
    if (bytes[at++] !== 0) throw new Error('zstd: a frame needs a dictionary');
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  need(bytes, at, sizeBytes);
  const contentBytes = sizeBytes === 0 ? undefined : contentSize(bytes, at, sizeBytes);
  if (singleSegment) windowBytes = contentBytes!;
  at += sizeBytes;

  const blocksFrom = at;
  // Nothing that a block holds, compressed or not, may be longer than the window.
  const blockBytes = Math.min(MAX_BLOCK_BYTES, windowBytes);
  let bound = 0;
  for (let last = false; !last;) {
    need(bytes, at, 3);
    const header = bytes.readUIntLE(at, 3);
    last = (header & 1) === 1;
    const kind = (header >> 1) & 3;
    const size = header >> 3;
    if (size > blockBytes || kind > BLOCK.compressed) throw new Error('zstd: a block of unknown kind or size');
    const length = kind === BLOCK.repeated ? 1 : size;
    at += 3;
    need(bytes, at, length);
    at += length;
    bound += kind === BLOCK.compressed ? blockBytes : size;
  }
  const blocksTo = at;
  if ((descriptor & FLAG.checksum) !== 0) {
    need(bytes, at, 4);
    at += 4;
  }
  if (contentBytes !== undefined && contentBytes > bound)
    throw new Error(`zstd: ${at - from} bytes cannot hold ${contentBytes}`);
  const windowAt = singleSegment ? undefined : from + 5;
  return { from, to: at, windowAt, blocksFrom, blocksTo, windowBytes, bound, contentBytes };
}

function contentSize(bytes: Buffer, at: number, width: number): number {
  // Two bytes begin to count where one byte ends.
  if (width <= 2) return bytes.readUIntLE(at, width) + (width === 2 ? 256 : 0);
  return bytes.readUInt32LE(at) + (width === 8 ? bytes.readUInt32LE(at + 4) * 0x1_0000_0000 : 0);
}

function need(bytes: Buffer, at: number, length: number): void {
  if (length > bytes.length - at) throw new Error('zstd: a frame is cut off');
}
