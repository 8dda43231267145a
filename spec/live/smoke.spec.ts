import { apiVersions, brokerCount, createTopic, deleteTopic } from '../support/raw-request';
import { describeClusters, describeReal } from '../support/clusters';

const PRODUCE = 0;
const FETCH = 1;
const METADATA = 3;

describeClusters('a broker reached without the client', cluster => {
  it('answers ApiVersions with the APIs that records need', async () => {
    const ranges = await apiVersions(cluster.brokers.split(',')[0]!);

    expect(ranges.get(PRODUCE)?.[1]).toBeGreaterThanOrEqual(9);
    expect(ranges.get(FETCH)?.[1]).toBeGreaterThanOrEqual(12);
    expect(ranges.get(METADATA)?.[1]).toBeGreaterThanOrEqual(9);
  });
});

describeReal('a real broker reached without the client', cluster => {
  it('lists every node, and creates and deletes a topic', async () => {
    const address = cluster.brokers.split(',')[0]!;
    const topic = cluster.uniqueName('smoke');

    expect(await brokerCount(address)).toBe(cluster.nodes);
    expect(await createTopic(address, topic, cluster.nodes)).toBe(0);
    expect(await deleteTopic(address, topic)).toBe(0);
  });
});
