import { CODE } from '../error-codes';
import type { ClassicGroup } from '../groups/classic-group';
import type { RequestContext } from '../request-context';

/** Why this broker does not answer for the group, or 0. Whatever was due in groups until now happens first. */
export function groupError(context: RequestContext, group: string): number {
  context.cluster.groups.clock.attend(context.gone);
  if (group === '') return CODE.INVALID_GROUP_ID;
  return context.cluster.coordinator('group', group) === context.broker ? 0 : CODE.NOT_COORDINATOR;
}

/** The group, if there is one and it is classic. */
export function classicGroup(context: RequestContext, group: string): ClassicGroup | undefined {
  const found = context.cluster.groups.get(group);
  return found?.type === 'classic' ? found : undefined;
}
