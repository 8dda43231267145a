import { Random } from './random';

/** One thing that must hold for all bytes. A case is made by its seed alone, so that a failure can be made again. */
export interface FuzzTarget {
  /** One word, for the command line. */
  readonly name: string;
  /** What holds, as a sentence. */
  readonly property: string;
  /** How often: in every run of the unit suite, with `KAFKA_RX_FULL=true`, and by `npm run fuzz`. */
  readonly cases: { readonly quick: number; readonly change: number; readonly long: number };
  /** Throws when it does not hold. Returns the number of checks made [1]. `seed` may choose what is to be checked, in turn. */
  run(random: Random, seed: number): number | void;
}

/** What came of a target. */
export interface FuzzFigures {
  readonly target: string;
  readonly cases: number;
  readonly checks: number;
  readonly ms: number;
  /** The longest case: what an endless loop would show as. */
  readonly slowestMs: number;
  readonly slowestSeed: number;
}

export interface FuzzOptions {
  readonly cases: number;
  /** Stops early after this time. [Infinity] */
  readonly ms?: number;
  /** Of the first case; the others count up from it. [1] */
  readonly seed?: number;
  /** Told of every case before it runs. */
  readonly onCase?: (seed: number, done: number) => void;
}

/** Runs the cases of a target; the first one that fails is thrown, with how to run it again. */
export function fuzz(target: FuzzTarget, { cases, ms = Infinity, seed = 1, onCase }: FuzzOptions): FuzzFigures {
  const began = performance.now();
  const until = began + ms;
  let [checks, done, slowestMs, slowestSeed, now] = [0, 0, 0, seed, began];
  while (done < cases && now < until) {
    const current = seed + done;
    onCase?.(current, done);
    try {
      checks += target.run(new Random(current), current) ?? 1;
    } catch (cause) {
      throw new FuzzFailure(target, current, cause);
    }
    const before = now;
    now = performance.now();
    if (now - before > slowestMs) [slowestMs, slowestSeed] = [now - before, current];
    done++;
  }
  return { target: target.name, cases: done, checks, ms: now - began, slowestMs, slowestSeed };
}

/** A case in which the property does not hold. */
export class FuzzFailure extends Error {
  constructor(
    readonly target: FuzzTarget,
    readonly seed: number,
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    super(`${target.name} fails: npm run fuzz -- --target ${target.name} --seed ${seed} --cases 1\n${reason}`, {
      cause,
    });
  }
}
