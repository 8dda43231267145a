import type { Observable } from 'rxjs';
import { checkNumber, checkOneOf, checkOptions, defined } from '../options';

/** What user functions may return: a stream, a promise, or the value itself (an array is one value). */
export type Result<R> = Observable<R> | PromiseLike<R> | R;

/** How `handle` runs its records. */
export interface HandleOptions<T> {
  /** How many results may be waited for at once. [16] */
  readonly concurrency?: number;
  /** What runs one after another: records of a partition, records with the same key, or nothing. ['partition'; 'key' with `keyOf`] */
  readonly order?: 'partition' | 'key' | 'none';
  /** The key for `order: 'key'`; bytes are compared by content, all else as in a `Map`. [the record's raw key; records without one have no order] */
  readonly keyOf?: (item: T) => unknown;
  /** How long one attempt may take: then the record's signal aborts, and the attempt has failed with `RequestTimeoutError`. [no limit] */
  readonly timeoutMs?: number;
  /** Attempts in place, which hold up their lane only. [none: one attempt] */
  readonly retry?: RetryOptions;
  /** What becomes of a record whose attempts all failed. ['fail'] */
  readonly onError?: 'fail' | 'skip' | ErrorPolicy<T>;
}

/** Attempts in place. */
export interface RetryOptions {
  /** In all, the first included. [5] */
  readonly attempts?: number;
  /** Before the second attempt; doubles with each, up to `maxBackoffMs`. [100] */
  readonly backoffMs?: number;
  /** [10 000] */
  readonly maxBackoffMs?: number;
  /** Which errors are worth another attempt. [all] */
  readonly when?: (error: unknown) => boolean;
}

/** `skip` acks and goes on, `retry` nacks, `fail` errors the stream. */
export type Outcome = 'skip' | 'retry' | 'fail';

/** Decides on a record whose attempts all failed. What it throws, or an end without an outcome, fails the stream. */
export type ErrorPolicy<T> = (item: T, error: unknown) => Outcome | PromiseLike<Outcome> | Observable<Outcome>;

const HANDLE_OPTIONS = ['concurrency', 'order', 'keyOf', 'timeoutMs', 'retry', 'onError'];
const RETRY_OPTIONS = ['attempts', 'backoffMs', 'maxBackoffMs', 'when'];
const RETRY_DEFAULTS: Required<RetryOptions> = Object.freeze({
  attempts: 5,
  backoffMs: 100,
  maxBackoffMs: 10_000,
  when: () => true,
});
const ONCE: Required<RetryOptions> = Object.freeze({ ...RETRY_DEFAULTS, attempts: 1 });

/** `HandleOptions` with every default filled in and checked. */
export interface ResolvedHandleOptions<T> {
  readonly concurrency: number;
  readonly order: 'partition' | 'key' | 'none';
  readonly keyOf: ((item: T) => unknown) | undefined;
  readonly timeoutMs: number;
  readonly retry: Required<RetryOptions>;
  readonly onError: 'fail' | 'skip' | ErrorPolicy<T>;
}

/** Throws `TypeError` or `RangeError` that names the option. */
export function resolveHandleOptions<T>(what: string, options: HandleOptions<T>): ResolvedHandleOptions<T> {
  checkOptions(what, options, HANDLE_OPTIONS);
  checkNumber(what, 'concurrency', options.concurrency, { min: 1 });
  checkNumber(what, 'timeoutMs', options.timeoutMs, { min: 1 });
  checkOneOf(what, 'order', options.order, ['partition', 'key', 'none']);
  const { onError = 'fail', keyOf, retry } = options;
  if (typeof onError !== 'function') checkOneOf(what, 'onError', onError, ['fail', 'skip']);
  if (keyOf !== undefined && typeof keyOf !== 'function')
    throw new TypeError(`${what}: option "keyOf" must be a function`);
  if (keyOf !== undefined && options.order !== undefined && options.order !== 'key')
    throw new TypeError(`${what}: option "keyOf" needs order: 'key'`);
  if (retry !== undefined) {
    checkOptions(`${what}: retry`, retry, RETRY_OPTIONS);
    checkNumber(`${what}: retry`, 'attempts', retry.attempts, { min: 1 });
    checkNumber(`${what}: retry`, 'backoffMs', retry.backoffMs, { min: 0 });
    checkNumber(`${what}: retry`, 'maxBackoffMs', retry.maxBackoffMs, { min: 0 });
  }
  return {
    concurrency: options.concurrency ?? 16,
    order: options.order ?? (keyOf === undefined ? 'partition' : 'key'),
    keyOf,
    timeoutMs: options.timeoutMs ?? Infinity,
    retry: retry === undefined ? ONCE : { ...RETRY_DEFAULTS, ...defined(retry) },
    onError,
  };
}
