import { api } from '../api';
import { array, boolean, int16, int32, int8, string, struct, uuid } from '../schema';

const assignment = struct({
  topicPartitions: array({ topicId: uuid, topicName: string, partitions: array(int32) }),
});

/**
 * What groups of KIP-848 are: epochs, members, what each has and is to have. Ask each group's coordinator. v1 tells
 * members of the classic protocol apart (KIP-1099).
 */
export const ConsumerGroupDescribe = api({
  name: 'ConsumerGroupDescribe',
  key: 69,
  versions: [0, 1],
  flexible: 0,
  request: {
    groupIds: array(string),
    includeAuthorizedOperations: boolean.default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    groups: array({
      errorCode: int16,
      errorMessage: string.nullable().default(null),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      assignorName: string,
      members: array({
        memberId: string,
        instanceId: string.nullable().default(null),
        rackId: string.nullable().default(null),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        subscribedTopicRegex: string.nullable().default(null),
        assignment,
        targetAssignment: assignment,
        memberType: int8.since(1).default(-1).ignorable(),
      }),
      authorizedOperations: int32.default(-2147483648),
    }),
  },
});
