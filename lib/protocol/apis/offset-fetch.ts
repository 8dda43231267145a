import { api } from '../api';
import { array, boolean, int16, int32, int64, string, uuid } from '../schema';

/**
 * Committed offsets of a group (`groupId`, `topics`, to v7) or of several (`groups`, from v8 on); `topics: null` asks for
 * all. An offset of -1 = none committed, unless one of the error codes on either level says otherwise.
 */
export const OffsetFetch = api({
  name: 'OffsetFetch',
  key: 9,
  versions: [5, 10],
  flexible: 6,
  request: {
    groupId: string.until(7),
    topics: array({ name: string.until(7), partitionIndexes: array(int32).until(7) })
      .nullable()
      .until(7),
    groups: array({
      groupId: string,
      memberId: string.nullable().since(9).default(null).ignorable(),
      memberEpoch: int32.since(9).default(-1).ignorable(),
      topics: array({
        name: string.until(9).ignorable(),
        topicId: uuid.since(10).ignorable(),
        partitionIndexes: array(int32),
      }).nullable(),
    }).since(8),
    requireStable: boolean.since(7).default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.default(-1),
        metadata: string.nullable(),
        errorCode: int16,
      }),
    }).until(7),
    errorCode: int16.until(7).default(0).ignorable(),
    groups: array({
      groupId: string,
      topics: array({
        name: string.until(9).ignorable(),
        topicId: uuid.since(10).ignorable(),
        partitions: array({
          partitionIndex: int32,
          committedOffset: int64,
          committedLeaderEpoch: int32.default(-1),
          metadata: string.nullable(),
          errorCode: int16,
        }),
      }),
      errorCode: int16.default(0),
    }).since(8),
  },
});
