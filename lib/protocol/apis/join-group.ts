import { api } from '../api';
import { array, boolean, bytes, int16, int32, string } from '../schema';

/** Joins a classic group. v4 asks for a second try with the member id it gives (KIP-394), v5 knows static members (KIP-345), v9 may skip the assignment (KIP-814). */
export const JoinGroup = api({
  name: 'JoinGroup',
  key: 11,
  versions: [3, 9],
  flexible: 6,
  request: {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: int32.default(-1),
    memberId: string,
    groupInstanceId: string.nullable().since(5).default(null),
    protocolType: string,
    protocols: array({ name: string, metadata: bytes }),
    reason: string.nullable().since(8).default(null).ignorable(),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    generationId: int32.default(-1),
    protocolType: string.nullable().since(7).default(null).ignorable(),
    protocolName: string.nullable(7),
    leader: string,
    skipAssignment: boolean.since(9).default(false),
    memberId: string,
    members: array({
      memberId: string,
      groupInstanceId: string.nullable().since(5).default(null).ignorable(),
      metadata: bytes,
    }),
  },
});
