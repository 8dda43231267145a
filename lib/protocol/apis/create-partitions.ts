import { api } from '../api';
import { array, boolean, int16, int32, string } from '../schema';

/** Raises the number of partitions of topics (KIP-195). `count` is the new total. */
export const CreatePartitions = api({
  name: 'CreatePartitions',
  key: 37,
  versions: [1, 3],
  flexible: 2,
  request: {
    topics: array({ name: string, count: int32, assignments: array({ brokerIds: array(int32) }).nullable() }),
    timeoutMs: int32,
    validateOnly: boolean.default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({ name: string, errorCode: int16, errorMessage: string.nullable().default(null) }),
  },
});
