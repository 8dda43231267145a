import type { Subscription } from 'rxjs';
import { EmbeddedCluster } from '../../lib/testing/embedded-cluster';
import { kafkajsConnection, kafkajsProtocol } from './kafkajs-broker';

// kafkajs writes the requests and reads the responses, version by version: these codecs have no other use than such clients.

let cluster: EmbeddedCluster;
let listening: Subscription;
let connection: any;

beforeEach(done => {
  cluster = new EmbeddedCluster({ topics: { t: 1 } });
  cluster.append('t', 0, [{ key: 'k', value: 'v', timestamp: 77, headers: { h: 'x' } }]);
  listening = cluster.listen().subscribe(address => {
    connection = kafkajsConnection(address);
    done();
  });
});
afterEach(async () => {
  await connection.destroy();
  listening.unsubscribe();
});

const send = (api: string, version: number, body: object): Promise<any> =>
  connection.send(kafkajsProtocol(api, version, body));

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test.each(range(3, 7))('Produce v%i', async version => {
  const partitions = [{ partition: 0, firstSequence: 0, messages: [{ key: 'a', value: 'b', timestamp: 5 }] }];
  const answer = await send('produce', version, { acks: -1, timeout: 1000, topicData: [{ topic: 't', partitions }] });
  expect(answer).toMatchObject({
    topics: [{ topicName: 't', partitions: [{ partition: 0, errorCode: 0, baseOffset: '1', logAppendTime: '-1' }] }],
    ...(version < 6 ? { throttleTime: 0 } : { clientSideThrottleTime: 0 }),
  });
  if (version >= 5) expect(answer.topics[0].partitions[0].logStartOffset).toBe('0');
  expect(cluster.log('t', 0).map(({ key, value }) => `${key}${value}`)).toEqual(['kv', 'ab']);
});

test.each(range(4, 11))('Fetch v%i', async version => {
  const answer = await send('fetch', version, {
    maxWaitTime: 0,
    minBytes: 1,
    maxBytes: 100_000,
    isolationLevel: 1,
    rackId: '',
    topics: [
      { topic: 't', partitions: [{ partition: 0, fetchOffset: '0', maxBytes: 100_000, currentLeaderEpoch: 0 }] },
    ],
  });
  const [partition] = answer.responses[0].partitions;
  expect(partition).toMatchObject({ partition: 0, errorCode: 0, highWatermark: '1', lastStableOffset: '1' });
  expect(partition.messages).toMatchObject([{ offset: '0', timestamp: '77' }]);
  expect(String(partition.messages[0].value)).toBe('v');
  expect(String(partition.messages[0].headers.h)).toBe('x');
});

test.each(range(1, 3))('ListOffsets v%i', async version => {
  const at = async (timestamp: number) =>
    (await send('listOffsets', version, { topics: [{ topic: 't', partitions: [{ partition: 0, timestamp }] }] }))
      .responses[0].partitions[0];
  expect(await at(-1)).toMatchObject({ partition: 0, errorCode: 0, offset: '1', timestamp: '-1' });
  expect(await at(50)).toMatchObject({ partition: 0, errorCode: 0, offset: '0', timestamp: '77' });
});

test.each(range(0, 6))('Metadata v%i', async version => {
  const answer = await send('metadata', version, { topics: ['t'], allowAutoTopicCreation: false });
  expect(answer.brokers).toMatchObject([{ nodeId: 1, host: '127.0.0.1' }]);
  expect(answer.topicMetadata).toMatchObject([
    {
      topicErrorCode: 0,
      topic: 't',
      partitionMetadata: [{ partitionErrorCode: 0, partitionId: 0, leader: 1, replicas: [1], isr: [1] }],
    },
  ]);
  if (version >= 1) expect(answer).toMatchObject({ controllerId: 1 });
  if (version >= 2) expect(answer.clusterId).toHaveLength(22);
});

test.each(range(2, 5))('OffsetCommit v%i and OffsetFetch of all versions', async version => {
  const commit = {
    groupId: 'g',
    groupGenerationId: -1,
    memberId: '',
    topics: [{ topic: 't', partitions: [{ partition: 0, offset: '41', metadata: 'note' }] }],
  };
  const committed = await send('offsetCommit', version, commit);
  expect(committed.responses).toEqual([{ topic: 't', partitions: [{ partition: 0, errorCode: 0 }] }]);
  for (const fetching of range(1, 4)) {
    const fetched = await send('offsetFetch', fetching, {
      groupId: 'g',
      topics: [{ topic: 't', partitions: [{ partition: 0 }] }],
    });
    expect(fetched.responses).toMatchObject([
      { topic: 't', partitions: [{ partition: 0, offset: '41', metadata: 'note', errorCode: 0 }] },
    ]);
    if (fetching >= 2) expect(fetched.errorCode).toBe(0);
  }
});

test.each(range(0, 2))('FindCoordinator v%i', async version => {
  const answer = await send('findCoordinator', version, { groupId: 'g' });
  expect(answer).toMatchObject({ errorCode: 0, coordinator: { nodeId: 1, host: '127.0.0.1' } });
});

test.each(range(0, 1))('InitProducerId v%i', async version => {
  const answer = await send('initProducerId', version, { transactionalId: null });
  expect(answer).toMatchObject({ errorCode: 0, producerId: '1000', producerEpoch: 0 });
});

test.each(range(2, 3))('CreateTopics v%i', async version => {
  const topic = { topic: 'new', numPartitions: 2, replicationFactor: 1, configEntries: [{ name: 'x', value: 'y' }] };
  const answer = await send('createTopics', version, { topics: [topic], timeout: 1000, validateOnly: false });
  expect(answer.topicErrors).toEqual([{ topic: 'new', errorCode: 0, errorMessage: null }]);
  expect(cluster.log('new', 1)).toEqual([]);
});

test('DeleteTopics v1', async () => {
  const answer = await send('deleteTopics', 1, { topics: ['t'], timeout: 1000 });
  expect(answer.topicErrors).toEqual([{ topic: 't', errorCode: 0 }]);
  expect(() => cluster.log('t', 0)).toThrow();
});
