import { api } from '../api';
import { array, boolean, int16, int32, string, uuid } from '../schema';

/** Brokers, topics and who leads what. `topics: null` asks for all; asking by topic id needs v12; leader epochs can be trusted from v9 on. */
export const Metadata = api({
  name: 'Metadata',
  key: 3,
  versions: [7, 13],
  flexible: 9,
  request: {
    topics: array({ topicId: uuid.since(10).ignorable(), name: string.nullable(10) }).nullable(),
    allowAutoTopicCreation: boolean.default(true),
    includeClusterAuthorizedOperations: boolean.since(8).until(10).default(false),
    includeTopicAuthorizedOperations: boolean.since(8).default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    brokers: array({ nodeId: int32, host: string, port: int32, rack: string.nullable().default(null) }),
    clusterId: string.nullable().default(null),
    controllerId: int32.default(-1),
    topics: array({
      errorCode: int16,
      name: string.nullable(12),
      topicId: uuid.since(10).ignorable(),
      isInternal: boolean.default(false),
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: int32.default(-1),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: array(int32).default([]),
      }),
      topicAuthorizedOperations: int32.since(8).default(-2147483648),
    }),
    clusterAuthorizedOperations: int32.since(8).until(10).default(-2147483648),
    errorCode: int16.since(13).ignorable(),
  },
});
