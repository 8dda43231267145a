import { setTimeout as delay } from 'node:timers/promises';
import { brokerCount, createTopic, deleteTopic } from './raw-request';

const DEADLINE_MS = 60_000;

/**
 * Resolves when the cluster lists that many brokers and a topic with a replica on each can be created: a broker is
 * listed a moment before replicas may be placed on it. `ended` tells why waiting on is useless.
 */
export async function untilReady(brokers: string, nodes: number, ended: () => string | undefined): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  const address = brokers.split(',')[0]!;
  for (;;) {
    try {
      const topic = `ready-${process.pid}-${Date.now()}`;
      const listed = await brokerCount(address);
      if (listed < nodes) throw new Error(`${listed} of ${nodes} brokers are listed`);
      const error = await createTopic(address, topic, nodes);
      if (error !== 0) throw new Error(`a topic with ${nodes} replicas: error ${error}`);
      await deleteTopic(address, topic);
      return;
    } catch (error) {
      const why = ended();
      if (why) throw new Error(why, { cause: error });
      if (Date.now() > deadline) throw new Error(`Kafka at ${brokers} was not ready in time`, { cause: error });
      await delay(150);
    }
  }
}
