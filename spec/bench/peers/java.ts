import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaJars } from '../../support/kafka-jars';
import { runProgram } from '../../support/run-program';
import { PARTITIONS, type Job, type RunResult } from './scenarios';

/** Compiles the Java client's program; what it gives runs a job in a JVM of its own. */
export async function javaPeer(): Promise<(job: Job) => Promise<RunResult>> {
  const jars = await kafkaJars();
  const folder = mkdtempSync(join(tmpdir(), 'kafka-rx-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await runProgram('javac', ['-cp', `${jars}/*`, '-d', folder, join(__dirname, 'JavaPeer.java')]);
  return async ({ scenario, brokers, topic, warmUpMs, measureMs }) => {
    const { kind, valueBytes, records, inFlight, perSend, acked } = scenario;
    const args = [kind, brokers, topic, PARTITIONS, valueBytes, records, inFlight, perSend, acked, warmUpMs, measureMs];
    const classPath = `${folder}:${jars}/*`;
    const out = await runProgram('java', ['-cp', classPath, 'JavaPeer', ...args.map(String)]);
    return JSON.parse(out.toString().trim().split('\n').pop()!) as RunResult;
  };
}
