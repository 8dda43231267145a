import { compress } from 'snappyjs';
import { tooLarge } from './codec';
import type { Codec } from './codec';

/** What Java's snappy stream begins with: the magic, a version and the oldest version that reads it. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/**
 * Snappy. Written as one raw block, which the Java client and every broker read as well as their own xerial stream of
 * blocks; both are read. Snappy's "framing format" is neither, and Kafka does not know it.
 */
export const snappy: Codec = {
  compress: bytes =>
    compress(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)),
  decompress: (bytes, maxBytes) =>
    isXerial(bytes) ? decompressXerial(bytes, maxBytes) : decompressRaw(bytes, maxBytes),
};

function isXerial(bytes: Uint8Array): boolean {
  if (bytes.length < XERIAL_HEADER_BYTES) return false;
  return XERIAL_MAGIC.every((byte, at) => bytes[at] === byte);
}

function decompressXerial(bytes: Uint8Array, maxBytes: number): Buffer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let total = 0;
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    if (bytes.length - at < 4) throw new Error('snappy: the length of a block is cut off');
    const from = at + 4;
    const to = from + view.getInt32(at);
    if (to < from || to > bytes.length) throw new Error('snappy: a block is longer than the stream');
    const size = blockSize(bytes, from, to);
    total += size.bytes;
    if (total > maxBytes) throw tooLarge('snappy', total, maxBytes);
    at = to;
  }
  const output = Buffer.allocUnsafe(total);
  // Read again rather than kept: a block may be of five bytes, and an object of many more.
  for (let at = XERIAL_HEADER_BYTES, out = 0; at < bytes.length;) {
    const to = at + 4 + view.getInt32(at);
    const size = blockSize(bytes, at + 4, to);
    decodeBlock(bytes, size.next, to, output, out, out + size.bytes);
    out += size.bytes;
    at = to;
  }
  return output;
}

function decompressRaw(bytes: Uint8Array, maxBytes: number): Buffer {
  const size = blockSize(bytes, 0, bytes.length);
  if (size.bytes > maxBytes) throw tooLarge('snappy', size.bytes, maxBytes);
  const output = Buffer.allocUnsafe(size.bytes);
  decodeBlock(bytes, size.next, bytes.length, output, 0, size.bytes);
  return output;
}

interface BlockSize {
  /** Uncompressed. */
  readonly bytes: number;
  /** Where the block's elements begin. */
  readonly next: number;
}

/** A block begins with its uncompressed size. Three bytes make at most 64, so a size beyond that is a lie, found before it is allocated. */
function blockSize(bytes: Uint8Array, from: number, to: number): BlockSize {
  let size = 0;
  for (let at = from, scale = 1; at < to && at < from + 5; at++, scale *= 128) {
    const byte = bytes[at]!;
    size += (byte & 0x7f) * scale;
    if (byte >= 0x80) continue;
    if (size > (to - at) * 64) throw new Error(`snappy: ${to - from} bytes cannot hold ${size}`);
    return { bytes: size, next: at + 1 };
  }
  throw new Error('snappy: a block without its size');
}

/**
 * Our own, because `snappyjs` trusts its input: a literal whose four-byte length is negative moves it backwards, for
 * ever, and a block that ends early is filled up with zeros.
 */
function decodeBlock(input: Uint8Array, from: number, to: number, output: Buffer, start: number, end: number): void {
  let at = from;
  let out = start;
  while (at < to) {
    const tag = input[at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const width = length - 60;
        if (width > to - at) throw new Error('snappy: the length of a literal is cut off');
        length = 1;
        for (let byte = 0, scale = 1; byte < width; byte++, scale *= 256) length += input[at++]! * scale;
      }
      if (length > to - at) throw new Error('snappy: a literal is longer than its block');
      if (length > end - out) throw new Error('snappy: a block holds more than its size says');
      if (length < 32) for (let byte = 0; byte < length; byte++) output[out + byte] = input[at + byte]!;
      else output.set(input.subarray(at, at + length), out);
      at += length;
      out += length;
      continue;
    }
    const width = kind === 3 ? 4 : kind;
    if (width > to - at) throw new Error('snappy: a copy is cut off');
    let length = (tag >>> 2) + 1;
    let distance: number;
    if (kind === 1) {
      length = ((tag >>> 2) & 7) + 4;
      distance = ((tag >>> 5) << 8) | input[at]!;
    } else if (kind === 2) distance = input[at]! | (input[at + 1]! << 8);
    else distance = (input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24)) >>> 0;
    at += width;
    if (distance === 0 || distance > out - start) throw new Error('snappy: a copy from before the block');
    if (length > end - out) throw new Error('snappy: a block holds more than its size says');
    // Byte by byte, as a copy may overlap what it writes.
    for (const stop = out + length; out < stop; out++) output[out] = output[out - distance]!;
  }
  if (out !== end) throw new Error(`snappy: a block of ${end - start} bytes holds ${out - start}`);
}
