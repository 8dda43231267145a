import { api } from '../api';
import { array, int16, int32, string } from '../schema';

/** Leaves a classic group: one member to v2 (`memberId`), several from v3 on (`members`). */
export const LeaveGroup = api({
  name: 'LeaveGroup',
  key: 13,
  versions: [2, 5],
  flexible: 4,
  request: {
    groupId: string,
    memberId: string.until(2),
    members: array({
      memberId: string,
      groupInstanceId: string.nullable().default(null),
      reason: string.nullable().since(5).default(null).ignorable(),
    }).since(3),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    members: array({ memberId: string, groupInstanceId: string.nullable(), errorCode: int16 }).since(3),
  },
});
