import { Observable, takeUntil, Subject } from 'rxjs';
import type { MonoTypeOperatorFunction } from 'rxjs';
import { DELIVERY } from '../types';
import type { ConsumerRecord, DeliverySource } from '../types';

/**
 * Acks each record when `next` has returned and the stream is still open: for synchronous pipelines only, since an
 * operator that keeps the record (`mergeMap`, `bufferTime`, `delay`) returns at once. Put it right behind the source.
 *
 * An operator that throws ends the stream before the ack, so the record comes again; what the subscriber's own `next`
 * throws is reported by RxJS and acked. Under `take` the last record is not acked. Completes and errors with the source.
 */
export function autoAck<K, V>(): MonoTypeOperatorFunction<ConsumerRecord<K, V>> {
  return source =>
    new Observable(subscriber => {
      // Ends a source that emits inside `subscribe`, where there is no subscription to end yet.
      const stopped = new Subject<void>();
      subscriber.add(() => stopped.next());
      subscriber.add(
        source.pipe(takeUntil(stopped)).subscribe({
          next(record) {
            if (subscriber.closed) return;
            (record as { readonly [DELIVERY]?: DeliverySource })[DELIVERY]?.claim(record);
            subscriber.next(record);
            if (!subscriber.closed) record.ack();
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      );
    });
}
