import { LogLevel, createKafkaClient, setLogLevel } from 'kafka-ts';
import type { Meter } from './meter';
import type { Job } from './scenarios';

function client({ brokers }: Job) {
  setLogLevel(LogLevel.ERROR);
  const bootstrapServers = brokers.split(',').map(address => {
    const [host, port] = address.split(':');
    return { host: host!, port: Number(port) };
  });
  return createKafkaClient({ clientId: 'bench', bootstrapServers });
}

export async function consume(job: Job, meter: Meter): Promise<void> {
  const { topic, scenario } = job;
  await client(job).startConsumer({
    topics: [topic],
    ...(scenario.acked && { groupId: `bench-${process.pid}-${Date.now()}` }),
    fromBeginning: true,
    onBatch: messages => {
      for (const message of messages) meter.record(message.value!.length);
    },
  });
}

export async function produce(job: Job, meter: Meter): Promise<void> {
  const { topic, scenario } = job;
  const { perSend } = scenario;
  const producer = client(job).createProducer({});
  const value = 'x'.repeat(scenario.valueBytes);
  const one = async (): Promise<void> => {
    while (!meter.done) {
      await producer.send(
        perSend === 1 ? [{ topic, value }] : Array.from({ length: perSend }, () => ({ topic, value })),
      );
      meter.count(perSend);
    }
  };
  await Promise.all(Array.from({ length: scenario.inFlight }, one));
}
