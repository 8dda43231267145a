/** What every client is asked to do, by name. Plain data: it travels to the process that runs it. */
export interface Scenario {
  readonly name: string;
  readonly kind: 'consume' | 'produce';
  readonly valueBytes: number;
  /** Consume: what lies in the topic. Produce: the run ends by time. */
  readonly records: number;
  /** Produce: how many sends are under way at any time, and how many records each carries. */
  readonly inFlight: number;
  readonly perSend: number;
  /** Consume: with a group, each record acked by hand, where the client can. */
  readonly acked: boolean;
}

export const PARTITIONS = 4;

const consume = { kind: 'consume', inFlight: 0, perSend: 0, acked: false } as const;
const produce = { kind: 'produce', records: 0, perSend: 1, acked: false } as const;

export const scenarios: readonly Scenario[] = [
  { ...consume, name: 'consume 100 B', valueBytes: 100, records: 3_000_000 },
  { ...consume, name: 'consume 100 B, group, ack each', valueBytes: 100, records: 3_000_000, acked: true },
  { ...consume, name: 'consume 1 kB', valueBytes: 1_000, records: 500_000 },
  { ...produce, name: '1,000 single sends 100 B', valueBytes: 100, inFlight: 1_000 },
  { ...produce, name: '1,000 single sends 1 kB', valueBytes: 1_000, inFlight: 1_000 },
  { ...produce, name: '10 × 100 records 100 B', valueBytes: 100, inFlight: 10, perSend: 100 },
  { ...produce, name: 'one send after the other 100 B', valueBytes: 100, inFlight: 1 },
];

export const nodeClients = ['kafka-rx', 'kafka-ts', 'kafkajs'] as const;
export type ClientName = (typeof nodeClients)[number] | 'java';

/** One run: a client, a scenario, a topic, and for how long. */
export interface Job {
  readonly client: ClientName;
  readonly scenario: Scenario;
  readonly brokers: string;
  readonly topic: string;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface RunResult {
  readonly records: number;
  readonly recordsPerSecond: number;
  /** CPU time of all threads of the process, garbage collection included. */
  readonly cpuMicrosPerRecord: number;
  readonly maxRssBytes: number;
}
