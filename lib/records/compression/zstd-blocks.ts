import { decodingTable, readDistribution, repeatedSymbol, type FseTable } from './fse-table';
import type { ZstdFrame } from './zstd-frames';

const COMPRESSED = 2;
const MAX_BLOCK_BYTES = 131_072;

/** What blocks of a frame leave to the next one. */
interface Carried {
  readonly tables: (FseTable | undefined)[];
  /** The last three distances that were copied from. */
  distances: readonly [number, number, number];
  /** Bytes that the blocks so far came to. */
  total: number;
}

/** What a code of a length stands for: a base, and so many more bits to be added to it. */
interface Lengths {
  readonly bits: Uint8Array;
  readonly base: Int32Array;
}

const LITERAL_LENGTHS = lengths(0, [...Array<number>(16).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]); // prettier-ignore
const MATCH_LENGTHS = lengths(3, [...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]); // prettier-ignore

/** The distributions that RFC 8878 gives, in the order of the tables of a block: literal lengths, offsets, match lengths. */
const PREDEFINED = [
  decodingTable(6, [4, 3, ...two(11), 1, 1, 1, ...two(9), 3, 2, ...one(5), ...rare(4)]),
  decodingTable(5, [...one(6), 2, 2, 2, ...one(15), ...rare(5)]),
  decodingTable(6, [1, 4, 3, ...two(6), ...one(37), ...rare(7)]),
] as const;
const MAX_LOG = [9, 8, 9] as const;
const SYMBOLS = [36, 32, 53] as const;

/**
 * Counts what the frame comes to, and throws when a compressed block of the frame claims more than a block may hold, what
 * is not there, or a copy from before the frame or its window. Done before `fzstd` gets it, which checks nothing of this: a
 * frame of 18 bytes kept it busy for minutes, another one for ever, and copies from nowhere came out as zeros.
 */
export function checkBlocks(bytes: Buffer, frame: ZstdFrame): number {
  const carried: Carried = { tables: [undefined, undefined, undefined], distances: [1, 4, 8], total: 0 };
  for (let at = frame.blocksFrom; at < frame.blocksTo;) {
    const header = bytes.readUIntLE(at, 3);
    const kind = (header >> 1) & 3;
    const size = header >> 3;
    at += 3;
    carried.total += kind === COMPRESSED ? checkBlock(bytes.subarray(at, at + size), frame.windowBytes, carried) : size;
    at += kind === 1 ? 1 : size;
  }
  return carried.total;
}

/** Returns how many bytes the block comes to. */
function checkBlock(block: Buffer, windowBytes: number, carried: Carried): number {
  const { tables } = carried;
  const limit = Math.min(MAX_BLOCK_BYTES, windowBytes);
  const { literals, next } = readLiterals(block);
  if (literals > limit) throw new Error(`zstd: a block with ${literals} bytes of literals`);
  let at = next;
  let count = byteAt(block, at++);
  if (count === 0) return literals;
  if (count === 255) {
    count = byteAt(block, at) + (byteAt(block, at + 1) << 8) + 0x7f00;
    at += 2;
  } else if (count >= 128) count = ((count - 128) << 8) + byteAt(block, at++);
  const modes = byteAt(block, at++);
  for (let table = 0; table < 3; table++) {
    const mode = (modes >> (6 - 2 * table)) & 3;
    if (mode === 0) tables[table] = PREDEFINED[table];
    else if (mode === 1) tables[table] = repeatedSymbol(byteAt(block, at++));
    else if (mode === 2) {
      const { log, counts, next: behind } = readDistribution(block, at, MAX_LOG[table]!);
      tables[table] = decodingTable(log, counts);
      at = behind;
    }
    if (tables[table] === undefined) throw new Error('zstd: a block repeats a table that was never there');
    if (tables[table]!.lastSymbol >= SYMBOLS[table]!) throw new Error('zstd: a code that does not exist');
  }
  return checkSequences(block, at, count, { literals, limit, windowBytes }, carried);
}

