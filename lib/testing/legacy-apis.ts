import { api } from '../protocol/api';
import { array, boolean, int16, int32, int64, int8, records, string, timestamp, uuid } from '../protocol/schema';

// Versions that our own client does not speak but brokers of Kafka 4 still serve: kafkajs, librdkafka and the others need them.
// The decoded shapes are those of the APIs in `protocol/`, so that one handler serves both.

/** A topic id, which none of these versions carries: decoded as the zero id. */
const noTopicId = uuid.since(99).ignorable();

export const LegacyProduce = api({
  name: 'Produce',
  key: 0,
  versions: [3, 6],
  flexible: Infinity,
  request: {
    transactionalId: string.nullable(),
    acks: int16,
    timeoutMs: int32,
    topicData: array({
      name: string,
      topicId: noTopicId,
      partitionData: array({ index: int32, records: records.nullable() }),
    }),
  },
  response: {
    responses: array({
      name: string,
      partitionResponses: array({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: timestamp.default(-1),
        logStartOffset: int64.since(5).ignorable(),
      }),
    }),
    throttleTimeMs: int32.default(0),
  },
});

export const LegacyFetch = api({
  name: 'Fetch',
  key: 1,
  versions: [4, 9],
  flexible: Infinity,
  request: {
    replicaId: int32.default(-1),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32,
    isolationLevel: int8,
    sessionId: int32.since(7),
    sessionEpoch: int32.since(7).default(-1),
    topics: array({
      topic: string,
      topicId: noTopicId,
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32.since(9).default(-1).ignorable(),
        fetchOffset: int64,
        logStartOffset: int64.since(5).default(-1n),
        partitionMaxBytes: int32,
      }),
    }),
    forgottenTopicsData: array({ topic: string, partitions: array(int32) }).since(7),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16.since(7).ignorable(),
    sessionId: int32.since(7).ignorable(),
    responses: array({
      topic: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: int64.default(-1n),
        logStartOffset: int64.since(5).default(-1n).ignorable(),
        abortedTransactions: array({ producerId: int64, firstOffset: int64 }).nullable(),
        records: records.nullable(),
      }),
    }),
  },
});

export const LegacyListOffsets = api({
  name: 'ListOffsets',
  key: 2,
  versions: [1, 3],
  flexible: Infinity,
  request: {
    replicaId: int32.default(-1),
    isolationLevel: int8.since(2),
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, currentLeaderEpoch: int32.since(99).default(-1), timestamp }),
    }),
  },
  response: {
    throttleTimeMs: int32.since(2),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        timestamp: timestamp.default(-1),
        offset: int64.default(-1n),
      }),
    }),
  },
});

export const LegacyMetadata = api({
  name: 'Metadata',
  key: 3,
  versions: [0, 6],
  flexible: Infinity,
  request: {
    topics: array({ topicId: noTopicId, name: string }).nullable(1),
    allowAutoTopicCreation: boolean.since(4).default(true).ignorable(),
  },
  response: {
    throttleTimeMs: int32.since(3),
    brokers: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable(1).since(1).default(null).ignorable(),
    }),
    clusterId: string.nullable(2).since(2).ignorable(),
    controllerId: int32.since(1).default(-1).ignorable(),
    topics: array({
      errorCode: int16,
      name: string,
      isInternal: boolean.since(1),
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: array(int32).since(5).ignorable(),
      }),
    }),
  },
});

export const LegacyOffsetCommit = api({
  name: 'OffsetCommit',
  key: 8,
  versions: [2, 5],
  flexible: Infinity,
  request: {
    groupId: string,
    generationIdOrMemberEpoch: int32,
    memberId: string,
    groupInstanceId: string.nullable().since(99).default(null),
    retentionTimeMs: int64.until(4).default(-1n).ignorable(),
    topics: array({
      name: string,
      topicId: noTopicId,
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.since(99).default(-1),
        committedMetadata: string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.since(3),
    topics: array({ name: string, partitions: array({ partitionIndex: int32, errorCode: int16 }) }),
  },
});

export const LegacyOffsetFetch = api({
  name: 'OffsetFetch',
  key: 9,
  versions: [1, 4],
  flexible: Infinity,
  request: {
    groupId: string,
    topics: array({ name: string, partitionIndexes: array(int32) }).nullable(2),
    groups: array(int32).since(99),
  },
  response: {
    throttleTimeMs: int32.since(3),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        metadata: string.nullable(),
        errorCode: int16,
      }),
    }),
    errorCode: int16.since(2).ignorable(),
  },
});

export const LegacyFindCoordinator = api({
  name: 'FindCoordinator',
  key: 10,
  versions: [0, 1],
  flexible: Infinity,
  request: { key: string, keyType: int8.since(1) },
  response: {
    throttleTimeMs: int32.since(1),
    errorCode: int16,
    errorMessage: string.nullable().since(1).ignorable(),
    nodeId: int32,
    host: string,
    port: int32,
  },
});

export const LegacyCreateTopics = api({
  name: 'CreateTopics',
  key: 19,
  versions: [2, 2],
  flexible: Infinity,
  request: {
    topics: array({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: array({ partitionIndex: int32, brokerIds: array(int32) }),
      configs: array({ name: string, value: string.nullable() }),
    }),
    timeoutMs: int32,
    validateOnly: boolean,
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({ name: string, errorCode: int16, errorMessage: string.nullable() }),
  },
});

export const LegacyDeleteTopics = api({
  name: 'DeleteTopics',
  key: 20,
  versions: [1, 2],
  flexible: Infinity,
  request: {
    topics: array({ name: string.nullable(), topicId: uuid }).since(99),
    topicNames: array(string),
    timeoutMs: int32,
  },
  response: { throttleTimeMs: int32.default(0), responses: array({ name: string, errorCode: int16 }) },
});

export const LegacyInitProducerId = api({
  name: 'InitProducerId',
  key: 22,
  versions: [0, 0],
  flexible: Infinity,
  request: {
    transactionalId: string.nullable(),
    transactionTimeoutMs: int32,
    producerId: int64.since(99).default(-1n),
    producerEpoch: int16.since(99).default(-1),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    producerId: int64.default(-1n),
    producerEpoch: int16,
  },
});
