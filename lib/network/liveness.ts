import type { Deadline, Deadlines } from './deadlines';

/** What the broker owes beyond the time it promised to hold a request. */
const GRACE_MS = 5_000;

/** The request that is next to be answered, or to be written through. */
export interface Oldest {
  readonly sentAt: number;
  readonly holdMs: number;
}

/** What ends a connection on which nothing happens. */
export interface Watched {
  /** What the connection waits for. */
  readonly oldest: Oldest | undefined;
  /** Requests are held back. */
  readonly waiting: boolean;
  now(): number;
  halfOpen(forMs: number): void;
  idle(): void;
}

/**
 * Watches over a connected socket. With requests in flight, silence for longer than the oldest of them may be held plus
 * 5 s means that the peer is gone without a word (half-open); any byte is progress, so a slow reply is safe. With
 * nothing to do for `idleMs` the connection closes. One deadline for both, moved only when it comes due or must be earlier.
 */
export class Liveness implements Deadline {
  at = 0;
  slot = -1;
  /** When bytes last moved, or the connection was used. */
  #movedAt = 0;
  #usedAt = 0;
  #quietUntil = 0;
  readonly #deadlines: Deadlines;
  readonly #watched: Watched;
  readonly #idleMs: number;

  constructor(deadlines: Deadlines, watched: Watched, idleMs: number) {
    this.#deadlines = deadlines;
    this.#watched = watched;
    this.#idleMs = idleMs;
  }

  start(now: number): void {
    this.#movedAt = now;
    this.#usedAt = now;
    this.#deadlines.set(this, this.#dueAt());
  }

  /** Bytes came in, or some of a backlog of writes went out. */
  moved(now: number): void {
    this.#movedAt = now;
  }

  /** A request was written. */
  used(now: number): void {
    this.#usedAt = now;
    this.changed();
  }

  /** The connection waits for something else than before, which may be due earlier. */
  changed(): void {
    if (this.slot < 0) return;
    const dueAt = this.#dueAt();
    if (dueAt < this.at) this.#deadlines.set(this, dueAt);
  }

  /** A throttled connection is not read by the broker until then. */
  quiet(until: number): void {
    this.#quietUntil = Math.max(this.#quietUntil, until);
  }

  due(): void {
    const now = this.#watched.now();
    const dueAt = this.#dueAt();
    if (dueAt > now) this.#deadlines.set(this, dueAt);
    else if (this.#watched.oldest !== undefined) this.#watched.halfOpen(now - this.#silentSince());
    else if (this.#watched.waiting) this.#deadlines.set(this, now + GRACE_MS);
    else this.#watched.idle();
  }

  #dueAt(): number {
    const oldest = this.#watched.oldest;
    return oldest === undefined
      ? Math.max(this.#movedAt, this.#usedAt) + this.#idleMs
      : this.#silentSince() + oldest.holdMs + GRACE_MS;
  }

  #silentSince(): number {
    return Math.max(this.#movedAt, this.#quietUntil, this.#watched.oldest?.sentAt ?? 0);
  }
}
