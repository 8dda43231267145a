import { aiokafka } from '../support/aiokafka';
import { describeClusters } from '../support/clusters';
import { kcat } from '../support/kcat';
import { createTopic } from '../support/raw-request';
import { itWithTool } from '../support/tools';

const both = { name: 'kcat or aiokafka', installed: kcat.installed && aiokafka.installed };

describeClusters('clients that share no code with ours', cluster => {
  const newTopic = async () => {
    const topic = cluster.uniqueName('foreign');
    expect(await createTopic(cluster.brokers.split(',')[0]!, topic, cluster.nodes)).toBe(0);
    return topic;
  };

  itWithTool(both, 'read with aiokafka what kcat wrote', async () => {
    const topic = await newTopic();
    await kcat.produce(cluster.brokers, topic, [
      ['a', 'one'],
      ['b', 'two'],
    ]);

    const records = await aiokafka.consume(cluster.brokers, topic, 1, 2);

    expect(records.map(({ offset, key, value }) => [offset, String(key), String(value)])).toEqual([
      [0, 'a', 'one'],
      [1, 'b', 'two'],
    ]);
  });

  itWithTool(both, 'read with kcat what aiokafka wrote, compressed and with headers', async () => {
    const topic = await newTopic();
    const headers = [['trace', Buffer.from('t1')]] as const;
    const records = ['one', 'two'].map(text => ({ key: null, value: Buffer.from(text), headers }));
    await aiokafka.produce(cluster.brokers, topic, records, 'gzip');

    const read = await kcat.consume(cluster.brokers, topic);

    expect(read.map(({ offset, key, payload, headers }) => [offset, key, payload, headers])).toEqual([
      [0, null, 'one', ['trace', 't1']],
      [1, null, 'two', ['trace', 't1']],
    ]);
  });
});
