import type { ConsumerOptions } from '../../../lib/consumer/options';
import { consuming, place, values } from '../consuming';

const CLIENT = { client: { metadataMaxAgeMs: 300_000 } };

describe.each<[string, ConsumerOptions]>([
  ['without a group', { offsetReset: 'earliest' }],
  ['with one', { offsetReset: 'earliest', groupId: 'g', ack: 'auto' }],
])('what is assigned before it is there (%s)', (_, options) => {
  it.each([
    ['a topic', 'later', 0],
    ['a partition', 'orders', 2],
  ])('%s is asked for with bounded backoff, told of once, and read once it is there', (_what, topic, partition) => {
    const seen: string[] = [];
    const errors: unknown[] = [];
    let told = 0;
    let asked: number[] = [];
    consuming({ forMs: 40_000, topics: { orders: 1 }, ...CLIENT }, ({ cluster, consumer, events, requests, at }) => {
      cluster.append('orders', 0, values(0, 1));
      const reading = consumer(options).assign([
        { topic: 'orders', partition: 0 },
        { topic, partition },
      ]);
      reading.records.subscribe({
        next: record => seen.push(`${record.topic} ${place(record)}`),
        error: error => errors.push(error),
      });
      at(30_000, () => {
        told = events.filter(event => event.type === 'partition-unavailable').length;
        asked = requests.filter(({ api }) => api === 'Metadata').map(request => request.at);
        if (topic === 'later') cluster.createTopic(topic, 1);
        else cluster.createPartitions(topic, partition + 1);
        cluster.append(topic, partition, values(0, 1));
      });
      // The others were not kept waiting.
      at(1_000, () => expect(seen).toEqual(['orders 0:0']));
      at(33_000, () => expect(seen).toHaveLength(2));
    });
    expect(errors).toEqual([]);
    expect(seen).toEqual(['orders 0:0', `${topic} ${partition}:0`]);
    expect(told).toBe(1);
    // About once a second at the worst, and not given up.
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.length).toBeLessThan(60);
  });
});
