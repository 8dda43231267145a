import type { Observable, SchedulerLike, Subscription, Unsubscribable } from 'rxjs';

interface Deadline {
  readonly at: number;
  readonly work: () => void;
}

/**
 * The timers of all groups: sessions, rebalances. They run only while some client that has asked about a group is connected:
 * nobody else could notice, and a member that went without a word must not keep the process alive until its session ends. What fell due
 * in between happens, in order, before the next request about a group is looked at.
 */
export class GroupClock {
  private readonly deadlines = new Set<Deadline>();
  private readonly connections = new WeakSet<object>();
  private watchers = 0;
  private timer: Subscription | undefined;
  private timerAt = Infinity;
  /** While what is overdue is made up for: when it would have been. */
  private past: number | undefined;

  constructor(private readonly scheduler: SchedulerLike) {}

  /** Unsubscribing calls it off. */
  after(ms: number, work: () => void): Unsubscribable {
    const deadline = { at: (this.past ?? this.scheduler.now()) + ms, work };
    this.deadlines.add(deadline);
    this.arm();
    return { unsubscribe: () => this.deadlines.delete(deadline) };
  }

  /** A request about a group came over the connection that ends when `gone` completes. */
  attend(gone: Observable<unknown>): void {
    if (!this.connections.has(gone)) {
      this.connections.add(gone);
      this.watchers++;
      gone.subscribe({ complete: () => this.depart() });
    }
    this.catchUp();
  }

  private depart(): void {
    if (--this.watchers === 0) this.disarm();
  }

  private catchUp(): void {
    for (;;) {
      const next = this.earliest();
      if (next === undefined || next.at > this.scheduler.now()) break;
      this.deadlines.delete(next);
      this.past = next.at;
      next.work();
    }
    this.past = undefined;
    this.arm();
  }

  /** A timer that comes too early only looks again: so a heartbeat, which moves a deadline on, costs none. */
  private arm(): void {
    const next = this.earliest();
    if (this.watchers === 0 || this.past !== undefined || next === undefined || next.at >= this.timerAt) return;
    this.disarm();
    this.timerAt = next.at;
    this.timer = this.scheduler.schedule(
      () => {
        this.disarm();
        this.catchUp();
      },
      Math.max(0, next.at - this.scheduler.now()),
    );
  }

  private disarm(): void {
    this.timer?.unsubscribe();
    this.timer = undefined;
    this.timerAt = Infinity;
  }

  private earliest(): Deadline | undefined {
    let first: Deadline | undefined;
    for (const deadline of this.deadlines) if (first === undefined || deadline.at < first.at) first = deadline;
    return first;
  }
}
