import { isObservable, Subject, take, takeUntil, throwIfEmpty } from 'rxjs';
import type { Observable, Subscriber, Subscription } from 'rxjs';
import { ClosedError, RequestTimeoutError } from '../errors';
import { realRuntime } from '../runtime';
import { DELIVERY } from '../types';
import type { DeliverySource, Runtime, Settleable } from '../types';
import type { Outcome, ResolvedHandleOptions, Result } from './handle-options';
import { Lanes } from './lanes';

/** One item whose result is not there yet. */
interface Task<T> {
  readonly item: T;
  readonly key: unknown;
  attempt: number;
  /** Changes with whatever ends an attempt: what comes late from it is nobody's. */
  turn: number;
  /** `start` has returned: the end is to be told to the lanes. */
  detached: boolean;
  over: boolean;
  /** The result is the item's own `produce`: whoever stores it acks. */
  handedOn: boolean;
  /** The inner subscription: of the result, then of the policy. */
  inner: Subscription | undefined;
  /** The timeout, or the backoff. */
  timer: Subscription | undefined;
}

/** One subscription of `handle`: runs the items in their lanes, emits the results, and settles the items. */
export class Handling<T extends Settleable, R> {
  /** Ends the source and what runs; a source that emits inside `subscribe` could not be stopped otherwise. */
  readonly stopped = new Subject<void>();
  private readonly lanes: Lanes<T>;
  private readonly tasks = new Set<Task<T>>();
  /** Items whose key could not be had; their policy decides, `project` does not run. */
  private readonly keyless = new Map<T, unknown>();
  private sourceIsDone = false;

  constructor(
    private readonly subscriber: Subscriber<R>,
    private readonly project: (item: T) => Result<R | undefined | void>,
    private readonly options: ResolvedHandleOptions<T>,
    keyOf: ((item: T) => unknown) | undefined,
  ) {
    const safeKeyOf = keyOf && ((item: T) => this.keyOf(item, keyOf));
    this.lanes = new Lanes(options.concurrency, safeKeyOf, (item, key) => this.start(item, key));
  }

  next(item: T): void {
    if (this.subscriber.closed) return;
    deliveryOf(item)?.claim(item);
    this.lanes.offer(item);
  }

  complete(): void {
    this.sourceIsDone = true;
    this.completeIfIdle();
  }

  /** Ends everything at once. Nothing that was running is settled: it comes again. */
  close(): void {
    const tasks = [...this.tasks];
    this.tasks.clear();
    // First of all: `stopped` completes what runs, and that must not pass for success.
    for (const task of tasks) task.over = true;
    this.lanes.close();
    this.stopped.next();
    for (const task of tasks) {
      this.detach(task);
      deliveryOf(task.item)?.abort(task.item, new ClosedError('The stream of the handler has ended'));
    }
  }

  // ── One attempt ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The first attempt; `true` = the result is yet to come. A result that is there costs no task. */
  private start(item: T, key: unknown): boolean {
    if (deliveryOf(item)?.isSuperseded(item)) return false;
    let result: Result<R | undefined | void>;
    let later: Later<R> | undefined;
    try {
      if (this.keyless.size > 0 && this.keyless.has(item)) return this.startKeyless(item, key);
      result = this.project(item);
      later = laterOf(result);
    } catch (error) {
      const task = this.makeTask(item, key);
      this.failed(task, error);
      return this.suspend(task);
    }
    if (later !== undefined) {
      const task = this.makeTask(item, key);
      this.await(task, later);
      return this.suspend(task);
    }
    const handedOn = isOf(result, item);
    this.emit(result as R | undefined);
    if (!handedOn) this.ack(item);
    return false;
  }

  private startKeyless(item: T, key: unknown): boolean {
    const error = this.keyless.get(item);
    this.keyless.delete(item);
    const task = this.makeTask(item, key);
    this.decide(task, error);
    return this.suspend(task);
  }

  private again(task: Task<T>): void {
    task.timer = undefined;
    if (deliveryOf(task.item)?.isSuperseded(task.item)) return this.finish(task);
    task.attempt++;
    let result: Result<R | undefined | void>;
    let later: Later<R> | undefined;
    try {
      result = this.project(task.item);
      later = laterOf(result);
    } catch (error) {
      return this.failed(task, error);
    }
    if (later !== undefined) return this.await(task, later);
    this.value(task, result as R | undefined);
    this.succeeded(task);
  }

  private await(task: Task<T>, result: Later<R>): void {
    const turn = ++task.turn;
    const { timeoutMs } = this.options;
    if (timeoutMs !== Infinity)
      task.timer = runtimeOf(task.item).scheduler.schedule(() => this.expired(task), timeoutMs);
    const failed = (error: unknown) => {
      if (isCurrent(task, turn)) this.failed(task, error);
    };
    if (isObservable(result)) {
      const inner = result.pipe(takeUntil(this.stopped)).subscribe({
        next: value => isCurrent(task, turn) && this.value(task, value as R | undefined),
        error: failed,
        complete: () => isCurrent(task, turn) && this.succeeded(task),
      });
      if (isCurrent(task, turn)) task.inner = inner;
      else inner.unsubscribe();
      return;
    }
    try {
      result.then(value => {
        if (isCurrent(task, turn)) this.fulfilled(task, turn, value as R | undefined);
      }, failed);
    } catch (error) {
      failed(error);
    }
  }

  private fulfilled(task: Task<T>, turn: number, value: R | undefined): void {
    this.value(task, value);
    if (isCurrent(task, turn)) this.succeeded(task);
  }

  private value(task: Task<T>, value: R | undefined): void {
    if (isOf(value, task.item)) task.handedOn = true;
    this.emit(value);
  }

