import { Worker } from 'node:worker_threads';

/** Ends a process that hangs in one case, which no timer of its own could. */
export interface Watchdog {
  /** A case of this target begins. */
  begin(target: number, seed: number): void;
  stop(): void;
}

/** Names the case that did not end within `ms`, and kills the process. */
export function watch(names: readonly string[], ms: number): Watchdog {
  const state = new Float64Array(new SharedArrayBuffer(3 * 8));
  const worker = new Worker(WATCH, { eval: true, workerData: { state, names, ms, pid: process.pid } });
  worker.unref();
  return {
    begin(target, seed) {
      state[0]! += 1;
      state[1] = target;
      state[2] = seed;
    },
    stop: () => void worker.terminate(),
  };
}

const WATCH = `
const { workerData: { state, names, ms, pid } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
let last = -1;
setInterval(() => {
  if (state[0] === last) {
    writeSync(2, names[state[1]] + ' does not end: npm run fuzz -- --target ' + names[state[1]] + ' --seed ' + state[2] + ' --cases 1\\n');
    process.kill(pid, 'SIGKILL');
  }
  last = state[0];
}, ms);
`;
