import { BehaviorSubject, concatMap, dematerialize, filter, map, materialize, take } from 'rxjs';
import type { MonoTypeOperatorFunction, SchedulerAction, SchedulerLike, Subscription } from 'rxjs';
import type { Runtime, Transport } from '../../lib/types';

/** A client that can be stopped in its tracks (SIGSTOP) while time and brokers go on. */
export class FreezableProcess {
  readonly runtime: Runtime;
  readonly #inner: Runtime;
  readonly #frozen = new BehaviorSubject(false);
  #held: (() => void)[] = [];
  #isFrozen = false;

  constructor(inner: Runtime) {
    this.#inner = inner;
    const hold = (resume: () => void): boolean => {
      if (this.#isFrozen) this.#held.push(resume);
      return this.#isFrozen;
    };
    const scheduler: SchedulerLike = {
      now: () => inner.scheduler.now(),
      schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
        return inner.scheduler.schedule<T>(
          function (this: SchedulerAction<T>, given) {
            if (!hold(() => !this.closed && this.schedule(given, 0))) work.call(this, given);
          },
          delay,
          state,
        );
      },
    };
    this.runtime = {
      scheduler,
      random: () => inner.random(),
      yield: work => scheduler.schedule(() => work()),
    };
  }

  /** Nothing that arrives meanwhile is seen before the thaw; then timers that fell due come first, as in Node. */
  wrap(below: Transport): Transport {
    return (broker, tls) =>
      below(broker, tls).pipe(
        this.#whileAwake(),
        map(stream => ({
          received: stream.received.pipe(this.#whileAwake()),
          writable: stream.writable,
          write: chunks => stream.write(chunks),
        })),
      );
  }

  freeze(): void {
    this.#isFrozen = true;
    this.#frozen.next(true);
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const resume of this.#held.splice(0)) resume();
    this.#inner.scheduler.schedule(() => this.#frozen.next(false));
  }

  #whileAwake<T>(): MonoTypeOperatorFunction<T> {
    return source =>
      source.pipe(
        materialize(),
        concatMap(one =>
          this.#frozen.pipe(
            filter(frozen => !frozen),
            take(1),
            map(() => one),
          ),
        ),
        dematerialize(),
      );
  }
}
