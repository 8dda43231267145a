import type { Observable } from 'rxjs';
import { Kafka } from '../../../lib';
import type { Meter } from './meter';
import { PARTITIONS, type Job } from './scenarios';

export function consume({ brokers, topic, scenario }: Job, meter: Meter): void {
  const group = `bench-${process.pid}-${Date.now()}`;
  const consumer = new Kafka({ brokers }).consumer(scenario.acked ? { groupId: group } : {});
  consumer.assign(
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 'earliest' as const })),
  );
  if (scenario.acked)
    consumer.records.subscribe(record => {
      meter.record(record.value!.length);
      record.ack();
    });
  else consumer.records.subscribe(record => meter.record(record.value!.length));
}

export function produce({ brokers, topic, scenario }: Job, meter: Meter): void {
  const producer = new Kafka({ brokers }).producer();
  const value = 'x'.repeat(scenario.valueBytes);
  const { perSend } = scenario;
  const one = (): Observable<unknown> =>
    perSend === 1
      ? producer.send({ topic, value })
      : producer.send(Array.from({ length: perSend }, () => ({ topic, value })));
  // Each send, once it is stored, makes room for the next.
  const next = (): void => {
    meter.count(perSend);
    if (!meter.done) one().subscribe(next);
  };
  for (let i = 0; i < scenario.inFlight; i++) one().subscribe(next);
}

/** Writes what the consumers are to read. */
export function fill({ brokers, topic, scenario }: Job, filled: () => void): void {
  const producer = new Kafka({ brokers }).producer({ batchBytes: 16_384 });
  const value = Buffer.alloc(scenario.valueBytes, 'x');
  let sent = 0;
  let stored = 0;
  const next = (): void => {
    if (sent === scenario.records) return;
    const count = Math.min(1_000, scenario.records - sent);
    sent += count;
    // The partition is named, so that each holds as much, in batches of the default size of the Java client.
    const partition = ((sent / 1_000) % PARTITIONS) | 0;
    producer.send(Array.from({ length: count }, () => ({ topic, partition, value }))).subscribe(() => {
      if ((stored += count) === scenario.records) filled();
      else next();
    });
  };
  for (let i = 0; i < 8; i++) next();
}
