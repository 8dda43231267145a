import { forkCompiled } from './compiled';
import type { StageCost } from './stage-report';
import { table } from './table';

const BENCHES = ['records.bench', 'protocol.bench', 'producer.bench', 'delivery.bench'] as const;

/** So large a new space that what is allocated can be counted: nothing is collected meanwhile. */
const WITHOUT_COLLECTION = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];

/** Runs the benchmarks of the stages, each in a process of its own, and prints one table of what they report. */
export async function stages({ quick }: { readonly quick: boolean }): Promise<void> {
  const rows: string[][] = [];
  for (const bench of BENCHES) {
    console.error(`measuring ${bench}`);
    for (const { stage, ns, per = 'record' } of await costsOf(bench, quick)) rows.push([stage, ns.toFixed(0), per]);
  }
  console.log(`\n${table(['stage', 'ns', 'per'], rows)}`);
  await ended('wire.bench', quick, { flags: WITHOUT_COLLECTION });
}

async function costsOf(bench: string, quick: boolean): Promise<readonly StageCost[]> {
  const costs: StageCost[] = [];
  await ended(bench, quick, { silent: true, onCost: cost => costs.push(cost) });
  return costs;
}

function ended(
  bench: string,
  quick: boolean,
  options: {
    readonly silent?: boolean;
    readonly flags?: readonly string[];
    readonly onCost?: (cost: StageCost) => void;
  },
): Promise<void> {
  const { onCost, ...how } = options;
  const child = forkCompiled(bench, { ...how, env: { KAFKA_RX_BENCH_QUICK: quick ? '1' : '0' } });
  child.on('message', cost => onCost?.(cost as StageCost));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => (code === 0 ? resolve() : reject(new Error(`${bench} ended with code ${code}`))));
  });
}
