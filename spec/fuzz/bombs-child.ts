import { writeSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { Reader } from '../../lib/bytes/reader';
import { DecodeError } from '../../lib/errors';
import { Random } from './random';
import { decode, nameOf, schemas, type Schema } from './schemas';
import { bombsOf, grownBombsOf, sample } from './targets/messages';

// What length bombs cost, in a process of its own: with --expose-gc and a new space so large that nothing is collected
// between two looks at the heap, the difference is all that was allocated, garbage included.

/** The most that one kind of bomb cost. */
export interface BombFigures {
  readonly bombs: number;
  readonly refused: number;
  /** Of the bomb that allocated most beyond twice its own size. */
  readonly worstBytes: number;
  readonly worstInputBytes: number;
  readonly worst: string;
  /** The most that a byte cost which was read as part of a message before the lie was found: objects are larger than what they are made of. */
  readonly perByteRead: number;
  readonly slowestMs: number;
  readonly slowest: string;
  readonly errors: readonly string[];
}

declare const gc: (options?: { readonly type: 'minor' }) => void;

function allocated(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

const SLACK = 64 << 10;
/** More than the samples have. */
const MESSAGE_BYTES = 2_048;

function once(schema: Schema, bomb: Buffer): { error: unknown; ms: number; bytes: number } {
  const before = allocated();
  const from = performance.now();
  let error: unknown;
  try {
    decode(schema, new Reader(bomb));
  } catch (thrown) {
    error = thrown;
  }
  return { error, ms: performance.now() - from, bytes: allocated() - before };
}

function measure(bombs: readonly { readonly schema: Schema; readonly bomb: Buffer }[]): BombFigures {
  let refused = 0;
  let worst = { excess: -Infinity, bytes: 0, input: 0, name: '' };
  let slowest = { ms: 0, name: '' };
  let perByteRead = 0;
  const errors: string[] = [];
  let since = 0;
  for (const { schema, bomb } of bombs) {
    // Before the new space fills up, not while something is measured.
    if ((since += bomb.length + 4_096) > 8 << 20) {
      gc({ type: 'minor' });
      since = 0;
    }
    const first = once(schema, bomb);
    const { error } = first;
    let { ms, bytes } = first;
    // Compiling code may fall into it, once.
    for (let again = 0; again < 2 && error !== undefined && bytes > 2 * bomb.length + SLACK; again++) {
      const next = once(schema, bomb);
      [ms, bytes] = [Math.min(ms, next.ms), Math.min(bytes, next.bytes)];
    }
    const name = `${nameOf(schema)}: ${bomb.subarray(0, 60).toString('hex')}`;
    if (error !== undefined) {
      refused++;
      if (!(error instanceof DecodeError)) errors.push(`${name}: ${String(error)}`);
      // What is a message after all, or the beginning of one, takes the memory of a message.
      const { position } = error as DecodeError;
      const excess = bytes - 2 * bomb.length;
      if (position > MESSAGE_BYTES) perByteRead = Math.max(perByteRead, bytes / position);
      else if (excess > worst.excess) worst = { excess, bytes, input: bomb.length, name };
    }
    if (ms > slowest.ms) slowest = { ms, name };
  }
  return {
    bombs: bombs.length,
    refused,
    worstBytes: worst.bytes,
    worstInputBytes: worst.input,
    worst: worst.name,
    perByteRead,
    slowestMs: slowest.ms,
    slowest: slowest.name,
    errors: errors.slice(0, 5),
  };
}

function main(rounds: number): void {
  const samples = Array.from({ length: rounds * schemas.length }, (_, seed) => sample(seed, new Random(seed), 512));
  const small = samples.flatMap(({ schema, frame }) => bombsOf(schema, frame).map(bomb => ({ schema, bomb })));
  // Once unmeasured: code is compiled and hidden classes are made at first use.
  measure(small);
  gc();
  const figures = [measure(small)];
  for (const { schema, frame } of samples) {
    // The same code as in the versions between them, and the frames are large.
    if (!schema.api.versions.includes(schema.version)) continue;
    gc();
    figures.push(measure(grownBombsOf(schema, frame, 1 << 17).map(bomb => ({ schema, bomb }))));
  }
  writeSync(1, `${JSON.stringify(figures.reduce(together))}\n`);
}

function together(a: BombFigures, b: BombFigures): BombFigures {
  const [worse, lesser] = a.worstBytes - 2 * a.worstInputBytes > b.worstBytes - 2 * b.worstInputBytes ? [a, b] : [b, a];
  const slower = a.slowestMs > b.slowestMs ? a : b;
  return {
    ...worse,
    bombs: a.bombs + b.bombs,
    refused: a.refused + b.refused,
    perByteRead: Math.max(worse.perByteRead, lesser.perByteRead),
    slowestMs: slower.slowestMs,
    slowest: slower.slowest,
    errors: [...a.errors, ...b.errors].slice(0, 5),
  };
}

main(Number(process.argv[2] ?? 1));
