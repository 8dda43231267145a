import { asyncScheduler, type SchedulerAction, type SchedulerLike, type Subscription } from 'rxjs';
import { realRuntime } from '../../lib/runtime';
import type { Runtime } from '../../lib/types';

/**
 * The real runtime with a clock that runs `times` as fast: real sockets, and deadlines of minutes within seconds. What
 * the network takes seems that much longer.
 */
export function fasterRuntime(times: number): Runtime {
  const scheduler: SchedulerLike = {
    now: () => performance.now() * times,
    schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
      const hurried = function (this: SchedulerAction<T>, given?: T): void {
        work.call(
          new Proxy(this, {
            get: (action, name) =>
              name === 'schedule'
                ? (next?: T, after = 0) => action.schedule(next, after / times)
                : Reflect.get(action, name),
          }),
          given,
        );
      };
      return asyncScheduler.schedule(hurried, delay / times, state);
    },
  };
  return { ...realRuntime, scheduler };
}
