/**
 * A client in a process that has no file handle left, which Node takes from its `ulimit -n`: opens files until there are none,
 * asks a broker meanwhile, then closes them and asks on. See spec/faults/local-limits.spec.ts.
 */
import { closeSync, openSync } from 'node:fs';
import { firstValueFrom } from 'rxjs';
import { Kafka, apis } from '../../lib';

/** What it is told. */
export interface FewFilesInput {
  readonly brokers: string;
  readonly forMs: number;
}

/** What it reports at the end. */
export interface FewFilesReport {
  readonly opened: number;
  readonly attempts: number;
  readonly errors: readonly string[];
  /** Share of one CPU while there was no handle, in percent. */
  readonly cpuPercent: number;
  /** From the moment when there were handles again until the answer. */
  readonly answeredAfterMs: number;
}

async function main({ brokers, forMs }: FewFilesInput): Promise<void> {
  const kafka = new Kafka({ brokers });
  const errors = new Set<string>();
  let attempts = 0;
  const files: number[] = [];
  kafka.events.subscribe(event => {
    if (event.type !== 'disconnected' || event.error === undefined) return;
    attempts += 1;
    errors.add((event.error as Error).message);
    // Whatever the failure gave back is taken, too.
    fill(files);
  });
  // What loads late (a module, a source map) gives its handle back.
  while (fill(files) > 0) await new Promise(resolve => setTimeout(resolve, 50));
  const before = process.cpuUsage();
  const answer = firstValueFrom(kafka.request(apis.Metadata!, { topics: [] }));
  await new Promise(resolve => setTimeout(resolve, forMs));
  const { user, system } = process.cpuUsage(before);
  for (const file of files) closeSync(file);
  const started = performance.now();
  await answer;
  const report: FewFilesReport = {
    opened: files.length,
    attempts,
    errors: [...errors],
    cpuPercent: (user + system) / 10 / forMs,
    answeredAfterMs: performance.now() - started,
  };
  console.log(JSON.stringify(report));
  await firstValueFrom(kafka.close({ drainMs: 0 }));
}

/** Opens files until there is no handle left; returns how many. */
function fill(files: number[]): number {
  const before = files.length;
  try {
    for (;;) files.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  }
  return files.length - before;
}

void main(JSON.parse(process.argv.at(-1)!) as FewFilesInput);
