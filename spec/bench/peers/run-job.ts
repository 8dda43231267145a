import { Meter } from './meter';
import type { ClientName, Job, RunResult } from './scenarios';

interface Peer {
  consume(job: Job, meter: Meter): unknown;
  produce(job: Job, meter: Meter): unknown;
}

// Loaded on demand: what one client brings along must not weigh on the memory of another.
const load: Readonly<Record<Exclude<ClientName, 'java'>, () => Promise<Peer>>> = {
  'kafka-rx': () => import('./kafka-rx.js'),
  'kafka-ts': () => import('./kafka-ts.js'),
  kafkajs: () => import('./kafkajs.js'),
};

/** The process that runs one job, which it is given as a message, and answers with the result. */
export type Order = { readonly job: Job; readonly fill?: boolean };
export type Answer = { readonly result: RunResult } | { readonly filled: true } | { readonly error: string };

const answer = (what: Answer): void => {
  process.send!(what, () => process.exit(0));
};
const failed = (error: unknown): void => answer({ error: error instanceof Error ? error.stack! : String(error) });

process.once('message', ({ job, fill }: Order) => {
  process.once('uncaughtException', failed);
  process.once('unhandledRejection', failed);
  if (fill) void import('./kafka-rx.js').then(rx => rx.fill(job, () => answer({ filled: true })));
  else void run(job);
});

async function run(job: Job): Promise<void> {
  const { kind, records, valueBytes } = job.scenario;
  const peer = await load[job.client as keyof typeof load]();
  const { warmUpMs, measureMs } = job;
  const limits = { warmUpMs, measureMs, ...(kind === 'consume' && { records, valueBytes }) };
  await peer[kind](job, new Meter(limits, result => answer({ result })));
}
