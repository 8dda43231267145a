import { api } from '../api';
import { array, boolean, int16, int32, int8, string, uuid } from '../schema';

/** Creates topics, on the controller. From v4 on -1 partitions and -1 replicas mean the broker's default (KIP-464); v6 may be throttled (KIP-599). */
export const CreateTopics = api({
  name: 'CreateTopics',
  key: 19,
  versions: [3, 7],
  flexible: 5,
  request: {
    topics: array({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: array({ partitionIndex: int32, brokerIds: array(int32) }).default([]),
      configs: array({ name: string, value: string.nullable() }).default([]),
    }),
    timeoutMs: int32.default(60_000),
    validateOnly: boolean.default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      name: string,
      topicId: uuid.since(7).ignorable(),
      errorCode: int16,
      errorMessage: string.nullable().default('').ignorable(),
      topicConfigErrorCode: int16.tagged(0, 5).ignorable(),
      numPartitions: int32.since(5).default(-1).ignorable(),
      replicationFactor: int16.since(5).default(-1).ignorable(),
      configs: array({
        name: string,
        value: string.nullable(),
        readOnly: boolean,
        configSource: int8.default(-1),
        isSensitive: boolean,
      })
        .nullable()
        .since(5)
        .ignorable(),
    }),
  },
});
