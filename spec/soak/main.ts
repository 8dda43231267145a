import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import type { Figure } from '../support/recovery/figures';
import { findRows } from './find-rows';
import { html, markdown, summaries, type RowReport } from './report';
import { runRow } from './run-row';

const USAGE = `npm run soak [-- options]: the rows of the fault catalogue in full form, often, with their figures.
  --rows A11,B01  only these [all that there are]
  --runs N        of each row on the real cluster; A06 and B05 have counts of their own [20]
  --minutes N     for all together; each row has an equal part of what is left [90]
  --list          says which rows there are
The report goes to .soak/. The exit code is 1 if a row failed, or if the worst run of a row missed its bar.`;

const ROOT = resolve(__dirname, '../..');
/** What a row may take beyond its time to finish the run it is in and close its books. */
const GRACE_MS = 240_000;
const POLL_MS = 1_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string' },
      runs: { type: 'string', default: '20' },
      minutes: { type: 'string', default: '90' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const asked = values.rows?.split(',').map(id => id.trim());
  const rows = findRows().filter(({ id }) => asked === undefined || asked.includes(id));
  const unknown = asked?.filter(id => !rows.some(row => row.id === id)) ?? [];
  if (unknown.length > 0) throw new Error(`no row is called ${unknown.join()}\n${USAGE}`);
  if (values.list)
    return rows.forEach(({ project, id, files }) => console.log(`${id} ${project} ${files.map(inRoot)}`));

  const [runs, minutes] = [count('runs', values.runs), count('minutes', values.minutes)];
  const endsAt = Date.now() + minutes * 60_000;
  const folder = join(ROOT, '.soak', new Date().toISOString().replaceAll(/[:.]/g, '-'));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'figures.ndjson');
  const about = [
    `${new Date().toISOString()}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`,
    `load average at the start: ${loadavg().map(load => load.toFixed(1))}`,
  ];

  const weight = ({ project }: { project: string }) => (project === 'live' ? runs : 1);
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {row} | {value} of {total} runs | {duration_formatted}',
    noTTYOutput: true,
    notTTYSchedule: 30_000,
  });
  bar.start(
    rows.reduce((sum, row) => sum + weight(row), 0),
    0,
    { row: '' },
  );
  const reports: RowReport[] = [];
  let done = 0;
  for (const [index, row] of rows.entries()) {
    if (Date.now() >= endsAt) break;
    const before = figuresIn(file).length;
    bar.update(done, { row: `${row.id} ${row.project}` });
    const poll = setInterval(() => {
      const now = figuresIn(file).length - before;
      bar.update(done + Math.min(now, weight(row)), { row: `${row.id} ${row.project}` });
    }, POLL_MS);
    const until = Date.now() + (endsAt - Date.now()) / (rows.length - index);
    const result = await runRow(row, { runs, endsAt: until, figures: file, killAt: until + GRACE_MS });
    clearInterval(poll);
    reports.push({ id: row.id, project: row.project, ...result });
    done += weight(row);
    bar.update(done);
    writeFileSync(join(folder, 'report.html'), html(summaries(figuresIn(file)), reports, about));
  }
  bar.stop();

  const all = summaries(figuresIn(file));
  const failed = reports.filter(({ ok }) => !ok);
  for (const { id, project, failure } of failed) console.log(`\n${id} ${project} FAILED\n${failure}`);
  console.log(`\n${markdown(all)}\n`);
  console.log(
    `${reports.length} of ${rows.length} rows ran, ${failed.length} failed; ${inRoot(join(folder, 'report.html'))}`,
  );
  if (failed.length > 0 || all.some(({ worstMs, barMs }) => worstMs > barMs)) process.exitCode = 1;
}

function figuresIn(file: string): Figure[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  // What follows the last line feed is still being written.
  return lines.slice(0, -1).map(line => JSON.parse(line) as Figure);
}

function count(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`--${name} ${text}: a number above 0\n${USAGE}`);
  return number;
}

function inRoot(path: string): string {
  return relative(ROOT, path);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
