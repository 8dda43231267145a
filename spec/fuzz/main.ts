import { parseArgs } from 'node:util';
import { table } from '../bench/table';
import { progress } from '../support/progress';
import { fuzz, type FuzzFigures } from './fuzz';
import { targets } from './targets';
import { watch } from './watchdog';

const USAGE = `npm run fuzz [-- options]: hostile bytes for every decoder, until the long counts are reached or the time is over.
  --minutes N     for all targets together [10]
  --target NAME   only this one; there are: ${targets.map(target => target.name).join(' ')}
  --seed N        of the first case [chosen by the clock]
  --cases N       instead of the long counts`;

const OPTIONS = {
  minutes: { type: 'string' },
  target: { type: 'string' },
  seed: { type: 'string' },
  cases: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Longer than any case takes on a busy machine. */
const HANGS_AFTER_MS = 20_000;
const PROGRESS_MS = 200;

/** What is to be done; throws an error that says what is wrong with the options. */
function planOf(values: Values) {
  const chosen = targets.filter(target => values.target === undefined || target.name === values.target);
  if (chosen.length === 0) throw new Error(`no target is called ${values.target}`);
  return {
    chosen,
    seed: numberOf(values, 'seed') ?? Math.floor(Date.now() / 1000),
    minutes: numberOf(values, 'minutes') ?? 10,
    given: numberOf(values, 'cases'),
  };
}

function run({ chosen, seed, minutes, given }: ReturnType<typeof planOf>): void {
  console.log(`Node ${process.version}, seeds from ${seed}`);
  const watchdog = watch(
    chosen.map(target => target.name),
    HANGS_AFTER_MS,
  );
  const ends = performance.now() + minutes * 60_000;
  const figures: FuzzFigures[] = [];
  const failures: string[] = [];
  const bar = progress(100);
  chosen.forEach((target, index) => {
    // An equal part of what is left: a target that reaches its count early leaves its time to the others.
    const ms = (ends - performance.now()) / (chosen.length - index);
    const cases = given ?? target.cases.long;
    const from = performance.now();
    let shown = from;
    bar.at((100 * index) / chosen.length, target.name);
    const onCase = (current: number, done: number): void => {
      watchdog.begin(index, current);
      // The clock is asked now and then only: many cases take microseconds.
      if ((done & 0xff) !== 0 || performance.now() - shown < PROGRESS_MS) return;
      shown = performance.now();
      const part = Math.max(done / cases, (shown - from) / ms);
      bar.at((100 * (index + part)) / chosen.length, `${target.name}: ${done} of ${cases}, at seed ${current}`);
    };
    try {
      figures.push(fuzz(target, { cases, ms, seed, onCase }));
    } catch (error) {
      failures.push((error as Error).message);
      console.error((error as Error).message);
    }
  });
  bar.stop();
  watchdog.stop();
  console.log(
    table(
      ['target', 'cases', 'checks', 's', 'slowest ms', 'its seed'],
      figures.map(one => [
        one.target,
        ...[one.cases, one.checks].map(count => count.toLocaleString('en')),
        (one.ms / 1000).toFixed(1),
        one.slowestMs.toFixed(1),
        String(one.slowestSeed),
      ]),
    ),
  );
  console.log(failures.length === 0 ? 'nothing found' : `${failures.length} targets fail`);
  if (failures.length > 0) process.exitCode = 1;
}

/** Throws for what is no number: nothing would be run, and nothing found. */
function numberOf(values: Values, option: 'minutes' | 'seed' | 'cases'): number | undefined {
  const value = values[option];
  if (value === undefined) return undefined;
  if (value === '' || !(Number(value) >= 0)) throw new Error(`--${option} is a number, not ${value}`);
  return Number(value);
}

function main(): void {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    if (values.help) console.log(USAGE);
    else run(planOf(values));
  } catch (error) {
    // Of the options: what a target throws is caught where it runs.
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exitCode = 1;
  }
}

main();
