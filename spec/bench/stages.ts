import { forkCompiled } from './compiled';
import type { StageCost } from './stage-report';
import { table } from './table';

const BENCHES = ['records.bench', 'protocol.bench', 'producer.bench', 'delivery.bench'] as const;

/** Runs the benchmarks of the stages, each in a process of its own, and prints one table of what they report. */
export async function stages({ quick }: { readonly quick: boolean }): Promise<void> {
  const rows: string[][] = [];
  for (const bench of BENCHES) {
    console.error(`measuring ${bench}`);
    for (const { stage, ns, per = 'record' } of await costsOf(bench, quick)) rows.push([stage, ns.toFixed(0), per]);
  }
  console.log(`\n${table(['stage', 'ns', 'per'], rows)}`);
}

function costsOf(bench: string, quick: boolean): Promise<readonly StageCost[]> {
  const child = forkCompiled(bench, { silent: true, env: { KAFKA_RX_BENCH_QUICK: quick ? '1' : '0' } });
  const costs: StageCost[] = [];
  child.on('message', cost => void costs.push(cost as StageCost));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => (code === 0 ? resolve(costs) : reject(new Error(`${bench} ended with code ${code}`))));
  });
}
