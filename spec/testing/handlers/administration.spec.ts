import { concat, concatMap, map, tap, toArray } from 'rxjs';
import { ApiVersions } from '../../../lib/protocol/apis/api-versions';
import { CreateTopics } from '../../../lib/protocol/apis/create-topics';
import { DeleteTopics } from '../../../lib/protocol/apis/delete-topics';
import { DescribeCluster } from '../../../lib/protocol/apis/describe-cluster';
import { InitProducerId } from '../../../lib/protocol/apis/init-producer-id';
import { Metadata } from '../../../lib/protocol/apis/metadata';
import { inVirtualTime } from '../in-virtual-time';

describe('CreateTopics', () => {
  const plain = { name: 'new', numPartitions: 3, replicationFactor: 2 };

  it('creates topics and tells their ids', () => {
    inVirtualTime({ brokers: 2 }, ({ ask }) =>
      ask(CreateTopics, 7, { topics: [plain, { name: 'standard', numPartitions: -1, replicationFactor: -1 }] }, 2).pipe(
        concatMap(({ topics }) =>
          ask(Metadata, 13, { topics: null }).pipe(
            tap(metadata => {
              expect(topics).toMatchObject([
                { name: 'new', errorCode: 0, numPartitions: 3, replicationFactor: 2 },
                { name: 'standard', errorCode: 0, numPartitions: 1, replicationFactor: 2 },
              ]);
              expect(metadata.topics.map(({ topicId }) => topicId)).toEqual(topics.map(({ topicId }) => topicId));
              expect(metadata.topics.map(({ partitions }) => partitions.length)).toEqual([3, 1]);
            }),
          ),
        ),
      ),
    );
  });

  test.each([
    ['a topic that is there', { ...plain, name: 'there' }, 36],
    ['a bad name', { ...plain, name: 'a/b' }, 17],
    ['no partitions', { ...plain, numPartitions: 0 }, 37],
    ['more replicas than brokers', { ...plain, replicationFactor: 3 }, 38],
    ['an assignment with holes', { ...plain, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }, 39],
    ['an assignment to nobody', { ...plain, assignments: [{ partitionIndex: 0, brokerIds: [9] }] }, 39],
  ])('refuses %s', (_title, topic, errorCode) => {
    inVirtualTime({ brokers: 2, topics: { there: 1 } }, ({ ask }) =>
      ask(CreateTopics, 7, { topics: [topic] }).pipe(
        tap(({ topics }) =>
          expect(topics[0]).toMatchObject({ name: topic.name, errorCode, errorMessage: expect.any(String) }),
        ),
        concatMap(() => ask(Metadata, 12, { topics: null })),
        tap(({ topics }) => expect(topics).toHaveLength(1)),
      ),
    );
  });

  it('only checks where it is told to', () => {
    inVirtualTime({ brokers: 2 }, ({ ask }) =>
      ask(CreateTopics, 7, { topics: [plain], validateOnly: true }).pipe(
        tap(({ topics }) => expect(topics[0]!.errorCode).toBe(0)),
        concatMap(() => ask(Metadata, 12, { topics: null })),
        tap(({ topics }) => expect(topics).toEqual([])),
      ),
    );
  });
});

describe('DeleteTopics', () => {
  it('deletes by name and by id', () => {
    inVirtualTime({ topics: { a: 1, b: 1, c: 1 } }, ({ ask }) =>
      ask(Metadata, 13, { topics: [{ name: 'b' }] }).pipe(
        concatMap(({ topics }) =>
          concat(
            ask(DeleteTopics, 5, { topicNames: ['a', 'missing'], timeoutMs: 1 }),
            ask(DeleteTopics, 6, {
              topics: [{ topicId: topics[0]!.topicId }, { topicId: 'Zm9yZWlnbi10b3BpYy1pZA' }],
              timeoutMs: 1,
            }),
          ),
        ),
        map(({ responses }) => responses.map(({ name, errorCode }) => [name, errorCode])),
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            [
              ['a', 0],
              ['missing', 3],
            ],
            [
              ['b', 0],
              [null, 100],
            ],
          ]),
        ),
        concatMap(() => ask(Metadata, 12, { topics: null })),
        tap(({ topics }) => expect(topics.map(({ name }) => name)).toEqual(['c'])),
      ),
    );
  });
});

describe('InitProducerId', () => {
  it('gives a fresh id to each idempotent producer', () => {
    inVirtualTime({}, ({ ask }) => {
      const init = ask(InitProducerId, 5, { transactionalId: null, transactionTimeoutMs: 1 });
      return concat(init, init).pipe(
        toArray(),
        tap(([a, b]) => {
          expect([a!.errorCode, a!.producerEpoch, b!.producerEpoch]).toEqual([0, 0, 0]);
          expect(a!.producerId).not.toBe(b!.producerId);
        }),
      );
    });
  });

  it('bumps the epoch of a transactional id, and fences whoever does not know it', () => {
    inVirtualTime({}, ({ ask }) => {
      const init = (producerId: bigint, producerEpoch: number) =>
        ask(InitProducerId, 5, { transactionalId: 'x', transactionTimeoutMs: 1, producerId, producerEpoch });
      return init(-1n, -1).pipe(
        concatMap(({ producerId }) => concat(init(-1n, -1), init(producerId, 1), init(producerId, 1))),
        map(({ errorCode, producerEpoch }) => [errorCode, producerEpoch]),
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            [0, 1],
            [0, 2],
            [90, -1],
          ]),
        ),
      );
    });
  });
});

describe('ApiVersions', () => {
  const named = { clientSoftwareName: 'kafka-rx', clientSoftwareVersion: '1.0' };

  it('lists what is served', () => {
    inVirtualTime({}, ({ ask }) =>
      ask(ApiVersions, 5, named).pipe(
        tap(({ errorCode, apiKeys }) => {
          expect(errorCode).toBe(0);
          expect(apiKeys.map(({ apiKey }) => apiKey).sort((a, b) => a - b)).toEqual([
            0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 37, 42, 60, 68, 69,
          ]);
        }),
      ),
    );
  });

  it('refuses clients without a proper name, and those who mean another cluster or broker', () => {
    inVirtualTime({}, ({ ask }) =>
      concat(
        ask(ApiVersions, 3, { ...named, clientSoftwareName: 'no spaces' }),
        ask(ApiVersions, 5, { ...named, clusterId: 'other' }),
        ask(ApiVersions, 5, { ...named, nodeId: 2 }),
      ).pipe(
        map(({ errorCode }) => errorCode),
        toArray(),
        tap(codes => expect(codes).toEqual([42, 129, 129])),
      ),
    );
  });
});

describe('DescribeCluster', () => {
  it('lists the brokers that are up', () => {
    inVirtualTime({ brokers: 3 }, ({ ask, cluster }) => {
      cluster.stop(1);
      return ask(DescribeCluster, 2, {}, 2).pipe(
        tap(({ controllerId, brokers }) => {
          expect(controllerId).toBe(2);
          expect(brokers.map(({ brokerId, host }) => [brokerId, host])).toEqual([
            [2, 'embedded-2'],
            [3, 'embedded-3'],
          ]);
        }),
      );
    });
  });
});
