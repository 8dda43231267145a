import { Presets, SingleBar } from 'cli-progress';

/** How far a long command is: a bar where somebody looks, a line now and then where the output is kept. */
export interface Progress {
  /** So much is done, and this is what comes next. */
  at(done: number, doing: string): void;
  stop(): void;
}

/** Between two lines where there is no terminal. */
const LINE_MS = 20_000;

/** On standard error, which leaves the output to the results. */
export function progress(total: number): Progress {
  const bar = new SingleBar(
    {
      format: '{bar} {percentage} % | {eta_formatted} left | {doing}',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: LINE_MS,
      clearOnComplete: true,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { doing: '' });
  return {
    at: (done, doing) => bar.update(done, { doing }),
    stop: () => bar.stop(),
  };
}
