import { firstValueFrom } from 'rxjs';
import { Kafka } from '../../../lib';
import { forkCompiled } from '../compiled';
import { median, table } from '../table';
import { javaPeer } from './java';
import type { Answer, Order } from './run-job';
import { PARTITIONS, nodeClients, type ClientName, type Job, type RunResult, type Scenario } from './scenarios';

export interface CompareOptions {
  readonly brokers: string;
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Runs the Java client too, on a JVM of its own. */
  readonly java: boolean;
}

/** A run that takes longer than this is given up. */
const PATIENCE_MS = 60_000;

/**
 * Runs every client through every scenario, each in a process of its own. Rounds are interleaved, so that what else the
 * machine does hits all alike, and each begins with another client. Prints a line a run, and medians and ratios at the end.
 */
export async function compare(options: CompareOptions): Promise<void> {
  const { brokers, scenarios, rounds, warmUpMs, measureMs } = options;
  const java = options.java ? await javaPeer() : undefined;
  const clients: readonly ClientName[] = java === undefined ? nodeClients : [...nodeClients, 'java'];
  const kafka = new Kafka({ brokers });
  const topics = new Topics(kafka);
  const results = new Map<string, RunResult[]>();
  const job = (client: ClientName, scenario: Scenario, topic: string): Job => ({
    ...{ client, scenario, brokers, topic, warmUpMs, measureMs },
  });
  const filled = new Map<string, string>();
  try {
    for (let round = 0; round < rounds; round++)
      for (const scenario of scenarios)
        for (let turn = 0; turn < clients.length; turn++) {
          const client = clients[(turn + round) % clients.length]!;
          const label = `round ${round + 1}/${rounds}  ${scenario.name.padEnd(31)} ${client.padEnd(8)}`;
          let topic: string;
          if (scenario.kind === 'consume') {
            const content = `${scenario.records} × ${scenario.valueBytes} B`;
            if (!filled.has(content)) {
              filled.set(content, await topics.create());
              console.error(`writing ${content}`);
              await order({ job: job('kafka-rx', scenario, filled.get(content)!), fill: true });
            }
            topic = filled.get(content)!;
          } else topic = await topics.create();
          try {
            const run = job(client, scenario, topic);
            const result = client === 'java' ? await java!(run) : await resultOf({ job: run });
            listOf(results, `${scenario.name} ${client}`).push(result);
            console.error(`${label} ${describe(result).join('  ')}`);
          } catch (error) {
            console.error(`${label} failed: ${(error as Error).message}`);
          }
          if (scenario.kind === 'produce') await topics.remove(topic);
        }
    print(clients, scenarios, results);
  } finally {
    await topics.removeAll();
    await firstValueFrom(kafka.close());
  }
}

function print(
  clients: readonly ClientName[],
  scenarios: readonly Scenario[],
  results: ReadonlyMap<string, readonly RunResult[]>,
): void {
  const rows = scenarios.flatMap(scenario => {
    const medians = new Map(
      clients.flatMap(client => {
        const runs = results.get(`${scenario.name} ${client}`);
        return runs === undefined ? [] : [[client, medianOf(runs)] as const];
      }),
    );
    const ours = medians.get('kafka-rx');
    return clients.map(client => {
      const theirs = medians.get(client);
      const name = `${scenario.name}: ${client}`;
      if (theirs === undefined) return [name, 'failed', '', '', '', ''];
      const ratio = (of: number | undefined) =>
        ours === undefined || client === 'kafka-rx' ? '' : `${of!.toFixed(1)}×`;
      const speed = ratio(ours && ours.recordsPerSecond / theirs.recordsPerSecond);
      const cpu = ratio(ours && theirs.cpuMicrosPerRecord / ours.cpuMicrosPerRecord);
      return [name, ...describe(theirs), speed, cpu];
    });
  });
  const head = ['', 'M records/s', 'CPU µs/record', 'max RSS MB', 'kafka-rx is faster by', 'takes less CPU by'];
  console.log(`\n${table(head, rows)}`);
  console.log('All produce idempotently but kafkajs.');
}

function medianOf(runs: readonly RunResult[]): RunResult {
  const of = (value: (run: RunResult) => number) => median(runs.map(value));
  return {
    records: of(run => run.records),
    recordsPerSecond: of(run => run.recordsPerSecond),
    cpuMicrosPerRecord: of(run => run.cpuMicrosPerRecord),
    maxRssBytes: of(run => run.maxRssBytes),
  };
}

function describe({ recordsPerSecond, cpuMicrosPerRecord, maxRssBytes }: RunResult): string[] {
  const figures = (value: number) => value.toPrecision(3);
  return [
    (recordsPerSecond / 1e6).toFixed(recordsPerSecond < 1e5 ? 4 : 2),
    figures(cpuMicrosPerRecord),
    (maxRssBytes / 2 ** 20).toFixed(0),
  ];
}

async function resultOf(what: Order): Promise<RunResult> {
  const answer = await order(what);
  if (!('result' in answer)) throw new Error('error' in answer ? answer.error : 'no result');
  return answer.result;
}

/** Hands an order to a fresh process; resolves with its answer, rejects when it ends without one. */
function order(what: Order): Promise<Answer> {
  const child = forkCompiled('peers/run-job');
  const { promise, resolve, reject } = withResolvers<Answer>();
  const patience = setTimeout(() => {
    child.kill('SIGKILL');
    reject(new Error(`no result after ${PATIENCE_MS / 1_000} s`));
  }, PATIENCE_MS);
  let answer: Answer | undefined;
  child.on('message', message => (answer = message as Answer));
  // Not before it is gone: the next one is not to share the machine with it.
  child.once('exit', code => {
    clearTimeout(patience);
    if (answer === undefined) reject(new Error(`it ended with code ${code}`));
    else resolve(answer);
  });
  child.once('error', reject);
  child.send(what);
  return promise;
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function listOf<T>(lists: Map<string, T[]>, key: string): T[] {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, (list = []));
  return list;
}

/** The topics of a run: a fresh one for each that produces, so that none finds the log of another. */
class Topics {
  readonly #open = new Set<string>();
  #made = 0;

  constructor(private readonly kafka: Kafka) {}

  async create(): Promise<string> {
    const topic = `bench-${process.pid}-${++this.#made}`;
    const configs = { 'segment.bytes': String(256 << 20), 'file.delete.delay.ms': '0' };
    const [made] = await firstValueFrom(
      this.kafka.admin().createTopics([{ topic, partitions: PARTITIONS, replicationFactor: 1, configs }]),
    );
    if (made?.error) throw made.error;
    this.#open.add(topic);
    return topic;
  }

  async remove(topic: string): Promise<void> {
    this.#open.delete(topic);
    await firstValueFrom(this.kafka.admin().deleteTopics([topic]));
  }

  async removeAll(): Promise<void> {
    if (this.#open.size > 0) await firstValueFrom(this.kafka.admin().deleteTopics([...this.#open]));
  }
}
