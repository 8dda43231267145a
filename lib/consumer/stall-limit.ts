import { Subscription } from 'rxjs';
import type { Runtime } from '../types';

/** What is watched, and for how long it may stand still. */
export interface StallLimitOptions {
  readonly runtime: Runtime;
  readonly limitMs: number;
  /** Records that somebody is expected to settle. */
  readonly unacked: () => number;
  /** Counts settles. */
  readonly settles: () => number;
  /** Not one was settled for `forMs`, although there were some to settle. Called once. */
  readonly stalled: (forMs: number) => void;
}

/** How often in `limitMs` is looked: so much later than due a stall may be noticed. */
const LOOKS = 10;

/** Notices a member that has stopped working: another may have its partitions then (`max.poll.interval.ms` of other clients). */
export class StallLimit {
  readonly #options: StallLimitOptions;
  #timer = Subscription.EMPTY;
  #settles = 0;
  #since = 0;
  #lookedAt = 0;

  constructor(options: StallLimitOptions) {
    this.#options = options;
  }

  start(): void {
    this.stop();
    this.#settles = -1;
    this.#lookedAt = this.#options.runtime.scheduler.now();
    this.#look();
  }

  stop(): void {
    this.#timer.unsubscribe();
  }

  #look(): void {
    const { runtime, limitMs, unacked, settles, stalled } = this.#options;
    const now = runtime.scheduler.now();
    const stepMs = Math.max(1, Math.ceil(limitMs / LOOKS));
    // A process that was frozen has had no time to settle anything in: what it has missed does not count.
    this.#since += Math.max(0, now - this.#lookedAt - 2 * stepMs);
    this.#lookedAt = now;
    if (unacked() === 0 || settles() !== this.#settles) {
      this.#settles = settles();
      this.#since = now;
    } else if (now - this.#since >= limitMs) return stalled(now - this.#since);
    this.#timer = runtime.scheduler.schedule(() => this.#look(), stepMs);
  }
}
