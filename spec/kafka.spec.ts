import { lastValueFrom } from 'rxjs';
import { Kafka } from '../lib/kafka';
import { EmbeddedCluster } from '../lib/testing';

describe('the end of a client', () => {
  // They were kept until the client was closed: 14 kB each, for ever, in a service that makes one per job.
  it('has nothing to do with a producer and a consumer that are closed already, for it has forgotten them', async () => {
    const kafka = new Kafka(new EmbeddedCluster({ topics: { t: 1 } }).options);
    const producer = kafka.producer();
    const consumer = kafka.consumer();
    await lastValueFrom(producer.send({ topic: 't', value: 'v' }));
    await lastValueFrom(producer.close());
    await lastValueFrom(consumer.close());
    const closes = [jest.spyOn(producer, 'close'), jest.spyOn(consumer, 'close')];
    await lastValueFrom(kafka.close());
    expect(closes.map(close => close.mock.calls.length)).toEqual([0, 0]);
  });

  it('closes those that are not', async () => {
    const kafka = new Kafka(new EmbeddedCluster({ topics: { t: 1 } }).options);
    const producer = kafka.producer();
    await lastValueFrom(producer.send({ topic: 't', value: 'v' }));
    await lastValueFrom(kafka.close());
    await expect(lastValueFrom(producer.send({ topic: 't', value: 'v' }))).rejects.toMatchObject({
      name: 'ClosedError',
    });
  });
});
