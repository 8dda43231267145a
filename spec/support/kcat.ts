import { onPath, runProgram } from './run-program';

/** The command line client on librdkafka: what it writes we must read, and the other way round. */
export const kcat = {
  name: 'kcat',
  installed: onPath('kcat'),

  /** Sends each pair as a record with that key and value. Neither may hold a tab or a line feed. */
  async produce(
    brokers: string,
    topic: string,
    records: readonly (readonly [string, string])[],
    options: readonly string[] = [],
  ): Promise<void> {
    const lines = records.map(([key, value]) => `${key}\t${value}\n`).join('');
    await runProgram('kcat', ['-P', '-b', brokers, '-t', topic, '-K', '\t', ...options], { input: lines });
  },

  /** Every record of the topic, in the order of offsets within each partition. Waits for the end of each log. */
  async consume(brokers: string, topic: string, options: readonly string[] = []): Promise<readonly KcatRecord[]> {
    const args = ['-C', '-b', brokers, '-t', topic, '-o', 'beginning', '-e', '-q', '-J', ...options];
    const text = (await runProgram('kcat', args)).toString();
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as KcatRecord);
  },
};

/** A record as `kcat -J` prints it: keys and values as text, headers as names and values in turn. */
export interface KcatRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly ts: number;
  readonly key: string | null;
  readonly payload: string | null;
  readonly headers?: readonly string[];
}
