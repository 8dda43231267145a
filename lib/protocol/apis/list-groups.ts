import { api } from '../api';
import { array, int16, int32, string } from '../schema';

/** The groups that one broker coordinates: ask every broker. v4 filters by state (KIP-518), v5 by type (KIP-848). */
export const ListGroups = api({
  name: 'ListGroups',
  key: 16,
  versions: [2, 5],
  flexible: 3,
  request: {
    statesFilter: array(string).since(4),
    typesFilter: array(string).since(5),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    groups: array({
      groupId: string,
      protocolType: string,
      groupState: string.since(4).ignorable(),
      groupType: string.since(5).ignorable(),
    }),
  },
});
