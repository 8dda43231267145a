import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';

/** A TypeScript program of ours as a process of its own, which reports in lines of JSON. */
export interface Child {
  readonly pid: number;
  /** The next report; rejects when the process ends without one, or none comes in time. */
  report<T>(withinMs: number): Promise<T>;
  /** A crash. Resolves when the process is gone; also when it was gone before. */
  kill(): Promise<void>;
  /** Resolves with the exit code when the process has ended by itself. */
  readonly ended: Promise<number | null>;
}

const ROOT = resolve(__dirname, '../..');

/**
 * Starts `spec/support/<script>` with `input`, which it finds as JSON in its last argument; with no more than `openFiles` at
 * once, if that is given.
 */
export function startChild(script: string, input: unknown, limits: { readonly openFiles?: number } = {}): Child {
  const args = [process.execPath, '--import', 'tsx', resolve(__dirname, script), JSON.stringify(input)];
  // Node raises the soft limit to the hard one when it starts: both are set.
  const limited = limits.openFiles === undefined ? '' : `ulimit -n ${limits.openFiles} && `;
  const shell = ['-c', `${limited}exec "$@"`, 'sh', ...args];
  const child = spawn('/bin/sh', shell, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', chunk => (said = (said + String(chunk)).slice(-4_000)));
  const ended = new Promise<number | null>((done, failed) => {
    child.once('close', done);
    child.once('error', failed);
  });
  const reports: string[] = [];
  let wake = (): void => undefined;
  createInterface(child.stdout).on('line', line => {
    reports.push(line);
    wake();
  });
  return {
    pid: child.pid ?? -1,
    ended,
    async report<T>(withinMs: number) {
      let timer: NodeJS.Timeout | undefined;
      const spoken = new Promise<'spoken'>(done => (wake = () => done('spoken')));
      const overdue = new Promise<'overdue'>(done => (timer = setTimeout(() => done('overdue'), withinMs)));
      const first = reports.length > 0 ? 'spoken' : await Promise.race([spoken, overdue, ended.then(() => 'ended')]);
      clearTimeout(timer);
      const line = reports.shift();
      if (line === undefined) throw new Error(`${script}: ${first} without a report\n${said}`);
      return JSON.parse(line) as T;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
