import { api } from '../api';
import { array, boolean, bytes, int16, int32, string } from '../schema';

/**
 * What classic groups are: state, protocol, members and their metadata. Ask each group's coordinator. v3 tells the
 * authorized operations, v6 answers GROUP_ID_NOT_FOUND where an older one says that the state is Dead.
 */
export const DescribeGroups = api({
  name: 'DescribeGroups',
  key: 15,
  versions: [2, 6],
  flexible: 5,
  request: {
    groups: array(string),
    includeAuthorizedOperations: boolean.since(3).default(false).default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    groups: array({
      errorCode: int16,
      errorMessage: string.nullable().since(6).default(null),
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: array({
        memberId: string,
        groupInstanceId: string.nullable().since(4).default(null).ignorable(),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes,
        memberAssignment: bytes,
      }),
      authorizedOperations: int32.since(3).default(-2147483648),
    }),
  },
});
