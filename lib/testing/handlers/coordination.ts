import { CODE } from '../error-codes';
import type { RequestContext } from '../request-context';

/** Why this broker does not answer for the group, or 0. */
export function groupError(context: RequestContext, group: string): number {
  if (group === '') return CODE.INVALID_GROUP_ID;
  return context.cluster.coordinator('group', group) === context.broker ? 0 : CODE.NOT_COORDINATOR;
}
