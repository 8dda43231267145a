import { concat, defer, EMPTY, first, ignoreElements, merge, Observable, startWith, takeUntil, timer } from 'rxjs';
import type { Runtime } from '../types';
import type { PartitionState } from './partition-state';

/** How partitions are given up. */
export interface LeaveTaking {
  readonly runtime: Runtime;
  /** Emits when something may have been settled. */
  readonly settled: Observable<unknown>;
  /** How long records in flight, and `work`, are waited for. */
  readonly drainMs: number;
  /** What else is to be waited for; begins once the partitions stand still. Never errors. */
  readonly work?: Observable<never>;
  /** Commits what was acked; completes in bounded time, never errors. */
  readonly commit: () => Observable<never>;
  /** Lets go of one partition. */
  readonly remove: (state: PartitionState) => void;
}

/**
 * Gives partitions up: emission and fetching stop at once, records in flight are waited for, offsets committed, and then they are
 * gone. Completes without a value. A partition that is wanted again meanwhile is taken back by clearing its `leave`.
 */
export function takeLeave(states: readonly PartitionState[], options: LeaveTaking): Observable<never> {
  return defer(() => {
    const leave = {};
    const left = () => states.filter(state => state.leave === leave);
    for (const state of states) {
      state.leave = leave;
      if (state.delivery !== undefined) state.delivery.paused = true;
    }
    const deadline = timer(options.drainMs, options.runtime.scheduler);
    const drained = merge(options.settled.pipe(startWith(undefined)), deadline).pipe(
      first(
        cause => cause === 0 || left().every(state => state.delivery === undefined || state.delivery.unacked === 0),
      ),
      ignoreElements(),
    );
    const worked = (options.work ?? EMPTY).pipe(takeUntil(timer(options.drainMs, options.runtime.scheduler)));
    const remove = new Observable<never>(subscriber => {
      for (const state of left()) options.remove(state);
      subscriber.complete();
    });
    return concat(merge(worked, drained), defer(options.commit), remove);
  });
}
