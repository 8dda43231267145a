import { api } from '../api';
import { array, int16, int32, int64, string } from '../schema';

/**
 * Where the log of a leader epoch ends: how a consumer finds out that what it has read was truncated (KIP-320).
 * Epoch and offset -1 in the answer = unknown there, which is not a truncation. Ask as a consumer, with the replica
 * id -1.
 */
export const OffsetForLeaderEpoch = api({
  name: 'OffsetForLeaderEpoch',
  key: 23,
  versions: [2, 4],
  flexible: 4,
  request: {
    replicaId: int32.since(3).default(-2).ignorable(),
    topics: array({
      topic: string,
      partitions: array({ partition: int32, currentLeaderEpoch: int32.default(-1), leaderEpoch: int32 }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      topic: string,
      partitions: array({
        errorCode: int16,
        partition: int32,
        leaderEpoch: int32.default(-1),
        endOffset: int64.default(-1n),
      }),
    }),
  },
});
