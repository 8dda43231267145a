import { Subject, filter, firstValueFrom, startWith, take, timeout } from 'rxjs';

/** How long it took until records flowed again: the slowest of the watched partitions, in ms. */
export interface Recovery {
  readonly ackMs: number;
  readonly deliveryMs: number;
  /** The later of the two. */
  readonly ms: number;
}

/** The longest silence of a partition. */
export interface Silence {
  readonly ms: number;
  /** Which it was, and when it began. */
  readonly detail: string;
}

interface Progress {
  readonly what: string;
  first: number | undefined;
  last: number;
  longest: Silence;
}

/** Looks at partitions from a moment on: when each acks and delivers again, and how long each was silent at most. */
export class Watch {
  readonly #acks = new Map<number, Progress>();
  readonly #deliveries = new Map<number, Progress>();
  readonly #news = new Subject<void>();

  /** `old`: what was sent before this moment counts as well; for faults that leave a long queue behind. */
  constructor(
    readonly from: number,
    partitions: readonly number[],
    private readonly old: boolean,
  ) {
    for (const [map, what] of [
      [this.#acks, 'acks'],
      [this.#deliveries, 'deliveries'],
    ] as const)
      for (const partition of partitions) {
        const longest = { ms: 0, detail: '' };
        map.set(partition, { what: `${what} of partition ${partition}`, first: undefined, last: from, longest });
      }
  }

  acked(partition: number, sentAt: number): void {
    this.#note(this.#acks.get(partition), sentAt);
  }

  delivered(partition: number, sentAt: number): void {
    this.#note(this.#deliveries.get(partition), sentAt);
  }

  /** Resolves once every partition has stored and delivered a record that was sent after the moment. */
  async recovered(withinMs: number): Promise<Recovery> {
    const states = [...this.#acks.values(), ...this.#deliveries.values()];
    const again = (): boolean => states.every(({ first }) => first !== undefined);
    const overdue = (): never => {
      const silent = (map: ReadonlyMap<number, Progress>) =>
        [...map].flatMap(([p, { first }]) => (first === undefined ? [p] : []));
      throw new Error(
        `not within ${withinMs} ms: acks of partitions ${silent(this.#acks)}, deliveries of ${silent(this.#deliveries)}`,
      );
    };
    const news = this.#news.pipe(startWith(undefined), filter(again), take(1));
    await firstValueFrom(news.pipe(timeout({ first: withinMs, with: overdue })));
    const worst = (map: ReadonlyMap<number, Progress>) =>
      Math.max(...[...map.values()].map(({ first }) => first!)) - this.from;
    const [ackMs, deliveryMs] = [worst(this.#acks), worst(this.#deliveries)];
    return { ackMs, deliveryMs, ms: Math.max(ackMs, deliveryMs) };
  }

  /** The longest silence of a partition up to now, in acks or in deliveries. */
  longestSilence(): Silence {
    const states = [...this.#acks.values(), ...this.#deliveries.values()];
    for (const state of states) this.#silenceEnds(state, performance.now());
    return states.map(({ longest }) => longest).reduce((a, b) => (b.ms > a.ms ? b : a));
  }

  #silenceEnds(progress: Progress, now: number): void {
    const ms = now - progress.last;
    const since = ((progress.last - this.from) / 1_000).toFixed(1);
    if (ms > progress.longest.ms) progress.longest = { ms, detail: `${progress.what}, ${since} s after the fault` };
    progress.last = now;
  }

  #note(progress: Progress | undefined, sentAt: number): void {
    if (progress === undefined) return;
    const now = performance.now();
    this.#silenceEnds(progress, now);
    if (progress.first !== undefined || (sentAt < this.from && !this.old)) return;
    progress.first = now;
    this.#news.next();
  }
}
