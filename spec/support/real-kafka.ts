import type { Listener } from './broker-config';
import { finalizedFeatures } from './api-features';
import { KAFKA_IMAGE, startContainerCluster, whyNoContainers } from './container-cluster';
import { startJarCluster } from './jar-cluster';
import { whyNoJars } from './kafka-jars';
import type { Pki } from './pki';
import { brokerCount } from './raw-request';

/** A real Kafka as the live suites see it. Plain data: it travels to the test processes through the environment. */
export interface RealKafka {
  readonly brokers: string;
  readonly nodes: number;
  /** What runs there, e.g. `Apache Kafka 4.4.0`. */
  readonly version: string;
  /** Where it comes from and who says that this is the version. */
  readonly source: string;
  /** The listeners with TLS and SASL, and the certificates to use with them: only on a cluster from jars. */
  readonly listeners?: Readonly<Record<Listener, string>>;
  readonly pki?: Pki;
}

export interface StartedKafka {
  readonly real: RealKafka;
  stop(): Promise<void>;
}

/**
 * The first that is there: the cluster that `KAFKA_BROKERS` names; a container, if a Docker daemon answers; Apache
 * Kafka from its jars. Otherwise the reasons why none is. What was asked for by name (`KAFKA_BROKERS`, `KAFKA_IMAGE`)
 * and does not work is an error, never silently replaced.
 */
export async function startRealKafka(): Promise<StartedKafka | { readonly reasons: readonly string[] }> {
  const given = process.env.KAFKA_BROKERS;
  if (given) return { real: await describeGiven(given), stop: async () => undefined };
  const reasons = ['KAFKA_BROKERS is not set'];
  const noContainers = (await whyNoContainers()) ?? (await tryContainer());
  if (typeof noContainers !== 'string') return noContainers;
  reasons.push(noContainers);
  const noJars = await whyNoJars();
  if (noJars === undefined) return startJars();
  return { reasons: [...reasons, noJars] };
}

async function describeGiven(brokers: string): Promise<RealKafka> {
  const address = brokers.split(',')[0]!.trim();
  const [nodes, features] = await Promise.all([brokerCount(address), finalizedFeatures(address)]).catch(cause => {
    throw new Error(`KAFKA_BROKERS=${brokers}: nothing that speaks Kafka answers at ${address}`, { cause });
  });
  // The protocol has no field for a release; the metadata.version that the cluster has agreed on is the nearest to it.
  const level = features.get('metadata.version') ?? 'unknown';
  return {
    brokers,
    nodes,
    version: `a Kafka cluster at metadata.version level ${level}`,
    source: 'from KAFKA_BROKERS; level as its ApiVersions tells',
  };
}

async function tryContainer(): Promise<StartedKafka | string> {
  try {
    const cluster = await startContainerCluster();
    const said = cluster.version ? 'version as the broker logged' : 'the broker did not log its version';
    return {
      real: {
        brokers: cluster.brokers,
        nodes: 1,
        version: `Apache Kafka ${cluster.version ?? 'of unknown version'}`,
        source: `in a container of ${cluster.image}; ${said}`,
      },
      stop: cluster.close,
    };
  } catch (error) {
    if (process.env.KAFKA_IMAGE) throw error;
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return `Docker answers, but ${KAFKA_IMAGE} does not start: ${why}`;
  }
}

async function startJars(): Promise<StartedKafka> {
  const cluster = await startJarCluster();
  const { brokers, version, listeners, pki } = cluster;
  return {
    real: {
      brokers,
      nodes: 3,
      version: `Apache Kafka ${version}`,
      source: 'from its jars; version as the brokers logged',
      listeners,
      pki,
    },
    stop: cluster.close,
  };
}
