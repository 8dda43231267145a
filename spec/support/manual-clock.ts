import { VirtualTimeScheduler } from 'rxjs';
import type { Runtime } from '../../lib/types';

/** More turns than any spec needs within one ms. */
const MAX_TURNS = 10_000;

/** Virtual time in the spec's hand: nothing happens but in `turn` and `advance`. */
export class ManualClock {
  readonly scheduler = new VirtualTimeScheduler();
  readonly runtime: Runtime = {
    scheduler: this.scheduler,
    yield: work => {
      if (this.scheduler.frame !== this.#frame) [this.#frame, this.#turns] = [this.scheduler.frame, 0];
      if (++this.#turns > MAX_TURNS) throw new Error(`something goes round for ever at ${this.#frame} ms`);
      return this.scheduler.schedule(work, 0);
    },
    random: () => 0.5,
  };

  #frame = 0;
  #turns = 0;

  /** Runs everything that is due within the next `ms`. */
  advance(ms: number): void {
    const until = this.scheduler.frame + ms;
    this.scheduler.maxFrames = until;
    this.scheduler.flush();
    this.scheduler.frame = until;
  }

  /** Runs what is due now, and what that makes due. */
  turn(): void {
    this.advance(0);
  }

  /** Timers and turns not run yet: 0 when nothing is left behind. */
  get pending(): number {
    return this.scheduler.actions.filter(action => !action.closed).length;
  }
}
