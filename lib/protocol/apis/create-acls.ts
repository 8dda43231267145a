import { api } from '../api';
import { array, int16, int32, int8, string } from '../schema';

/** Adds access rules (KIP-140). v1 knows prefixed patterns (KIP-290), v3 the user resource (KIP-373). */
export const CreateAcls = api({
  name: 'CreateAcls',
  key: 30,
  versions: [1, 3],
  flexible: 2,
  request: {
    creations: array({
      resourceType: int8,
      resourceName: string,
      resourcePatternType: int8.default(3),
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8,
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({ errorCode: int16, errorMessage: string.nullable() }),
  },
});
