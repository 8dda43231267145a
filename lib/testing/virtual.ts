import { deepStrictEqual } from 'node:assert';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import type { Runtime } from '../types';
import { EmbeddedCluster } from './embedded-cluster';

/** What a spec in virtual time works with: RxJS's marble helpers, and a runtime and cluster that share their clock. */
export interface VirtualHelpers extends RunHelpers {
  readonly runtime: Runtime;
  /** One broker, topics created on demand; make others with the same `runtime`. */
  readonly cluster: EmbeddedCluster;
}

/** How a virtual run goes. */
export interface VirtualOptions {
  /** The horizon, in virtual ms: what has not happened by then does not. [10 000] */
  readonly forMs?: number;
  /** Compares what `expectObservable` saw with what was expected, and throws. [`deepStrictEqual`] */
  readonly assertEqual?: (actual: unknown, expected: unknown) => void;
}

/**
 * Runs a spec in virtual time. A client never falls silent (heartbeats, long polls), so the run has a horizon: there, observables
 * under `expectObservable` are unsubscribed unless they have a subscription of their own, the brokers stop, and time ends.
 */
export function runVirtual(work: (t: VirtualHelpers) => void, options: VirtualOptions = {}): void {
  const { forMs = 10_000, assertEqual = deepStrictEqual } = options;
  if (!Number.isInteger(forMs) || forMs < 2)
    throw new RangeError(`forMs must be an integer of at least 2, not ${forMs}`);
  const scheduler = new TestScheduler(assertEqual);
  scheduler.run(helpers => {
    // `run` lifts the limit on frames; without one a heartbeat would keep it going for ever.
    scheduler.maxFrames = forMs;
    const runtime = virtualRuntime(scheduler);
    const cluster = new EmbeddedCluster({ runtime });
    const expectObservable: RunHelpers['expectObservable'] = (observable, subscription) =>
      helpers.expectObservable(observable, subscription ?? `^ ${forMs - 1}ms !`);
    work({ ...helpers, expectObservable, runtime, cluster });
    // Scheduled last, so that within the last frame the observers above have left before the lights go out.
    scheduler.schedule(() => cluster.stop(1), forMs - scheduler.frame);
  });
}

/** More turns of I/O than any spec needs within one virtual ms. */
const MAX_TURNS = 1_000_000;

/** A runtime on a virtual clock: a turn of I/O takes no time, and chance is the same in every run. */
function virtualRuntime(scheduler: TestScheduler): Runtime {
  let seed = 0x9e37_79b9;
  let frame = 0;
  let turns = 0;
  return Object.freeze({
    scheduler,
    yield(work: () => void) {
      if (scheduler.frame !== frame) [frame, turns] = [scheduler.frame, 0];
      if (++turns > MAX_TURNS)
        throw new Error(`Virtual time stands still at ${frame} ms: something goes round for ever`);
      return scheduler.schedule(work, 0);
    },
    random() {
      // Mulberry32: small, and good enough for jitter.
      seed = (seed + 0x6d2b_79f5) | 0;
      let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
    },
  });
}
