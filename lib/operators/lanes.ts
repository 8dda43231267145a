import { Fifo } from '../fifo';

/** Items that run one after another. Exists while one of them runs or waits. */
interface Lane<T> {
  readonly key: unknown;
  readonly waiting: Fifo<T>;
  /** Continues the item that gave its slot back, before anything else of the lane. */
  resume: (() => void) | undefined;
}

/**
 * Runs items: those with the same key in order and one at a time, at most `concurrency` in all. Lanes are made when an
 * item has to wait or keeps running, and deleted when they are empty: `groupBy` would keep a Subject per key for ever.
 *
 * `start` runs an item and says whether it is still running as it returns; `release` must then follow. What runs inside
 * `start` may call back in: items only queue up meanwhile, so the stack stays flat.
 */
export class Lanes<T> {
  private readonly lanes = new Map<unknown, Lane<T>>();
  private readonly ready = new Fifo<Lane<T>>();
  private slots: number;
  private pumping = false;
  private closed = false;
  private items = 0;
  /** Of the item in `start` that has no lane yet. */
  private current: unknown;

  constructor(
    concurrency: number,
    /** `undefined` = no order. */
    private readonly keyOf: ((item: T) => unknown) | undefined,
    private readonly start: (item: T, key: unknown) => boolean,
  ) {
    this.slots = concurrency;
  }

  /** No item runs or waits. */
  get idle(): boolean {
    return this.items === 0;
  }

  offer(item: T): void {
    this.items++;
    // Without order each item is a lane of its own.
    const key = this.keyOf === undefined ? {} : this.keyOf(item);
    const lane = this.keyOf === undefined ? undefined : this.lanes.get(key);
    if (lane !== undefined) {
      lane.waiting.push(item);
    } else if (this.pumping || this.slots === 0) {
      const made = this.make(key);
      made.waiting.push(item);
      // An item with that key is running up the stack; the end of its run sees to the lane.
      if (!this.pumping || key !== this.current) this.ready.push(made);
    } else {
      this.pumping = true;
      this.current = key;
      this.run(item, key);
      this.current = undefined;
      this.pumping = false;
      if (this.ready.length > 0) this.pump();
    }
  }

  /** The running item of that lane has ended. */
  release(key: unknown): void {
    if (this.closed) return;
    this.items--;
    this.slots++;
    this.proceed(key);
    this.pump();
  }

  /** The running item waits for something: others may have its slot, its lane stays closed. */
  pause(): void {
    this.slots++;
    this.pump();
  }

  /** The item that paused goes on, as soon as there is a slot. */
  resume(key: unknown, work: () => void): void {
    const lane = this.lanes.get(key);
    if (lane === undefined) return;
    lane.resume = work;
    this.ready.push(lane);
    this.pump();
  }

  /** Nothing starts any more. */
  close(): void {
    this.closed = true;
    this.lanes.clear();
    this.ready.clear();
    this.items = 0;
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    while (this.slots > 0 && this.ready.length > 0) {
      const lane = this.ready.shift()!;
      const { resume } = lane;
      if (resume === undefined) this.run(lane.waiting.shift()!, lane.key);
      else {
        lane.resume = undefined;
        this.slots--;
        resume();
      }
    }
    this.pumping = false;
  }

  private run(item: T, key: unknown): void {
    this.slots--;
    const running = this.start(item, key);
    if (this.closed) return;
    if (running) {
      if (!this.lanes.has(key)) this.make(key);
      return;
    }
    this.items--;
    this.slots++;
    this.proceed(key);
  }

  /** The lane's turn is over: back in the queue, or gone. */
  private proceed(key: unknown): void {
    const lane = this.lanes.get(key);
    if (lane === undefined) return;
    if (lane.waiting.length === 0) this.lanes.delete(key);
    else this.ready.push(lane);
  }

  private make(key: unknown): Lane<T> {
    const lane: Lane<T> = { key, waiting: new Fifo(), resume: undefined };
    this.lanes.set(key, lane);
    return lane;
  }
}
