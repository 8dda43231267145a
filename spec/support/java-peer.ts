import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedFolder } from './cache-folder';
import { kafkaJars } from './kafka-jars';
import { onPath, runProgram } from './run-program';

const PROGRAM = join(__dirname, 'KafkaPeer.java');

/** A record of the peer. Without a partition, or a timestamp, Java's producer chooses. */
export interface JavaRecord {
  readonly partition?: number;
  readonly timestamp?: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [string, Buffer | null])[];
}

export interface JavaStored {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

/** Kafka's own client: what it says is what Kafka is. Compiled from its source, so a JDK is needed. */
export const javaPeer = {
  name: 'a JDK with Maven',
  installed: onPath('javac') && onPath('mvn'),

  /** Sends records and tells where each was stored. */
  async produce(
    brokers: string,
    topic: string,
    records: readonly JavaRecord[],
    compression = 'none',
  ): Promise<readonly JavaStored[]> {
    const input = records.map(record => `${toLine(record)}\n`).join('');
    const lines = await run(['produce', brokers, topic, compression], input);
    return lines.map(line => {
      const [partition, offset, timestamp] = line.split('\t').map(Number) as [number, number, number];
      return { partition, offset, timestamp };
    });
  },

  /** As many records as are `expected`, and more if there are more, in the order of offsets within each partition; fewer after 30 s. */
  async consume(
    brokers: string,
    topic: string,
    partitions: number,
    expected: number,
  ): Promise<readonly (JavaRecord & JavaStored)[]> {
    const lines = await run(['consume', brokers, topic, String(partitions), String(expected)], '');
    return lines.map(line => {
      const [partition, offset, timestamp, key, value, ...rest] = line.split('\t') as [
        string,
        string,
        string,
        string,
        string,
        ...string[],
      ];
      const headers = Array.from(
        { length: rest.length / 2 },
        (_, i) => [rest[2 * i]!, fromText(rest[2 * i + 1]!)] as const,
      );
      return {
        partition: Number(partition),
        offset: Number(offset),
        timestamp: Number(timestamp),
        key: fromText(key),
        value: fromText(value),
        headers,
      };
    });
  },
};

async function run(args: readonly string[], input: string): Promise<string[]> {
  const jars = await kafkaJars();
  const classes = await compiled(jars);
  const folder = mkdtempSync(join(tmpdir(), 'java-peer-'));
  try {
    const out = join(folder, 'out');
    // This JVM lives for a second or two: the quick compiler is the faster one.
    const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', `-Dpeer.out=${out}`, '-cp', `${classes}:${jars}/*`];
    await runProgram('java', [...jvm, 'KafkaPeer', ...args], { input });
    return readFileSync(out, 'utf8')
      .split('\n')
      .filter(line => line.includes('\t'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The folder with its classes, made once for each state of the source: compiling takes longer than most runs. */
function compiled(jars: string): Promise<string> {
  const state = createHash('sha256').update(readFileSync(PROGRAM)).digest('hex').slice(0, 12);
  return cachedFolder(`java-peer-${state}`, async folder => {
    await runProgram('javac', ['-d', folder, '-cp', `${jars}/*`, PROGRAM]);
  });
}

function toLine({ partition, timestamp, key, value, headers }: JavaRecord): string {
  const fields = [partition ?? '-', timestamp ?? '-', toText(key), toText(value)];
  return [...fields, ...headers.flatMap(([name, bytes]) => [name, toText(bytes)])].join('\t');
}

const toText = (bytes: Buffer | null) => (bytes === null ? '-' : bytes.toString('base64'));
const fromText = (text: string) => (text === '-' ? null : Buffer.from(text, 'base64'));
