import { defer, Subscription } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Runtime } from '../../types';

/** What a heartbeat needs of its membership. */
export interface HeartbeatsOptions {
  readonly runtime: Runtime;
  /** Sends one; what it emits is not looked at. Errors have been waited out as far as waiting helps. */
  readonly send: () => Observable<unknown>;
  /** One failed; the next goes out after the interval, unless this stops them. */
  readonly failed: (error: unknown) => void;
  /** `certain` changed. */
  readonly certainty: () => void;
}

/**
 * Keeps a member alive: one heartbeat an interval, one in flight at most, and the clock by which a member may believe that it still is
 * one. Whoever was frozen, or cut off, for longer than its session has to hear of the group first.
 */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  #timer = Subscription.EMPTY;
  #request = Subscription.EMPTY;
  #doubt = Subscription.EMPTY;
  #intervalMs = Infinity;
  #certainUntil = -Infinity;
  #running = false;
  #soon = false;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** The group has been heard of within the session. Read from the clock each time: a frozen process cannot trust its timers. */
  get certain(): boolean {
    return this.#options.runtime.scheduler.now() < this.#certainUntil;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** Begins, or goes on with another interval. The first is due an interval from now. */
  start(intervalMs: number): void {
    this.#running = true;
    this.#intervalMs = intervalMs;
    if (this.#request.closed) this.#schedule(intervalMs);
  }

  /** Sends one now, or right after the one under way: there is something to tell. */
  now(): void {
    if (!this.#running) return;
    if (this.#request.closed) this.#send();
    else this.#soon = true;
  }

  /** None goes out until `start`: the group holds us itself while it works on our answer, at most for so long. */
  hold(forMs: number): void {
    this.#running = this.#soon = false;
    this.#timer.unsubscribe();
    this.#request.unsubscribe();
    this.heard(forMs);
  }

  /** The group has answered: it holds us for so long from now. */
  heard(forMs: number): void {
    const { scheduler } = this.#options.runtime;
    const before = this.certain;
    this.#certainUntil = scheduler.now() + forMs;
    this.#doubt.unsubscribe();
    // For whoever rests: what is at work asks by itself.
    this.#doubt = scheduler.schedule(() => this.#options.certainty(), forMs);
    if (!before) this.#options.certainty();
  }

  stop(): void {
    this.#running = this.#soon = false;
    for (const one of [this.#timer, this.#request, this.#doubt]) one.unsubscribe();
    this.#certainUntil = -Infinity;
  }

  #schedule(delayMs: number): void {
    this.#timer.unsubscribe();
    this.#timer = this.#options.runtime.scheduler.schedule(() => this.#send(), delayMs);
  }

  #send(): void {
    const { runtime, send, failed } = this.#options;
    this.#timer.unsubscribe();
    this.#soon = false;
    const sentAt = runtime.scheduler.now();
    const request = new Subscription();
    this.#request = request;
    const over = (): void => {
      if (request.closed) return;
      request.unsubscribe();
      if (!this.#running || this.#request !== request) return;
      if (this.#soon) this.#send();
      else this.#schedule(Math.max(0, sentAt + this.#intervalMs - runtime.scheduler.now()));
    };
    request.add(
      defer(send).subscribe({
        complete: over,
        error: (error: unknown) => {
          if (request.closed) return;
          failed(error);
          over();
        },
      }),
    );
  }
}
