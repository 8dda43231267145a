import { lastValueFrom, take, toArray } from 'rxjs';
import { Kafka } from '../lib/kafka';
import { EmbeddedCluster } from '../lib/testing';
import { HOSTILE_NAMES } from './fuzz/random';

// Names that come from outside and mean something to a plain object: kafkajs could not read a topic called `constructor`.

describe('a name that objects answer to by themselves', () => {
  it.each(HOSTILE_NAMES)('%s is a topic, a group, a header and a value like any other', async name => {
    const cluster = new EmbeddedCluster({ autoCreateTopics: false });
    cluster.createTopic(name, 2);
    const kafka = new Kafka({ ...cluster.options, clientId: name });
    const producer = kafka.producer();
    const [stored] = await lastValueFrom(
      producer.send([
        {
          topic: name,
          partition: 1,
          key: name,
          value: name,
          headers: [
            [name, name],
            ['plain', null],
          ],
        },
      ]),
    );
    expect(stored).toMatchObject({ topic: name, partition: 1, offset: 0n });
    const consumer = kafka.consumer({ groupId: name });
    const partition = { topic: name, partition: 1 };
    const [record] = await lastValueFrom(
      consumer.assign([{ ...partition, offset: 'earliest' }]).records.pipe(take(1), toArray()),
    );
    expect([record!.topic, String(record!.key), String(record!.value)]).toEqual([name, name, name]);
    expect(Array.from(record!.headers, ([key, value]) => [key, value && String(value)])).toEqual([
      [name, name],
      ['plain', null],
    ]);
    expect(record!.headers.text(name)).toBe(name);
    // Nothing that nobody set.
    const others = HOSTILE_NAMES.filter(other => other !== name);
    expect(others.map(other => record!.headers.get(other))).toEqual(others.map(() => undefined));
    await lastValueFrom(kafka.close());
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('is not found as a topic where there is none', async () => {
    const cluster = new EmbeddedCluster({ autoCreateTopics: false, topics: { orders: 1 } });
    const kafka = new Kafka(cluster.options);
    for (const name of ['constructor', '__proto__'])
      await expect(
        lastValueFrom(kafka.producer({ deliveryTimeoutMs: 100, lingerMs: 0 }).send({ topic: name, value: 'v' })),
      ).rejects.toThrow(name);
    await lastValueFrom(kafka.close());
  });
});
