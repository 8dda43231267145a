import type { LeaveGroup } from '../../protocol/apis/leave-group';
import { CODE } from '../error-codes';
import type { Handler } from '../request-context';
import { classicGroup, groupError } from './coordination';

/** Answers LeaveGroup: one member to v2, with its error as that of the request; several from v3 on, each with its own. */
export const leaveGroup: Handler<typeof LeaveGroup> = (request, context) => {
  const errorCode = context.errorFor() || groupError(context, request.groupId);
  if (errorCode !== 0) return { errorCode, members: [] };
  const leaving = context.version >= 3 ? request.members : [{ memberId: request.memberId, groupInstanceId: null }];
  const codes = classicGroup(context, request.groupId)?.leave(leaving);
  const members = leaving.map(({ memberId, groupInstanceId }, index) => ({
    memberId,
    groupInstanceId,
    errorCode: codes?.[index] ?? CODE.UNKNOWN_MEMBER_ID,
  }));
  return context.version >= 3 ? { errorCode: 0, members } : { errorCode: members[0]!.errorCode, members: [] };
};
