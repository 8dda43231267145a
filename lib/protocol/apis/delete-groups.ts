import { api } from '../api';
import { array, int16, int32, string } from '../schema';

/** Deletes groups without members, and their offsets (KIP-229). v3 says more by an error message. */
export const DeleteGroups = api({
  name: 'DeleteGroups',
  key: 42,
  versions: [1, 3],
  flexible: 2,
  request: {
    groupsNames: array(string),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({
      groupId: string,
      errorCode: int16,
      errorMessage: string.nullable().since(3).default(null).ignorable(),
    }),
  },
});
