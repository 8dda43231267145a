import { api } from '../api';
import { array, int16, int32, string, struct, uuid } from '../schema';

/** Partitions of one topic: what a member has, or is to have. */
/** Partitions of one topic: what a member has, or is to have. */
const topicPartitions = { topicId: uuid, partitions: array(int32) };

/**
 * Joins, keeps alive and leaves a group whose broker decides who gets what (KIP-848). Null = as in the last request;
 * the member epoch is 0 to join, -1 to leave, -2 to leave as a static member for a while. v1 has subscriptions by
 * regular expression, and member ids made by the client (KIP-1082).
 */
export const ConsumerGroupHeartbeat = api({
  name: 'ConsumerGroupHeartbeat',
  key: 68,
  versions: [1, 1],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    instanceId: string.nullable().default(null),
    rackId: string.nullable().default(null),
    rebalanceTimeoutMs: int32.default(-1),
    subscribedTopicNames: array(string).nullable().default(null),
    subscribedTopicRegex: string.nullable().default(null),
    serverAssignor: string.nullable().default(null),
    topicPartitions: array(topicPartitions).nullable().default(null),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    memberId: string.nullable().default(null),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    assignment: struct({ topicPartitions: array(topicPartitions) })
      .nullable()
      .default(null),
  },
});
