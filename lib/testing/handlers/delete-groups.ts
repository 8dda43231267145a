import type { DeleteGroups } from '../../protocol/apis/delete-groups';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { groupError } from './coordination';

/** Answers DeleteGroups: a group without members goes, and its commits with it. */
export const deleteGroups: Handler<typeof DeleteGroups> = (request, context) => ({
  results: request.groupsNames.map(groupId => ({ groupId, errorCode: remove(groupId, context) })),
});

function remove(groupId: string, context: RequestContext): number {
  const { groups, offsets } = context.cluster;
  const errorCode = context.errorFor() || groupError(context, groupId);
  if (errorCode !== 0) return errorCode;
  const group = groups.get(groupId);
  if (group === undefined) return CODE.GROUP_ID_NOT_FOUND;
  if (!group.isEmpty) return CODE.NON_EMPTY_GROUP;
  groups.delete(groupId);
  offsets.forgetGroup(groupId);
  return 0;
}
