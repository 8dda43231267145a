import { api } from '../api';
import { array, boolean, int16, int32, int8, string } from '../schema';

/** Changes single configs: 0 set, 1 delete, 2 append to or 3 subtract from a list (KIP-339). */
export const IncrementalAlterConfigs = api({
  name: 'IncrementalAlterConfigs',
  key: 44,
  versions: [0, 1],
  flexible: 1,
  request: {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configs: array({ name: string, configOperation: int8, value: string.nullable() }),
    }),
    validateOnly: boolean.default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    responses: array({ errorCode: int16, errorMessage: string.nullable(), resourceType: int8, resourceName: string }),
  },
});
