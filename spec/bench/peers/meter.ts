import { peakResidentBytes } from '../../support/peak-memory';
import type { RunResult } from './scenarios';

/** How a run is measured. Whatever comes first ends the warm-up, and then the run. */
export interface MeterLimits {
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** All there is to consume; a quarter of it is warm-up. [no end] */
  readonly records?: number;
  /** How long each value must be. */
  readonly valueBytes?: number;
}

/** The clock is read once in so many records: it would cost as much as a record. */
const CLOCK_EVERY = 64;

/** Counts what a client did between the end of its warm-up and its end. The same few instructions for each client. */
export class Meter {
  /** No more is wanted. */
  done = false;
  #bytes = 0;
  #seen = 0;
  #nextLook = 1;
  #startedAt = 0;
  #from: { readonly at: number; readonly seen: number; readonly cpu: NodeJS.CpuUsage } | undefined;

  constructor(
    private readonly limits: MeterLimits,
    private readonly finished: (result: RunResult) => void,
  ) {}

  /** A record was consumed and its value read. */
  record(valueBytes: number): void {
    this.#bytes += valueBytes;
    this.count(1);
  }

  count(records: number): void {
    this.#seen += records;
    if (this.#seen >= this.#nextLook) this.#look();
  }

  #look(): void {
    if (this.done) return;
    const now = performance.now();
    const { warmUpMs, measureMs, records = Infinity } = this.limits;
    if (this.#startedAt === 0) this.#startedAt = now;
    const from = this.#from;
    // A slow client is looked at each time.
    const perMs = this.#seen / Math.max(1, now - this.#startedAt);
    this.#nextLook = Math.min(this.#seen + (perMs > CLOCK_EVERY ? CLOCK_EVERY : 1), records);
    if (from === undefined) {
      if (now - this.#startedAt >= warmUpMs || this.#seen >= records / 4)
        this.#from = { at: now, seen: this.#seen, cpu: process.cpuUsage() };
    } else if (now - from.at >= measureMs || this.#seen >= records) {
      const { user, system } = process.cpuUsage(from.cpu);
      const counted = this.#seen - from.seen;
      this.done = true;
      const { valueBytes = 0 } = this.limits;
      if (this.#bytes !== this.#seen * valueBytes)
        throw new Error(`${this.#seen} records with ${this.#bytes} bytes of values: they should be ${valueBytes} each`);
      this.finished({
        records: counted,
        recordsPerSecond: (counted * 1_000) / (now - from.at),
        cpuMicrosPerRecord: (user + system) / counted,
        maxRssBytes: peakResidentBytes(),
      });
    }
  }
}
