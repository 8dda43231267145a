import { defer, Observable, retry, throwError, timer } from 'rxjs';
import type { MonoTypeOperatorFunction } from 'rxjs';
import { BrokerError, KafkaError, RequestTimeoutError } from '../errors';
import { errorOf } from '../protocol/error-table';
import type { ClientOptions } from '../options';
import type { EventSink, Runtime } from '../types';

/**
 * What to do about a fault: the same again, the same after fresh metadata (or a fresh coordinator), abort the
 * transaction, or give up. This file alone decides; it reads Kafka's own table.
 */
export type Reaction = 'retry' | 'refresh' | 'abortable' | 'fatal';

/** The reaction to an error code of a response. 0 is no error: do not ask. */
export function reactionToCode(code: number): Reaction {
  const error = errorOf(code);
  if (error.refreshesMetadata || error.refreshesCoordinator) return 'refresh';
  if (error.retriable) return 'retry';
  return error.abortable ? 'abortable' : 'fatal';
}

/** The reaction to whatever a request can error with. A lost connection may mean that the leader moved: look again. */
export function reactionTo(error: unknown): Reaction {
  if (error instanceof BrokerError) return reactionToCode(error.code);
  if (error instanceof KafkaError && error.retriable) return 'refresh';
  return 'fatal';
}

/** The same call may succeed later, by itself. */
export function isRetriable(error: unknown): boolean {
  const reaction = reactionTo(error);
  return reaction === 'retry' || reaction === 'refresh';
}

/** First pause and longest pause in ms (`retry.backoff.ms`, `reconnect.backoff.ms` and their `.max.ms`). */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** The pause before attempt `attempt + 1` (1 = after the first failure): doubles, ±20 %, never above `maxMs` (KIP-580). */
export function backoffMs(attempt: number, backoff: Backoff, random: () => number): number {
  const step = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.min(backoff.maxMs, Math.round(step * (0.8 + 0.4 * random())));
}

/** The same between requests, as the options of the client have it. */
export function retryPauseMs(
  { options, runtime }: { readonly options: ClientOptions; readonly runtime: Runtime },
  attempt: number,
): number {
  const { retryBackoffMs: baseMs, retryBackoffMaxMs: maxMs } = options;
  return backoffMs(attempt, { baseMs, maxMs }, runtime.random);
}

/** How often and how long a call is repeated, and who hears of it. */
export interface RetryPolicy {
  /** Named in `retry` events and in the final error. */
  readonly api: string;
  readonly runtime: Runtime;
  readonly backoff: Backoff;
  /** Retries and the attempts themselves end after this; then the last retriable error surfaces. */
  readonly timeoutMs: number;
  readonly emit: EventSink;
  /** Called before the pause, so that metadata or a coordinator is fresh when the next attempt looks. */
  readonly onRetry?: (error: unknown, reaction: Reaction) => void;
  /** Why there is no answer, where an attempt waited all the time for what others try for it: metadata, mostly. */
  readonly trouble?: () => unknown;
}

/**
 * Subscribes again after a retriable error, with backoff, until `timeoutMs` have passed. A fatal error passes at
 * once. At the deadline an attempt still under way is cancelled; the error is the last one seen, as it says more
 * than "timed out", or a `RequestTimeoutError` where there was none.
 */
export function retrying<T>(policy: RetryPolicy): MonoTypeOperatorFunction<T> {
  const { runtime, backoff, emit } = policy;
  return source =>
    defer(() => {
      const deadline = runtime.scheduler.now() + policy.timeoutMs;
      let last: unknown;
      const attempts = source.pipe(
        retry({
          delay: (error: unknown, attempt) => {
            const reaction = reactionTo(error);
            if (!isRetriable(error)) return throwError(() => error);
            last = error;
            const delayMs = backoffMs(attempt, backoff, runtime.random);
            if (runtime.scheduler.now() + delayMs >= deadline) return throwError(() => error);
            policy.onRetry?.(error, reaction);
            emit({ type: 'retry', api: policy.api, attempt, delayMs, error });
            return timer(delayMs, runtime.scheduler);
          },
        }),
      );
      return until(
        attempts,
        policy.timeoutMs,
        runtime,
        () =>
          last ??
          policy.trouble?.() ??
          new RequestTimeoutError(
            `${policy.api}: no answer within ${policy.timeoutMs} ms; check that the brokers are reachable, or raise requestTimeoutMs`,
          ),
      );
    });
}

/** `source`, errored with `errorOf()` once `timeoutMs` have passed without its end. */
export function until<T>(
  source: Observable<T>,
  timeoutMs: number,
  runtime: Runtime,
  errorOf: () => unknown,
): Observable<T> {
  return new Observable<T>(subscriber => {
    // After a stall of the event loop timers fire before sockets are read, so the answer may have arrived already.
    const overdue = (): void => subscriber.add(runtime.yield(() => subscriber.error(errorOf())));
    subscriber.add(runtime.scheduler.schedule(overdue, timeoutMs));
    source.subscribe(subscriber);
  });
}
