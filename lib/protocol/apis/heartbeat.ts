import { api } from '../api';
import { int16, int32, string } from '../schema';

/** Keeps a member of a classic group alive, and tells it of a rebalance. */
export const Heartbeat = api({
  name: 'Heartbeat',
  key: 12,
  versions: [2, 4],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.nullable().since(3).default(null),
  },
  response: { throttleTimeMs: int32.default(0), errorCode: int16 },
});
