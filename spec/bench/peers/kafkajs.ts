import { Kafka, Partitioners, logLevel } from 'kafkajs';
import type { Meter } from './meter';
import type { Job } from './scenarios';

// Silent: it logs as errors what it then retries.
const client = ({ brokers }: Job) =>
  new Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: logLevel.NOTHING });

/** There is no reading without a group. */
export async function consume(job: Job, meter: Meter): Promise<void> {
  const { topic } = job;
  const consumer = client(job).consumer({ groupId: `bench-${process.pid}-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => meter.record(message.value!.length),
  });
}

/**
 * As its users run it: acks from all, but not idempotent. That is experimental there and wants one request in flight, and
 * as each `send` is a request of its own, 1,000 concurrent ones come to 1,000 records a second.
 */
export async function produce(job: Job, meter: Meter): Promise<void> {
  const { topic, scenario } = job;
  const { perSend } = scenario;
  const producer = client(job).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const value = 'x'.repeat(scenario.valueBytes);
  const one = async (): Promise<void> => {
    while (!meter.done) {
      await producer.send({ topic, acks: -1, messages: Array.from({ length: perSend }, () => ({ value })) });
      meter.count(perSend);
    }
  };
  await Promise.all(Array.from({ length: scenario.inFlight }, one));
}
