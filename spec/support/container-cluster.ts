import type { StartedTestContainer } from 'testcontainers';
import { KAFKA_VERSION } from './kafka-jars';
import { untilReady } from './until-ready';

/** One broker in a container. */
export interface ContainerCluster {
  readonly brokers: string;
  /** What the broker wrote into its log; undefined if its log does not tell. */
  readonly version: string | undefined;
  readonly image: string;
  close(): Promise<void>;
}

/** The image to run: the official one, unless another with the same interface is named. */
export const KAFKA_IMAGE = process.env.KAFKA_IMAGE || `apache/kafka:${KAFKA_VERSION}`;

/** Why containers cannot be used here, or `undefined` if a Docker daemon answers. */
export async function whyNoContainers(): Promise<string | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient().then(
    () => undefined,
    () => 'no Docker daemon answers',
  );
}

const START_SCRIPT = '/tmp/start.sh';

/**
 * Starts the image through testcontainers. Docker chooses the port on this side, so the broker, which has to advertise
 * it, is held back until the port is known and written into its start script.
 */
export async function startContainerCluster(): Promise<ContainerCluster> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(KAFKA_IMAGE)
    .withExposedPorts(9092)
    .withEnvironment(ENVIRONMENT)
    .withEntrypoint(['sh'])
    .withCommand(['-c', `while [ ! -f ${START_SCRIPT} ]; do sleep 0.1; done; exec sh ${START_SCRIPT}`])
    .withWaitStrategy(Wait.forSuccessfulCommand('true'))
    .start();
  const close = async () => void (await container.stop({ timeout: 1_000 }));
  try {
    const brokers = `${container.getHost()}:${container.getMappedPort(9092)}`;
    const advertised = `PLAINTEXT://${brokers},BROKER://localhost:9093`;
    const content = `export KAFKA_ADVERTISED_LISTENERS=${advertised}\nexec /etc/kafka/docker/run\n`;
    await container.copyContentToContainer([{ target: START_SCRIPT, content }]);
    await untilReady(brokers, 1, () => undefined);
    const version = /Kafka version: (\S+)/.exec(await logOf(container))?.[1];
    return { brokers, version, image: KAFKA_IMAGE, close };
  } catch (error) {
    await close();
    throw error;
  }
}

// All of them are needed: the first KAFKA_* variable makes the image drop its default configuration whole.
const ENVIRONMENT = {
  KAFKA_NODE_ID: '1',
  KAFKA_PROCESS_ROLES: 'broker,controller',
  KAFKA_LISTENERS: 'PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094',
  KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
  KAFKA_INTER_BROKER_LISTENER_NAME: 'BROKER',
  KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
  KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9094',
  KAFKA_NUM_PARTITIONS: '3',
  KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
  KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '3',
  KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
  KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
  KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '3',
  KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
  KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
  KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '500',
  KAFKA_HEAP_OPTS: '-Xmx256m',
};

async function logOf(container: StartedTestContainer): Promise<string> {
  const stream = await container.logs();
  return new Promise(resolve => {
    let text = '';
    const end = () => {
      stream.destroy();
      resolve(text);
    };
    // The stream follows a live container and does not end by itself: it is enough once the version was seen.
    const timer = setTimeout(end, 3_000);
    stream.on('data', chunk => {
      text += chunk;
      if (!/Kafka version: \S+\s/.test(text)) return;
      clearTimeout(timer);
      end();
    });
  });
}
