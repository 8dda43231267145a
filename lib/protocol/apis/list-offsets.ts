import { api } from '../api';
import { array, int16, int32, int64, int8, string, timestamp } from '../schema';

/** Offsets by time, or by one of the negative marks: -1 latest, -2 earliest, -3 of the largest timestamp (v7), -4 earliest local (v8), -5 last tiered (v9), -6 earliest not yet tiered (v11). */
export const ListOffsets = api({
  name: 'ListOffsets',
  key: 2,
  versions: [4, 11],
  flexible: 6,
  request: {
    replicaId: int32.default(-1),
    isolationLevel: int8.default(0),
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, currentLeaderEpoch: int32.default(-1), timestamp }),
    }),
    timeoutMs: int32.since(10).ignorable(),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        timestamp: timestamp.default(-1),
        offset: int64.default(-1n),
        leaderEpoch: int32.default(-1),
      }),
    }),
  },
});
