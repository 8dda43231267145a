import { fork, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runProgram } from '../support/run-program';

const ROOT = resolve(__dirname, '../..');
// Below the project, so that `node_modules` is found from there.
const FOLDER = join(ROOT, '.cache', `bench-${process.pid}`);

/** What is measured is what users install: JavaScript as `tsc` makes it, without a loader that transpiles. */
export async function compile(): Promise<void> {
  const settings = ['--rootDir', ROOT, '--outDir', FOLDER, '--noCheck', '--declaration', 'false'];
  await runProgram(process.execPath, [
    require.resolve('typescript/bin/tsc'),
    ...['-p', join(__dirname, 'tsconfig.json'), ...settings],
  ]);
  process.once('exit', () => rmSync(FOLDER, { recursive: true, force: true }));
}

/** Starts a compiled file of `spec/bench` in a process of its own. Its standard output is ours unless it is silenced. */
export function forkCompiled(
  file: string,
  {
    env = {},
    silent = false,
    flags = [],
  }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly silent?: boolean;
    /** Of Node. */ readonly flags?: readonly string[];
  } = {},
): ChildProcess {
  const script = join(FOLDER, 'spec/bench', `${file}.js`);
  // No flags of the loader that runs us. `KAFKA_RX_BENCH_NODE` adds flags of Node, such as --cpu-prof.
  const execArgv = process.env.KAFKA_RX_BENCH_NODE?.split(' ').filter(Boolean) ?? [];
  return fork(script, [], {
    execArgv: [...flags, ...execArgv],
    env: { ...process.env, ...env },
    stdio: ['ignore', silent ? 'ignore' : 'inherit', 'inherit', 'ipc'],
  });
}
