/** What one stage costs. */
export interface StageCost {
  readonly stage: string;
  readonly ns: number;
  /** Nanoseconds per this. [record] */
  readonly per?: string;
}

/** Set by `npm run bench -- --quick`: few rounds, to see that it runs. */
export const quick = process.env.KAFKA_RX_BENCH_QUICK === '1';

/** Prints a figure; run by `npm run bench`, it goes into the table there instead. */
export function report(cost: StageCost): void {
  if (process.send !== undefined) process.send(cost);
  else console.log(`${cost.stage.padEnd(64)} ${cost.ns.toFixed(0).padStart(6)} ns per ${cost.per ?? 'record'}`);
}
