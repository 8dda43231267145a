import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE_FOLDER } from './cache-folder';
import { runProgram } from './run-program';

const PYTHON = process.env.AIOKAFKA_PYTHON || join(CACHE_FOLDER, 'aiokafka/bin/python');
const SCRIPT = join(__dirname, 'aiokafka_peer.py');

/** The Python client that shares no code with Java's nor with librdkafka. Bytes travel as base64. */
export const aiokafka = {
  name: 'aiokafka',
  installed: existsSync(PYTHON),

  async produce(brokers: string, topic: string, records: readonly PeerRecord[], compression = 'none'): Promise<void> {
    const input = JSON.stringify(records.map(toWire));
    await runProgram(PYTHON, [SCRIPT, 'produce', brokers, topic, compression], { input });
  },

  /** As many records as are `expected`, and more if there are more, as a reader of committed ones sees them; fewer after 30 s. */
  async consume(
    brokers: string,
    topic: string,
    partitions: number,
    expected: number,
  ): Promise<readonly (PeerRecord & { readonly partition: number; readonly offset: number })[]> {
    const text = (
      await runProgram(PYTHON, [SCRIPT, 'consume', brokers, topic, String(partitions), String(expected)])
    ).toString();
    return (JSON.parse(text) as WireRecord[]).map(record => ({
      partition: record.partition!,
      offset: record.offset!,
      key: fromBase64(record.key),
      value: fromBase64(record.value),
      headers: record.headers.map(([name, value]) => [name, fromBase64(value)] as const),
    }));
  },
};

export interface PeerRecord {
  readonly partition?: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [string, Buffer | null])[];
}

interface WireRecord {
  readonly partition?: number;
  readonly offset?: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

function toWire(record: PeerRecord): WireRecord {
  const { partition, key, value, headers } = record;
  return {
    partition,
    key: toBase64(key),
    value: toBase64(value),
    headers: headers.map(([name, bytes]) => [name, toBase64(bytes)]),
  };
}

const toBase64 = (bytes: Buffer | null) => bytes && bytes.toString('base64');
const fromBase64 = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));
