import { Observable } from 'rxjs';

/**
 * Runs `work` for 0 to `total - 1`, always `width` at a time, and completes. `mergeMap` over a `range` would do the same,
 * but it queues the whole range first, and with a million numbers the time goes into that queue.
 */
export function keepInFlight(total: number, width: number, work: (number: number) => Observable<unknown>) {
  return new Observable<never>(subscriber => {
    let next = 0;
    let done = 0;
    const start = (): void => {
      if (next >= total || subscriber.closed) return;
      // Not added to the subscriber, whose list of a thousand would be searched each time: leaving only stops new work.
      work(next++).subscribe({
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          if (++done === total) subscriber.complete();
          else start();
        },
      });
    };
    if (total === 0) subscriber.complete();
    for (let i = 0; i < width; i++) start();
  });
}
