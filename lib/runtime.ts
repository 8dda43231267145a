import { asyncScheduler } from 'rxjs';
import type { Runtime } from './types';

/** The real clock, real turns of I/O and real chance: the only place in the library that touches them. */
export const realRuntime: Runtime = Object.freeze({
  scheduler: asyncScheduler,
  yield(work: () => void) {
    const handle = setImmediate(work);
    return { unsubscribe: () => clearImmediate(handle) };
  },
  random: () => Math.random(),
});
