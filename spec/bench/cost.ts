import { getHeapStatistics } from 'node:v8';
import { quick } from './stage-report';
import { median } from './table';

/** What a piece of work costs. */
export interface Cost {
  readonly ns: number;
  /** Allocated in the heap and outside of it, garbage included; needs a new space so large that nothing is collected meanwhile. */
  readonly bytes: number;
}

declare const gc: ((options?: { readonly type: 'minor' }) => void) | undefined;

/** The medians of many rounds, divided by `per`. The work may be asynchronous, as that of some clients is. */
export async function cost(work: () => unknown, per: number, rounds = quick ? 3 : 31): Promise<Cost> {
  const until = performance.now() + (quick ? 20 : 150);
  let runs = 0;
  while (performance.now() < until) {
    await work();
    runs++;
  }
  const each = Math.max(1, Math.min(1_000, Math.ceil(runs / 30)));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { user, system } = process.cpuUsage();
    const from = process.hrtime.bigint();
    for (let run = 0; run < each; run++) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    const wall = Number(process.hrtime.bigint() - from);
    const used = process.cpuUsage();
    // Others may use the machine; a round too short for the clock of processor time counts as it is.
    const cpu = (used.user + used.system - user - system) * 1_000;
    times.push(Math.min(wall, cpu > 0 ? cpu : wall) / each / per);
  }
  return { ns: median(times), bytes: await allocated(work, per) };
}

async function allocated(work: () => unknown, per: number): Promise<number> {
  if (gc === undefined) return NaN;
  // Looking at the heap takes some kilobytes itself, which are taken off; little work is done often between two looks.
  const runs = per < 100 ? 200 : 1;
  const nothing = await leastOf(() => undefined, runs);
  return ((await leastOf(work, runs)) - nothing) / per / runs;
}

/** The least of several rounds: code that is compiled meanwhile lies in the heap, too. */
async function leastOf(work: () => unknown, runs: number): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < 9; round++) {
    gc!();
    const before = inUse();
    for (let run = 0; run < runs; run++) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    least = Math.min(least, inUse() - before);
  }
  return least;
}

function inUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
