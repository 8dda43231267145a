import { Kafka } from '../../lib/kafka';
import type { KafkaOptions } from '../../lib/options';
import { EmbeddedCluster } from '../../lib/testing';
import type { JournalEntry } from '../../lib/testing/broker';
import type { EmbeddedClusterOptions } from '../../lib/testing/embedded-cluster';
import type { KafkaEvent } from '../../lib/types';
import { HookedTransport } from './hooked-transport';
import { ManualClock } from './manual-clock';

/** A client and an embedded cluster in the spec's own time, and everything that passed between them. */
export class VirtualKafka {
  readonly clock = new ManualClock();
  readonly cluster: EmbeddedCluster;
  readonly kafka: Kafka;
  /** Every socket of the client goes through here. */
  readonly network: HookedTransport;
  readonly journal: JournalEntry[] = [];
  readonly events: KafkaEvent[] = [];

  constructor(cluster: Omit<EmbeddedClusterOptions, 'runtime'> = {}, client: Partial<KafkaOptions> = {}) {
    const { runtime } = this.clock;
    this.cluster = new EmbeddedCluster({ ...cluster, runtime });
    this.cluster.requests.subscribe(entry => this.journal.push(entry));
    this.network = new HookedTransport(this.cluster.options.transport, () => this.now);
    this.kafka = new Kafka({ ...this.cluster.options, transport: this.network.transport, ...client });
    this.kafka.events.subscribe(event => this.events.push(event));
  }

  /** The requests of one API. */
  asked(api: string): readonly JournalEntry[] {
    return this.journal.filter(entry => entry.api === api);
  }

  /** The clock in ms. */
  get now(): number {
    return this.clock.scheduler.frame;
  }

  /** Closes the client, and shows that it leaves nothing behind. */
  close(): void {
    this.kafka.close({ drainMs: 0 }).subscribe();
    this.clock.advance(1_000);
  }
}

/** The most entries in any window of `ms`. */
export function busiest(times: readonly number[], ms: number): number {
  let most = 0;
  for (let from = 0, to = 0; to < times.length; to++) {
    while (times[to]! - times[from]! >= ms) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}
