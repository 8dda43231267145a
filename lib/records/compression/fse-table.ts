/** A finite state decoder (RFC 8878, 4.1): for each state a symbol, and the bits and the base of the next state. */
export interface FseTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
  /** The highest symbol that can come. */
  readonly lastSymbol: number;
}

/** A symbol that takes no bits. */
export function repeatedSymbol(symbol: number): FseTable {
  return {
    log: 0,
    symbols: Uint8Array.of(symbol),
    bits: new Uint8Array(1),
    base: new Uint16Array(1),
    lastSymbol: symbol,
  };
}

/** How often each symbol occurs among `1 << log` states (-1: less than once), and where the description ends. */
export function readDistribution(
  bytes: Buffer,
  from: number,
  maxLog: number,
): { readonly log: number; readonly counts: readonly number[]; readonly next: number } {
  let at = from * 8;
  const peek = (bits: number): number => {
    if (at + bits > bytes.length * 8 + 16) throw new Error('zstd: a table is cut off');
    const byte = at >> 3;
    const word = (bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8) | ((bytes[byte + 2] ?? 0) << 16);
    return (word >> (at & 7)) & ((1 << bits) - 1);
  };
  const log = peek(4) + 5;
  at += 4;
  if (log > maxLog) throw new Error(`zstd: a table of 2^${log} states`);
  const counts: number[] = [];
  for (let left = 1 << log; left > 0;) {
    if (counts.length > 255) throw new Error('zstd: a table of too many symbols');
    // Values up to `left + 1` in as few bits as they take: the lower ones in a bit less.
    const width = 32 - Math.clz32(left + 1);
    const half = (1 << (width - 1)) - 1;
    const spare = (1 << width) - 2 - left;
    let value = peek(width);
    at += width;
    if ((value & half) < spare) {
      value &= half;
      at--;
    } else if (value > half) value -= spare;
    const count = value - 1;
    left -= Math.abs(count);
    counts.push(count);
    if (count !== 0) continue;
    for (let zeros = 3; zeros === 3;) {
      zeros = peek(2);
      at += 2;
      for (let zero = 0; zero < zeros; zero++) counts.push(0);
    }
  }
  const next = (at + 7) >> 3;
  if (counts.length > 256 || next > bytes.length) throw new Error('zstd: a table is cut off');
  return { log, counts, next };
}

/** Spreads the symbols over the states. */
export function decodingTable(log: number, counts: readonly number[]): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  let high = size;
  counts.forEach((count, symbol) => {
    if (count === -1) symbols[--high] = symbol;
  });
  let position = 0;
  counts.forEach((count, symbol) => {
    for (let nth = 0; nth < count; nth++) {
      symbols[position] = symbol;
      do position = (position + (size >> 1) + (size >> 3) + 3) & (size - 1);
      while (position >= high);
    }
  });
  const seen = counts.map(count => Math.abs(count));
  for (let state = 0; state < size; state++) {
    const nth = seen[symbols[state]!]!++;
    bits[state] = log - (31 - Math.clz32(nth));
    base[state] = (nth << bits[state]!) - size;
  }
  return { log, symbols, bits, base, lastSymbol: counts.length - 1 };
}
