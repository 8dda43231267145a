/** How often records of one partition were tried, by relative offset; none that is not here was nacked. */
export class Attempts {
  private readonly attempts = new Map<number, number>();
  private pruneAt = 64;

  /** The number of the next attempt. */
  of(offset: number): number {
    return this.attempts.size === 0 ? 1 : (this.attempts.get(offset) ?? 1);
  }

  /** Attempt `attempt` failed. Forgets records below `watermark`: nobody tries them again. */
  failed(offset: number, attempt: number, watermark: number): void {
    this.attempts.set(offset, attempt + 1);
    if (this.attempts.size < this.pruneAt) return;
    for (const at of this.attempts.keys()) if (at < watermark) this.attempts.delete(at);
    this.pruneAt = Math.max(64, this.attempts.size * 2);
  }

  /** Forgets the records from `offset` on. */
  forgetFrom(offset: number): void {
    for (const at of this.attempts.keys()) if (at >= offset) this.attempts.delete(at);
  }
}
