import { api } from '../api';
import { array, int16, int32, int64, string, uuid } from '../schema';

/** Commits offsets of a group. Without members (`assign`) the generation is -1 and the member id empty. v10 goes by topic id (KIP-848). */
export const OffsetCommit = api({
  name: 'OffsetCommit',
  key: 8,
  versions: [6, 10],
  flexible: 8,
  request: {
    groupId: string,
    generationIdOrMemberEpoch: int32.default(-1),
    memberId: string.default(''),
    groupInstanceId: string.nullable().since(7).default(null),
    topics: array({
      name: string.until(9).ignorable(),
      topicId: uuid.since(10).ignorable(),
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
      name: string.until(9).ignorable(),
      topicId: uuid.since(10).ignorable(),
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
});
