import type { DescribeGroups } from '../../protocol/apis/describe-groups';
import { CODE } from '../error-codes';
import { metadataOf } from '../groups/classic-member';
import type { Handler, RequestContext } from '../request-context';
import { classicGroup, groupError } from './coordination';

const NO_BYTES = Buffer.alloc(0);

/** Answers DescribeGroups: what members told the leader, and what they were given, only while the group is stable. */
export const describeGroups: Handler<typeof DescribeGroups> = (request, context) => ({
  groups: request.groups.map(groupId => describe(groupId, context)),
});

function describe(groupId: string, context: RequestContext) {
  const errorCode = context.errorFor() || groupError(context, groupId);
  const group = errorCode === 0 ? classicGroup(context, groupId) : undefined;
  if (group === undefined) {
    const missing = errorCode === 0 && context.version >= 6;
    return {
      errorCode: missing ? CODE.GROUP_ID_NOT_FOUND : errorCode,
      errorMessage: missing ? `Group ${groupId} not found.` : null,
      groupId,
      groupState: errorCode === 0 ? 'Dead' : '',
      protocolType: '',
      protocolData: '',
      members: [],
    };
  }
  const stable = group.state === 'Stable';
  return {
    errorCode: 0,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: (stable ? group.protocolName : undefined) ?? '',
    members: group.members.all.map(({ memberId, groupInstanceId, clientId, protocols, assignment }) => ({
      memberId,
      groupInstanceId,
      clientId,
      clientHost: '/127.0.0.1',
      memberMetadata: stable ? metadataOf(protocols, group.protocolName) : NO_BYTES,
      memberAssignment: stable ? assignment : NO_BYTES,
    })),
  };
}
