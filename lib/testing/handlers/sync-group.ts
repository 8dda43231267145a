import { takeUntil } from 'rxjs';
import type { SyncGroup } from '../../protocol/apis/sync-group';
import { CODE } from '../error-codes';
import { refusedSync } from '../groups/classic-answers';
import type { Handler } from '../request-context';
import { classicGroup, groupError } from './coordination';

/** Answers SyncGroup once the leader of the generation has brought the assignment. */
export const syncGroup: Handler<typeof SyncGroup> = (request, context) => {
  const errorCode = context.errorFor() || groupError(context, request.groupId);
  if (errorCode !== 0) return refusedSync(errorCode);
  const group = classicGroup(context, request.groupId);
  return group === undefined ? refusedSync(CODE.UNKNOWN_MEMBER_ID) : group.sync(request).pipe(takeUntil(context.gone));
};
