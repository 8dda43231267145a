import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';

/** Those who wait until everything up to some serial is settled. */
export class Drains {
  #waiting: { readonly before: number; readonly subscriber: Subscriber<void> }[] = [];

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Emits and completes at the first `check` that finds nothing older than what there is on subscribe. */
  wait(begin: () => number, check: () => void): Observable<void> {
    return new Observable(subscriber => {
      const drain = { before: begin(), subscriber };
      this.#waiting.push(drain);
      subscriber.add(() => {
        this.#waiting = this.#waiting.filter(other => other !== drain);
      });
      check();
    });
  }

  /** `oldest`: the smallest serial that is not settled. */
  check(oldest: number): void {
    // Taken off the list first: who is told may close the producer, which asks again.
    const done = this.#waiting.filter(drain => oldest >= drain.before);
    this.#waiting = this.#waiting.filter(drain => oldest < drain.before);
    for (const { subscriber } of done) {
      subscriber.next();
      subscriber.complete();
    }
  }
}
