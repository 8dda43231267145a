import { firstValueFrom, timeout } from 'rxjs';
import { Kafka, type KafkaOptions } from '../../../lib';
import { realKafka } from '../clusters';
import { startJarCluster, type JarCluster, type Proxies } from '../jar-cluster';
import { kcat } from '../kcat';
import { print } from '../print';
import { onPath } from '../run-program';
import { Figures } from './figures';
import { Load, unharmed } from './load';
import { readBack } from './read-back';

/** What a row of the fault catalogue works with. */
export interface Scene {
  readonly id: string;
  readonly cluster: JarCluster;
  /** One before each broker; the load goes through them if the rows of this suite are proxied. */
  readonly proxies: readonly FaultProxyOf[];
  /** The client under load. */
  readonly kafka: Kafka;
  /** A client that no fault proxy stands before. */
  readonly direct: Kafka;
  readonly topic: string;
  readonly load: Load;
  readonly figures: Figures;
}
type FaultProxyOf = Proxies['all'][number];

export interface RowsOptions {
  readonly nodes: number;
  /** The load goes through fault proxies. */
  readonly proxied: boolean;
}

/** Registers a row as a test: sets the scene, lets `harm` do its work, and closes the books. */
export type Row = (
  id: string,
  title: string,
  harm: (scene: Scene) => Promise<void>,
  options?: Partial<KafkaOptions>,
) => void;

const PARTITIONS = 6;
/** Longer than any fault of a row lasts with all that comes after it. */
const PATIENCE_MS = 60_000;
const START_MS = 120_000;
const SOAK_MS = 4 * 3_600_000;

/** A suite of rows on a cluster of their own: one that others use is not for harming. Skipped where Kafka cannot run from its jars. */
export function describeRows(title: string, { nodes, proxied }: RowsOptions, rows: (row: Row) => void): void {
  const jars = ['java', 'mvn', 'openssl'].every(onPath);
  const meant = realKafka !== undefined && (jars || process.env.CI === 'true');
  (meant ? describe : describe.skip)(title, () => {
    let cluster: JarCluster | undefined;
    let proxies: Proxies | undefined;
    beforeAll(async () => {
      cluster = await startJarCluster({ nodes });
      if (proxied) proxies = await cluster.startProxies();
    }, START_MS);
    afterAll(async () => {
      await proxies?.close();
      await cluster?.close();
    });
    rows((id, name, harm, options) =>
      it(
        `${id} ${name}`,
        async () => {
          const figures = new Figures(id);
          const direct = new Kafka({ brokers: cluster!.brokers });
          const kafka = new Kafka({ brokers: proxies?.brokers ?? cluster!.brokers, ...options });
          try {
            const topic = await newTopic(direct, id);
            const load = new Load(kafka, { topic, partitions: PARTITIONS, groupId: topic });
            await load.flowing(PATIENCE_MS);
            await harm({ id, cluster: cluster!, proxies: proxies?.all ?? [], kafka, direct, topic, load, figures });
            await load.flowing(PATIENCE_MS);
            await checkBooks(id, cluster!, topic, load);
          } finally {
            figures.print();
            for (const client of [kafka, direct]) await closed(client);
            for (const proxy of proxies?.all ?? []) await proxy.heal();
          }
          expect(figures.hopeless).toEqual([]);
        },
        SOAK_MS,
      ),
    );
  });
}

/** Nothing lost, doubled, reordered or skipped: by what the consumer saw, and by what another reader finds in the log. */
async function checkBooks(id: string, cluster: JarCluster, topic: string, load: Load): Promise<void> {
  const balance = await load.finish(PATIENCE_MS);
  expect(balance).toEqual(unharmed(load));
  if (!kcat.installed && process.env.CI !== 'true') return print(`${id}: kcat is not installed, nobody read it back`);
  const log = await readBack(cluster.brokers, topic, load.acked);
  expect(log).toEqual({ inLog: load.acked.length, lost: 0, doubled: 0, misplaced: 0, reordered: 0 });
  print(`${id}: ${load.acked.length} records stored, 0 lost, 0 doubled, 0 out of order; kcat read the same`);
}

let topics = 0;

async function newTopic(kafka: Kafka, id: string): Promise<string> {
  const topic = `${id}-${process.pid}-${topics++}`;
  const admin = kafka.admin();
  const [created] = await firstValueFrom(admin.createTopics([{ topic, partitions: PARTITIONS }]));
  if (created!.error) throw created!.error;
  const ends = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, at: 'latest' as const }));
  await firstValueFrom(admin.listOffsets(ends));
  return topic;
}

async function closed(kafka: Kafka): Promise<void> {
  await firstValueFrom(kafka.close({ drainMs: 1_000 }).pipe(timeout(10_000)));
}
