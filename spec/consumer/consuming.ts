import { EmbeddedCluster, runVirtual } from '../../lib/testing/index';
import type { EmbeddedClusterOptions, JournalEntry } from '../../lib/testing/index';
import { createCluster } from '../../lib/cluster/cluster';
import { createConsumer } from '../../lib/consumer/consumer';
import type { Consumer } from '../../lib/consumer/consumer-api';
import type { ConsumerOptions } from '../../lib/consumer/options';
import { tcpTransport } from '../../lib/network/tcp';
import { resolveClientOptions } from '../../lib/options';
import type { KafkaOptions } from '../../lib/options';
import type { ConsumerRecord, KafkaEventBody, Runtime, Transport } from '../../lib/types';

/** What a spec about consuming works with, in virtual time. */
export interface Consuming {
  readonly cluster: EmbeddedCluster;
  readonly runtime: Runtime;
  /** A consumer, without decoders. */
  consumer(options?: ConsumerOptions): Consumer;
  /** A consumer of a process of its own; `kill` ends that without a word. */
  apart(
    options?: ConsumerOptions,
    process?: {
      readonly runtime: Runtime;
      wrap(transport: Transport): Transport;
      readonly client?: Partial<KafkaOptions>;
    },
  ): {
    readonly consumer: Consumer;
    kill(): void;
  };
  /** Everything that the client reported. */
  readonly events: KafkaEventBody[];
  /** Every request that a broker saw. */
  readonly requests: JournalEntry[];
  /** Runs something at a point of virtual time. */
  at(ms: number, work: () => void): void;
}

/** Runs `work` in virtual time with an embedded cluster and a client of it; what it schedules runs until `forMs`. */
export function consuming(
  options: EmbeddedClusterOptions & {
    readonly forMs?: number;
    readonly client?: Partial<KafkaOptions>;
    /** Stands between the client and the cluster. */ readonly wrap?: (transport: Transport) => Transport;
  },
  work: (t: Consuming) => void,
): void {
  const { forMs = 10_000, client = {}, wrap = transport => transport, ...shape } = options;
  runVirtual(
    ({ runtime }) => {
      const cluster = new EmbeddedCluster({ autoCreateTopics: false, ...shape, runtime });
      const events: KafkaEventBody[] = [];
      const requests: JournalEntry[] = [];
      cluster.requests.subscribe(entry => requests.push(entry));
      const resolved = resolveClientOptions(
        { ...cluster.options, transport: wrap(cluster.options.transport), ...client },
        { runtime, transport: tcpTransport },
      );
      const connected = createCluster(resolved, event => events.push(event));
      let consumers = 0;
      // What a client does never ends by itself; here it ends just before the horizon, so that nothing goes on behind it.
      runtime.scheduler.schedule(() => connected.close(), forMs - 1);
      work({
        cluster,
        runtime,
        events,
        requests,
        consumer: given => createConsumer<Buffer | null, Buffer | null>(connected, `consumer-${++consumers}`, given),
        apart: (given, process = { runtime, wrap: transport => transport, client: {} }) => {
          const own = resolveClientOptions(
            {
              ...cluster.options,
              transport: process.wrap(wrap(cluster.options.transport)),
              ...client,
              ...process.client,
              runtime: process.runtime,
            },
            { runtime: process.runtime, transport: tcpTransport },
          );
          const other = createCluster(own, event => events.push(event));
          runtime.scheduler.schedule(() => other.close(), forMs - 1 - runtime.scheduler.now());
          return {
            consumer: createConsumer<Buffer | null, Buffer | null>(other, `consumer-${++consumers}`, given),
            kill: () => other.close(),
          };
        },
        at: (ms, scheduled) => void runtime.scheduler.schedule(scheduled, ms),
      });
    },
    { forMs },
  );
}

/** `partition:offset` of a record. */
export const place = (record: ConsumerRecord<unknown, unknown>): string => `${record.partition}:${record.offset}`;

/** Records with the values `v<from>` up to, without, `v<to>`. */
export const values = (from: number, to: number): { readonly value: string }[] =>
  Array.from({ length: to - from }, (_, i) => ({ value: `v${from + i}` }));
