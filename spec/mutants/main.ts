import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table } from '../bench/table';
import { progress } from '../support/progress';
import { mutants, type Mutant } from './mutants';

const USAGE = `npm run mutants [-- options]: takes one protection after the other out of a copy of the library, and runs the specs that must notice.
  --only TEXT     those whose name has it
  --list          names them, and checks that each can be made`;

const ROOT = join(__dirname, '..', '..');
/** Inside of the checkout, where node_modules is found; always the same, so that Jest compiles each file once. */
const COPY = join(ROOT, '.cache', 'mutants');
const PARTS = ['lib', 'spec', 'package.json', 'jest.config.js', 'tsconfig.json'];
/** A mutant may hang, which is noticed, too. */
const PATIENCE_MS = 60_000;

/** What became of the specs. */
interface Outcome {
  readonly passed: number;
  /** The file of each test that failed. */
  readonly failed: readonly string[];
  /** Files that could not even be loaded, and why: that proves nothing. */
  readonly broken: readonly string[];
  readonly hung: boolean;
}

/** What `jest --json` writes, as far as it is read here. */
interface JestResults {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ options: { only: { type: 'string' }, list: flag, help: flag } });
  if (values.help) return console.log(USAGE);
  const chosen = mutants.filter(({ name }) => values.only === undefined || name.includes(values.only));
  if (chosen.length === 0) throw new Error(`no mutant has "${values.only}" in its name`);
  const made = chosen.map(mutant => ({ mutant, files: filesOf(mutant) }));
  if (values.list) return console.log(chosen.map(({ name }) => name).join('\n'));

  makeCopy();
  const bar = progress(made.length + 1);
  bar.at(0, 'the library as it is');
  // A spec that fails anyway would notice everything.
  const sound = await run([...new Set(chosen.flatMap(({ specs }) => specs))], 5 * PATIENCE_MS);
  if (sound.hung || sound.passed === 0 || sound.failed.length + sound.broken.length > 0)
    throw new Error(`the specs fail without any mutant:\n${[...sound.failed, ...sound.broken].join('\n')}`);
  const rows: string[][] = [];
  let survivors = 0;
  for (const [index, { mutant, files }] of made.entries()) {
    bar.at(index + 1, mutant.name);
    for (const [file, text] of files) writeFileSync(join(COPY, file), text);
    let noticed: string[] | undefined;
    for (const spec of mutant.specs) {
      const { failed, broken, hung } = await run([spec], PATIENCE_MS);
      if (broken.length > 0) throw new Error(`"${mutant.name}" cannot be loaded, which proves nothing:\n${broken[0]}`);
      if (hung) noticed = [spec, 'does not end'];
      else if (failed.length > 0) noticed = [failed[0]!, `${failed.length}`];
      if (noticed !== undefined) break;
    }
    for (const file of files.keys()) cpSync(join(ROOT, file), join(COPY, file));
    if (noticed === undefined) survivors++;
    rows.push([mutant.name, ...(noticed ?? ['NOBODY NOTICED', '0'])]);
  }
  bar.stop();
  console.log(table(['the library, broken', 'which is noticed by', 'tests'], rows));
  console.log(`\n${rows.length - survivors} passed, ${survivors} failed, 0 skipped`);
  if (survivors > 0) process.exitCode = 1;
}

/** The changed files; throws when the text to change is not there exactly once. */
function filesOf({ name, edits, specs }: Mutant): Map<string, string> {
  for (const spec of specs) if (!existsSync(join(ROOT, spec))) throw new Error(`"${name}": there is no ${spec}`);
  const files = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = files.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
    const parts = text.split(find);
    if (parts.length !== 2)
      throw new Error(`"${name}": ${file} has this ${parts.length - 1} times, and not once:\n${find}`);
    files.set(file, parts.join(replace));
  }
  return files;
}

function makeCopy(): void {
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  for (const part of PARTS) cpSync(join(ROOT, part), join(COPY, part), { recursive: true });
}

async function run(specs: readonly string[], patienceMs: number): Promise<Outcome> {
  const output = join(COPY, 'results.json');
  rmSync(output, { force: true });
  const jest = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = [
    '--selectProjects',
    'unit',
    'faults',
    '--watchman=false',
    '--reporters',
    'default',
    '--json',
    '--outputFile',
    output,
  ];
  const child = spawn(process.execPath, [jest, ...args, '--runTestsByPath', ...specs], {
    cwd: COPY,
    stdio: 'ignore',
    // Workers of Jest are children of their own.
    detached: true,
  });
  const kill = () => process.kill(-child.pid!, 'SIGKILL');
  let hung = false;
  const killer = setTimeout(() => {
    hung = true;
    kill();
  }, patienceMs);
  process.once('exit', kill);
  await once(child, 'close');
  process.off('exit', kill);
  clearTimeout(killer);
  if (hung) return { passed: 0, failed: [], broken: [], hung };
  const results = JSON.parse(readFileSync(output, 'utf8')) as JestResults;
  const nameOf = (path: string) => path.slice(COPY.length + 1);
  return {
    passed: results.numPassedTests,
    failed: results.testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'failed').map(() => nameOf(name)),
    ),
    broken: results.testResults
      .filter(({ assertionResults }) => assertionResults.length === 0)
      .map(({ name, message }) => `${nameOf(name)}: ${message}`),
    hung,
  };
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
