import { Subscription } from 'rxjs';
import type { Runtime } from '../types';

/** One timer that is set to the earliest of many times. */
export class Alarm {
  #at = Infinity;
  #timer = Subscription.EMPTY;

  constructor(
    private readonly runtime: Runtime,
    private readonly ring: () => void,
  ) {}

  /** Rings at `at` (the runtime's clock in ms) unless it is set to an earlier time. `Infinity` changes nothing. */
  setNoLaterThan(at: number): void {
    if (at >= this.#at) return;
    const { scheduler } = this.runtime;
    this.#timer.unsubscribe();
    this.#at = at;
    this.#timer = scheduler.schedule(
      () => {
        this.#at = Infinity;
        this.ring();
      },
      Math.max(0, at - scheduler.now()),
    );
  }

  cancel(): void {
    this.#timer.unsubscribe();
    this.#at = Infinity;
  }
}
