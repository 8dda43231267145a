import { Subscription } from 'rxjs';
import type { Runtime } from '../types';

/** Something that is due at a time. Owned by one `Deadlines`, which keeps its place in `slot` (-1 = not waiting). */
export interface Deadline {
  at: number;
  slot: number;
  /** It is due, and a turn of I/O has passed since. Not waiting any more; it may be set again. */
  due(): void;
}

/** `setTimeout` cannot wait longer. */
const LONGEST_MS = 2 ** 31 - 1;
/** After a stall, so many turns of I/O at most may bring bytes before what is due fires: the kernel holds no more. */
const MAX_LOOKS = 32;

/**
 * All deadlines of one connection on one timer: a heap, since requests have different patience. The timer is not moved
 * when its deadline is cleared, so a connection whose requests are answered in time touches it once in a long while.
 *
 * After a stall of the event loop timers fire before the socket is read, although the replies have arrived. So what is
 * due fires only after a turn of I/O, and not as long as such turns bring bytes.
 */
export class Deadlines {
  readonly #runtime: Runtime;
  readonly #received: () => number;
  readonly #heap: Deadline[] = [];
  #timer: Subscription | undefined;
  #timerAt = Infinity;
  #looks = 0;
  #stopped = false;

  /** `received` counts the chunks that have arrived: while it grows, there is more to read before anything is late. */
  constructor(runtime: Runtime, received: () => number) {
    this.#runtime = runtime;
    this.#received = received;
  }

  /** Waits for `at` (ms of the runtime's clock) instead of whatever it waited for. */
  set(deadline: Deadline, at: number): void {
    if (this.#stopped) return;
    const before = deadline.at;
    deadline.at = at;
    if (deadline.slot < 0) {
      deadline.slot = this.#heap.length;
      this.#heap.push(deadline);
      this.#up(deadline);
    } else if (at < before) this.#up(deadline);
    else this.#down(deadline);
    this.#arm();
  }

  clear(deadline: Deadline): void {
    const { slot } = deadline;
    if (slot < 0) return;
    deadline.slot = -1;
    const last = this.#heap.pop()!;
    if (last === deadline) return;
    last.slot = slot;
    this.#heap[slot] = last;
    this.#up(last);
    this.#down(last);
  }

  /** Ends the timer and forgets everything. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    for (const deadline of this.#heap) deadline.slot = -1;
    this.#heap.length = 0;
  }

  #arm(): void {
    const first = this.#heap[0];
    // While `#timerAt` is -Infinity a look is pending, which arms the timer itself.
    if (first === undefined || first.at >= this.#timerAt) return;
    this.#timer?.unsubscribe();
    this.#timerAt = first.at;
    const wait = Math.min(Math.max(0, first.at - this.#runtime.scheduler.now()), LONGEST_MS);
    this.#timer = this.#runtime.scheduler.schedule(() => this.#wake(), wait);
  }

  #wake(): void {
    const first = this.#heap[0];
    if (first !== undefined && first.at <= this.#runtime.scheduler.now()) {
      this.#looks = 0;
      this.#lookAgain();
      return;
    }
    this.#timerAt = Infinity;
    this.#arm();
  }

  #lookAgain(): void {
    this.#timerAt = -Infinity;
    const before = this.#received();
    const turn = new Subscription();
    this.#timer = turn;
    turn.add(
      this.#runtime.yield(() => {
        if (this.#stopped) return;
        if (this.#received() !== before && ++this.#looks < MAX_LOOKS) this.#lookAgain();
        else this.#fire();
      }),
    );
  }

  #fire(): void {
    const now = this.#runtime.scheduler.now();
    // A deadline set again while firing must lie in the future, else this would not end.
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.clear(first);
      first.due();
    }
    if (this.#stopped) return;
    this.#timerAt = Infinity;
    this.#arm();
  }

  #up(deadline: Deadline): void {
    const heap = this.#heap;
    let { slot } = deadline;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const other = heap[parent]!;
      if (other.at <= deadline.at) break;
      heap[slot] = other;
      other.slot = slot;
      slot = parent;
    }
    heap[slot] = deadline;
    deadline.slot = slot;
  }

  #down(deadline: Deadline): void {
    const heap = this.#heap;
    let { slot } = deadline;
    for (let child = 2 * slot + 1; child < heap.length; child = 2 * slot + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1;
      const other = heap[child]!;
      if (other.at >= deadline.at) break;
      heap[slot] = other;
      other.slot = slot;
      slot = child;
    }
    heap[slot] = deadline;
    deadline.slot = slot;
  }
}
