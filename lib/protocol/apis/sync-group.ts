import { api } from '../api';
import { array, bytes, int16, int32, string } from '../schema';

/** Hands the leader's assignment to the members of a classic group. */
export const SyncGroup = api({
  name: 'SyncGroup',
  key: 14,
  versions: [2, 5],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.nullable().since(3).default(null),
    protocolType: string.nullable().since(5).default(null).ignorable(),
    protocolName: string.nullable().since(5).default(null).ignorable(),
    assignments: array({ memberId: string, assignment: bytes }).default([]),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    protocolType: string.nullable().since(5).default(null).ignorable(),
    protocolName: string.nullable().since(5).default(null).ignorable(),
    assignment: bytes,
  },
});
