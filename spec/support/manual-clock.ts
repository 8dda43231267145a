import { VirtualTimeScheduler } from 'rxjs';
import type { Runtime } from '../../lib/types';

/** Virtual time in the spec's hand: nothing happens but in `turn` and `advance`. */
export class ManualClock {
  readonly scheduler = new VirtualTimeScheduler();
  readonly runtime: Runtime = {
    scheduler: this.scheduler,
    yield: work => this.scheduler.schedule(work, 0),
    random: () => 0.5,
  };

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
