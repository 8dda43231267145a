import type { Heartbeat } from '../../protocol/apis/heartbeat';
import { CODE } from '../error-codes';
import type { Handler } from '../request-context';
import { classicGroup, groupError } from './coordination';

/** Answers Heartbeat: REBALANCE_IN_PROGRESS asks the member to join again. */
export const heartbeat: Handler<typeof Heartbeat> = (request, context) => ({
  errorCode:
    context.errorFor() ||
    groupError(context, request.groupId) ||
    (classicGroup(context, request.groupId)?.heartbeat(request, request.generationId) ?? CODE.UNKNOWN_MEMBER_ID),
});