  private emit(value: R | undefined): void {
    if (value !== undefined) this.subscriber.next(value);
  }

  /** Not when the result was the end of this stream: an operator that threw over it would lose the item. */
  private ack(item: T): void {
    if (!this.subscriber.closed) item.ack();
  }

  // ── How an attempt ends ────────────────────────────────────────────────────────────────────────────────────────

  private succeeded(task: Task<T>): void {
    if (task.over) return;
    if (!task.handedOn) this.ack(task.item);
    this.finish(task);
  }

  private expired(task: Task<T>): void {
    const message = `${describe(task.item)}: the handler took longer than timeoutMs = ${this.options.timeoutMs}`;
    const error = new RequestTimeoutError(message);
    this.detach(task);
    deliveryOf(task.item)?.abort(task.item, error);
    this.failed(task, error);
  }

  private failed(task: Task<T>, error: unknown): void {
    this.detach(task);
    const { attempts, backoffMs, maxBackoffMs, when } = this.options.retry;
    try {
      if (task.attempt >= attempts || !when(error)) return this.decide(task, error);
    } catch (thrown) {
      return this.subscriber.error(thrown);
    }
    const delayMs = Math.min(backoffMs * 2 ** (task.attempt - 1), maxBackoffMs);
    const goOn = () => this.lanes.resume(task.key, () => this.again(task));
    task.timer = runtimeOf(task.item).scheduler.schedule(goOn, delayMs);
    this.lanes.pause();
  }

  private decide(task: Task<T>, error: unknown): void {
    const { onError } = this.options;
    if (typeof onError === 'string') return this.settle(task, onError, error);
    const fail = (thrown: unknown) => {
      if (!task.over) this.subscriber.error(thrown);
    };
    const settle = (outcome: Outcome) => {
      if (!task.over) this.settle(task, outcome, error);
    };
    let outcome: ReturnType<typeof onError>;
    try {
      outcome = onError(task.item, error);
    } catch (thrown) {
      return fail(thrown);
    }
    if (isObservable(outcome)) {
      const decided = outcome.pipe(take(1), throwIfEmpty(noOutcome), takeUntil(this.stopped));
      const inner = decided.subscribe({ next: settle, error: fail });
      if (!task.over) task.inner = inner;
    } else if (isPromiseLike(outcome)) outcome.then(settle, fail);
    else settle(outcome);
  }

  private settle(task: Task<T>, outcome: Outcome, error: unknown): void {
    if (outcome === 'skip') task.item.ack();
    else if (outcome === 'retry') task.item.nack(error);
    else
      return this.subscriber.error(
        outcome === 'fail'
          ? error
          : new TypeError(`onError must decide 'skip', 'retry' or 'fail', not ${String(outcome)}`),
      );
    this.finish(task);
  }

  private finish(task: Task<T>): void {
    this.detach(task);
    task.over = true;
    this.tasks.delete(task);
    if (!task.detached) return;
    this.lanes.release(task.key);
    this.completeIfIdle();
  }

  // ── Tasks ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private makeTask(item: T, key: unknown): Task<T> {
    const task = {
      item,
      key,
      attempt: 1,
      turn: 0,
      detached: false,
      over: false,
      handedOn: false,
      inner: undefined,
      timer: undefined,
    };
    this.tasks.add(task);
    return task;
  }

  /** At the end of `start`: whether the task goes on by itself. */
  private suspend(task: Task<T>): boolean {
    task.detached = !task.over;
    return task.detached;
  }

  /** Cuts off what the task waits for. */
  private detach(task: Task<T>): void {
    task.turn++;
    task.timer?.unsubscribe();
    task.inner?.unsubscribe();
    task.timer = task.inner = undefined;
  }

  private keyOf(item: T, keyOf: (item: T) => unknown): unknown {
    try {
      return keyOf(item);
    } catch (error) {
      this.keyless.set(item, error);
      return {};
    }
  }

  private completeIfIdle(): void {
    if (this.sourceIsDone && this.lanes.idle) this.subscriber.complete();
  }
}

/** What comes from an attempt counts only while it runs. */
function isCurrent(task: Task<unknown>, turn: number): boolean {
  return task.turn === turn && !task.over;
}

function deliveryOf(item: object): DeliverySource | undefined {
  return (item as { readonly [DELIVERY]?: DeliverySource })[DELIVERY];
}

/** A record made by hand has no runtime. */
function runtimeOf(item: object): Runtime {
  return deliveryOf(item)?.runtime ?? realRuntime;
}

/** A result that is yet to come. */
type Later<R> = Observable<R | undefined | void> | PromiseLike<R | undefined | void>;

/** `undefined` = the result is the value itself. Looking at what a user's function returns may throw. */
function laterOf<R>(result: Result<R | undefined | void>): Later<R> | undefined {
  return isObservable(result) || isPromiseLike(result) ? (result as Later<R>) : undefined;
}

/** The result is what the item's own `produce` made. */
function isOf(value: unknown, item: object): boolean {
  return typeof value === 'object' && value !== null && (value as { readonly source?: unknown }).source === item;
}

function isPromiseLike<R>(value: unknown): value is PromiseLike<R> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function'
  );
}

function noOutcome(): Error {
  return new TypeError("onError ended without an outcome: 'skip', 'retry' or 'fail'");
}

function describe(item: object): string {
  const { topic, partition, offset } = item as {
    readonly topic?: string;
    readonly partition?: number;
    readonly offset?: bigint;
  };
  return topic === undefined ? 'a batch' : `${topic}-${partition}${offset === undefined ? '' : `@${offset}`}`;
}
