import { api } from '../api';
import { array, int16, int32, int64, string, uuid } from '../schema';

/**
 * Commits offsets of a group with the transaction, by the coordinator of the group. v3 names the member (KIP-447),
 * v5 is transactions v2 (KIP-890), v6 goes by topic id (KIP-1319).
 */
export const TxnOffsetCommit = api({
  name: 'TxnOffsetCommit',
  key: 28,
  versions: [2, 6],
  flexible: 3,
  request: {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationIdOrMemberEpoch: int32.since(3).default(-1),
    memberId: string.since(3).default(''),
    groupInstanceId: string.nullable().since(3).default(null),
    topics: array({
      name: string.until(5).ignorable(),
      topicId: uuid.since(6).ignorable(),
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.default(-1),
        committedMetadata: string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      name: string.until(5).ignorable(),
      topicId: uuid.since(6).ignorable(),
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
});
