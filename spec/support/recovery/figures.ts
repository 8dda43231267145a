import { appendFileSync } from 'node:fs';
import { print } from '../print';

/** One run of a row of the fault catalogue. */
export interface Figure {
  readonly id: string;
  /** What was different about this run, if it has a bar of its own. */
  readonly variant: string;
  readonly ms: number;
  readonly barMs: number;
  /** For instance which of acks and deliveries it was. */
  readonly detail?: string;
}

/** How often the rows run, and for how long: `npm run soak` sets what is behind these. */
export const FULL = process.env.KAFKA_RX_FULL === 'true';
const RUNS = Number(process.env.KAFKA_RX_RUNS ?? 20);
const ENDS_AT = Number(process.env.KAFKA_RX_ENDS_AT ?? Infinity);
const FILE = process.env.KAFKA_RX_FIGURES;

/** `full` runs are asked for by `npm run soak`; a row that would run beyond the end of the soak stops before it. */
export function* runs(short: number, full = RUNS): Generator<number> {
  for (let run = 0; run < (FULL ? full : short); run++) {
    if (run > 0 && Date.now() > ENDS_AT) return;
    yield run;
  }
}

/** Collects the figures of one row, and prints them. */
export class Figures {
  readonly #all: Figure[] = [];

  constructor(private readonly id: string) {}

  add(ms: number, barMs: number, { variant = '', detail = '' } = {}): void {
    const figure: Figure = { id: this.id, variant, ms: Math.round(ms), barMs, ...(detail && { detail }) };
    this.#all.push(figure);
    if (FILE) appendFileSync(FILE, `${JSON.stringify(figure)}\n`);
  }

  /** The runs that took so much longer than their bar that no busy machine explains it. */
  get hopeless(): readonly Figure[] {
    return this.#all.filter(({ ms, barMs }) => ms > 2 * barMs + 3_000);
  }

  print(): void {
    for (const variant of new Set(this.#all.map(figure => figure.variant))) {
      const some = this.#all.filter(figure => figure.variant === variant);
      const sorted = some.map(({ ms }) => ms).sort((a, b) => a - b);
      const name = variant === '' ? this.id : `${this.id} (${variant})`;
      const median = seconds(sorted[Math.floor((sorted.length - 1) / 2)]!);
      const spread =
        some.length === 1 ? median : `median ${median}, worst ${seconds(sorted.at(-1)!)} of ${some.length}`;
      const detail = some.length === 1 && some[0]!.detail ? ` (${some[0]!.detail})` : '';
      print(`${name}: ${spread}${detail}; the bar is ${seconds(some[0]!.barMs)}`);
    }
  }
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
