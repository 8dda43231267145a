import { Observable, takeUntil } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import type { ConsumerRecord } from '../types';
import { resolveHandleOptions } from './handle-options';
import type { HandleOptions, Result } from './handle-options';
import { Handling } from './handling';

export type { ErrorPolicy, HandleOptions, Outcome, Result, RetryOptions } from './handle-options';

/**
 * Runs `project` for each record and acks the record when the result completes. Emits the results as they come,
 * `undefined` aside; then acks. A result that `record.produce` made is not acked here but by `sendTo`, once stored.
 *
 * Records of a partition run one after another, those of up to `concurrency` partitions side by side; `order` changes
 * that. What waits is bounded by the consumer's window: a slow handler holds the source back, and loses nothing.
 *
 * Completes when the source has and all results have. Errors with the source, or by `onError`: what runs is cancelled,
 * signals abort, nothing of it is acked, and a new view brings it again. Unsubscribing does the same; so does `take`
 * behind it, whose last result is not acked either. `takeUntil` before it ends gracefully: what runs is finished and acked.
 *
 * ```ts
 * consumer.records.pipe(handle(record => save(record.value), { order: 'key', concurrency: 64 })).subscribe();
 * ```
 */
export function handle<K, V, R>(
  project: (record: ConsumerRecord<K, V>) => Result<R>,
  options: HandleOptions<NoInfer<ConsumerRecord<K, V>>> = {},
): OperatorFunction<ConsumerRecord<K, V>, Exclude<R, void | undefined>> {
  type Out = Exclude<R, void | undefined>;
  if (typeof project !== 'function') throw new TypeError('handle: the first argument must be a function of a record');
  const resolved = resolveHandleOptions('handle', options);
  return source =>
    new Observable<Out>(subscriber => {
      const keyOf = keysOf(resolved.order, resolved.keyOf);
      const handling = new Handling(
        subscriber,
        project as (record: ConsumerRecord<K, V>) => Result<Out>,
        resolved,
        keyOf,
      );
      subscriber.add(() => handling.close());
      subscriber.add(
        source.pipe(takeUntil(handling.stopped)).subscribe({
          next: record => handling.next(record),
          error: (error: unknown) => subscriber.error(error),
          complete: () => handling.complete(),
        }),
      );
    });
}

function keysOf<K, V>(
  order: 'partition' | 'key' | 'none',
  keyOf: ((record: ConsumerRecord<K, V>) => unknown) | undefined,
): ((record: ConsumerRecord<K, V>) => unknown) | undefined {
  if (order === 'none') return undefined;
  if (order === 'partition') return partitionKeys();
  // A record made by hand may have no raw key.
  if (keyOf === undefined) return record => contentKey(record.rawKey === undefined ? record.key : record.rawKey);
  return record => contentKey(keyOf(record));
}

/** Bytes with the same content are the same key; no key at all is a lane of its own. */
function contentKey(key: unknown): unknown {
  if (key instanceof Uint8Array) return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
  return key ?? {};
}

/** One string per partition, made once: a new one per record would be hashed per record. */
function partitionKeys(): (record: { readonly topic: string; readonly partition: number }) => unknown {
  const topics = new Map<string, string[]>();
  return ({ topic, partition }) => {
    let keys = topics.get(topic);
    if (keys === undefined) topics.set(topic, (keys = []));
    return (keys[partition] ??= `${topic}/${partition}`);
  };
}