/** How many literals there are, and where the sequences begin. */
function readLiterals(block: Buffer): { readonly literals: number; readonly next: number } {
  const first = byteAt(block, 0);
  const kind = first & 3;
  const format = (first >> 2) & 3;
  if (kind < 2) {
    const headerBytes = format === 1 ? 2 : format === 3 ? 3 : 1;
    if (block.length < headerBytes) throw cutOff();
    const literals = block.readUIntLE(0, headerBytes) >> (headerBytes === 1 ? 3 : 4);
    return { literals, next: headerBytes + (kind === 1 ? 1 : literals) };
  }
  const headerBytes = format < 2 ? 3 : format + 2;
  const width = format < 2 ? 10 : format === 2 ? 14 : 18;
  if (block.length < headerBytes) throw cutOff();
  const fields = Math.floor(block.readUIntLE(0, headerBytes) / 16);
  const literals = fields % 2 ** width;
  const next = headerBytes + Math.floor(fields / 2 ** width);
  if (next > block.length) throw cutOff();
  const weights = byteAt(block, headerBytes);
  if (kind === 2 && weights < 128) {
    // One symbol with all of the probability takes no bits to read: it would be read for ever.
    const { counts, log } = readDistribution(block, headerBytes + 1, 6);
    if (counts.includes(1 << log)) throw new Error('zstd: weights without an end');
  }
  return { literals, next };
}

/** Reads the sequences as they are decoded, from the last bit to the first, but copies nothing. */
function checkSequences(
  block: Buffer,
  from: number,
  count: number,
  sizes: { readonly literals: number; readonly limit: number; readonly windowBytes: number },
  carried: Carried,
): number {
  const [literalTable, offsetTable, matchTable] = carried.tables;
  const last = byteAt(block, block.length - 1);
  if (last === 0 || from >= block.length) throw cutOff();
  const start = from * 8;
  // The highest bit that is set only marks the end.
  let at = (block.length - 1) * 8 + (31 - Math.clz32(last));
  const read = (bits: number): number => {
    at -= bits;
    if (at < start) throw cutOff();
    const byte = at >> 3;
    const word = block[byte]! | ((block[byte + 1] ?? 0) << 8) | ((block[byte + 2] ?? 0) << 16);
    return (word >> (at & 7)) & ((1 << bits) - 1);
  };
  let literalState = read(literalTable!.log);
  let offsetState = read(offsetTable!.log);
  let matchState = read(matchTable!.log);
  let literals = 0;
  let copied = 0;
  let [first, second, third] = carried.distances;
  for (let left = count; left > 0; left--) {
    const matchCode = matchTable!.symbols[matchState]!;
    const literalCode = literalTable!.symbols[literalState]!;
    // At most 16 bits at once, the higher ones first.
    const width = offsetTable!.symbols[offsetState]!;
    const value =
      width <= 16 ? (1 << width) + read(width) : ((1 << (width - 16)) + read(width - 16)) * 65_536 + read(16);
    const matched = MATCH_LENGTHS.base[matchCode]! + read(MATCH_LENGTHS.bits[matchCode]!);
    const passed = LITERAL_LENGTHS.base[literalCode]! + read(LITERAL_LENGTHS.bits[literalCode]!);
    literals += passed;
    // 1 to 3 repeat an earlier distance; where no literals come between, the next older one (RFC 8878, 3.1.1.5).
    const repeated = passed === 0 ? value + 1 : value;
    if (value > 3) [first, second, third] = [value - 3, first, second];
    else if (repeated === 2) [first, second] = [second, first];
    else if (repeated > 2) [first, second, third] = [repeated === 3 ? third : first - 1, first, second];
    // A match of 3 bytes or more: a distance of 0 would copy what is not written yet.
    if (first === 0 || first > Math.min(sizes.windowBytes, carried.total + literals + copied))
      throw new Error(`zstd: a copy from ${first} bytes before, where there is nothing`);
    copied += matched;
    if (sizes.literals + copied > sizes.limit || literals > sizes.literals)
      throw new Error('zstd: a block holds more than it may');
    if (left === 1) break; // the last leads to no other
    literalState = literalTable!.base[literalState]! + read(literalTable!.bits[literalState]!);
    matchState = matchTable!.base[matchState]! + read(matchTable!.bits[matchState]!);
    offsetState = offsetTable!.base[offsetState]! + read(offsetTable!.bits[offsetState]!);
  }
  if (at !== start) throw new Error('zstd: sequences of more bits than they take');
  carried.distances = [first, second, third];
  return sizes.literals + copied;
}

function lengths(first: number, bits: readonly number[]): Lengths {
  let base = first;
  return {
    bits: Uint8Array.from(bits),
    base: Int32Array.from(bits, width => {
      base += 1 << width;
      return base - (1 << width);
    }),
  };
}

function byteAt(block: Buffer, at: number): number {
  if (at < 0 || at >= block.length) throw cutOff();
  return block[at]!;
}

function cutOff(): Error {
  return new Error('zstd: a block is cut off');
}

function one(times: number): number[] {
  return Array<number>(times).fill(1);
}

function two(times: number): number[] {
  return Array<number>(times).fill(2);
}

/** Less than once. */
function rare(times: number): number[] {
  return Array<number>(times).fill(-1);
}
