import { api } from '../protocol/api';
import { array, bytes, int16, int32, string } from '../protocol/schema';

// As in legacy-apis.ts: versions below those of our own client, in the same decoded shape. librdkafka looks for version 0 of each
// before it believes that a broker knows groups.

/** What none of these versions carries. */
const noInstanceId = string.nullable().since(99).default(null);

export const LegacyJoinGroup = api({
  name: 'JoinGroup',
  key: 11,
  versions: [0, 2],
  flexible: Infinity,
  request: {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: int32.since(1).default(-1),
    memberId: string,
    groupInstanceId: noInstanceId,
    protocolType: string,
    protocols: array({ name: string, metadata: bytes }),
  },
  response: {
    throttleTimeMs: int32.since(2).default(0).ignorable(),
    errorCode: int16,
    generationId: int32.default(-1),
    protocolName: string,
    leader: string,
    memberId: string,
    members: array({ memberId: string, metadata: bytes }),
  },
});

export const LegacySyncGroup = api({
  name: 'SyncGroup',
  key: 14,
  versions: [0, 1],
  flexible: Infinity,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: noInstanceId,
    protocolType: noInstanceId,
    protocolName: noInstanceId,
    assignments: array({ memberId: string, assignment: bytes }).default([]),
  },
  response: { throttleTimeMs: int32.since(1).default(0).ignorable(), errorCode: int16, assignment: bytes },
});

export const LegacyHeartbeat = api({
  name: 'Heartbeat',
  key: 12,
  versions: [0, 1],
  flexible: Infinity,
  request: { groupId: string, generationId: int32, memberId: string, groupInstanceId: noInstanceId },
  response: { throttleTimeMs: int32.since(1).default(0).ignorable(), errorCode: int16 },
});

export const LegacyLeaveGroup = api({
  name: 'LeaveGroup',
  key: 13,
  versions: [0, 1],
  flexible: Infinity,
  request: { groupId: string, memberId: string },
  response: { throttleTimeMs: int32.since(1).default(0).ignorable(), errorCode: int16 },
});
