import { concatMap, firstValueFrom, throwError, timeout } from 'rxjs';
import { Kafka } from '../../lib';
import type { KafkaOptions } from '../../lib';
import type { LiveCluster } from './clusters';

/** Makes clients and topics for the tests of a live suite. */
export interface LiveClients {
  /** A client that is closed after the test. */
  kafka(options?: Partial<KafkaOptions>): Kafka;
  /**
   * Creates a topic of a name of its own, and gives the name once the leaders of its partitions serve it. Its records never
   * expire: many tests write timestamps of years ago, and the broker would delete those at its next look.
   */
  topic(prefix: string, partitions?: number, configs?: Readonly<Record<string, string>>): Promise<string>;
}

const CREATE_MS = 20_000;
const CLOSE_MS = 10_000;

/** Registers a hook: call it inside `describe`. */
export function liveClients(cluster: LiveCluster): LiveClients {
  const open = new Set<Kafka>();
  const kafka: LiveClients['kafka'] = options => {
    const made = new Kafka({ ...cluster.kafkaOptions, ...options });
    open.add(made);
    return made;
  };
  afterEach(async () => {
    const closing = [...open].map(one => firstValueFrom(one.close({ drainMs: 1_000 }).pipe(timeout(CLOSE_MS))));
    open.clear();
    await Promise.all(closing);
  });
  return {
    kafka,
    async topic(prefix, partitions = 1, configs = {}) {
      const topic = cluster.uniqueName(prefix);
      const admin = kafka().admin();
      // A broker that does not know yet that it leads drops what is sent with acks 0: asking each leader makes sure.
      const ends = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, at: 'latest' as const }));
      const created = admin
        .createTopics([{ topic, partitions, configs: { 'retention.ms': '-1', ...configs } }])
        .pipe(concatMap(([result]) => (result?.error ? throwError(() => result.error) : admin.listOffsets(ends))));
      await firstValueFrom(created.pipe(timeout(CREATE_MS)));
      return topic;
    },
  };
}
