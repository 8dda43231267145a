import { catchError, defer, EMPTY, from, ignoreElements, merge, Subject, takeUntil, timer } from 'rxjs';
import type { Observable, ObservableInput } from 'rxjs';
import { InvalidStateError } from '../../errors';
import type { EventSink, RebalanceEvent, RebalanceStep, Runtime, TopicPartition } from '../../types';

/** What telling of rebalances needs. */
export interface RebalancesOptions {
  readonly runtime: Runtime;
  readonly groupId: string;
  readonly emit: EventSink;
  /** What the application wanted to be waited for went wrong. */
  readonly fatal: (error: unknown) => void;
}

/** Tells the application of the steps of rebalances, and collects what it wants to be waited for. */
export class Rebalances {
  readonly #options: RebalancesOptions;
  readonly #events = new Subject<RebalanceEvent>();

  constructor(options: RebalancesOptions) {
    this.#options = options;
  }

  /** Hot. Completes on close. */
  get events(): Observable<RebalanceEvent> {
    return this.#events.asObservable();
  }

  /** Cold: subscribing tells, and completes when all that is to be waited for has ended, `limitMs` later at the latest. Never errors. */
  tell(step: RebalanceStep, partitions: readonly TopicPartition[], limitMs: number): Observable<never> {
    return defer(() => {
      const { runtime, groupId, emit, fatal } = this.#options;
      const works: ObservableInput<unknown>[] = [];
      let told = false;
      const waitUntil = (work: ObservableInput<unknown>): void => {
        if (told) throw new InvalidStateError('waitUntil: the step is over; call it inside next, before it returns');
        works.push(work);
      };
      emit({ type: 'rebalance', group: groupId, phase: step.type, partitions });
      this.#events.next({ ...step, partitions, waitUntil });
      told = true;
      if (works.length === 0) return EMPTY;
      const waiting = works.map(work =>
        defer(() => from(work)).pipe(
          ignoreElements(),
          catchError((error: unknown) => {
            fatal(error);
            return EMPTY;
          }),
        ),
      );
      return merge(...waiting).pipe(takeUntil(timer(limitMs, runtime.scheduler)));
    });
  }

  close(): void {
    this.#events.complete();
  }
}
