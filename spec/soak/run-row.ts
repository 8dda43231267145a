import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import type { SoakRow } from './find-rows';

export interface RowRun {
  readonly runs: number;
  /** No run begins after it. */
  readonly endsAt: number;
  /** Where the specs write their figures. */
  readonly figures: string;
  /** The row is killed if it has not ended by then. */
  readonly killAt: number;
}

export interface RowResult {
  readonly ok: boolean;
  /** What the row printed under its ID. */
  readonly lines: readonly string[];
  /** The end of what it said besides, if it failed. */
  readonly failure: string;
}

const ROOT = resolve(__dirname, '../..');
const JEST = require.resolve('jest/bin/jest');
const LINE = /^\s*([A-G]\d\d\b.*)$/;

/** Runs one row in full with Jest, in a process group of its own, which ends with it or is ended. */
export async function runRow(row: SoakRow, { runs, endsAt, figures, killAt }: RowRun): Promise<RowResult> {
  const args = [JEST, '--selectProjects', row.project, '--watchman=false', '--ci', '-t', `(^| )${row.id} `];
  const child = spawn(process.execPath, [...args, '--runTestsByPath', ...row.files], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      KAFKA_RX_FULL: 'true',
      KAFKA_RX_RUNS: String(runs),
      KAFKA_RX_ENDS_AT: String(endsAt),
      KAFKA_RX_FIGURES: figures,
    },
  });
  const end = (): void => void (child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'));
  const killer = setTimeout(end, Math.max(0, killAt - Date.now()));
  const interrupted = (): void => {
    end();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const said: string[] = [];
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', line => {
      said.push(line);
      const own = LINE.exec(line)?.[1];
      if (own !== undefined) lines.push(own);
    });
  const code = await new Promise<number | null>(done => {
    child.once('error', error => said.push(String(error)));
    child.once('close', done);
  });
  clearTimeout(killer);
  process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  const killed = code === null ? 'killed: it did not end in its time\n' : '';
  return { ok: code === 0, lines, failure: code === 0 ? '' : killed + said.slice(-60).join('\n') };
}
