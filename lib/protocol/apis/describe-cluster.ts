import { api } from '../api';
import { array, boolean, int16, int32, int8, string } from '../schema';

/** The cluster's id, brokers and controller (KIP-700). v1 asks brokers (endpoint type 1) or controllers (2), v2 lists fenced brokers, too. */
export const DescribeCluster = api({
  name: 'DescribeCluster',
  key: 60,
  versions: [0, 2],
  flexible: 0,
  request: {
    includeClusterAuthorizedOperations: boolean.default(false),
    endpointType: int8.since(1).default(1),
    includeFencedBrokers: boolean.since(2).default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    endpointType: int8.since(1).default(1),
    clusterId: string,
    controllerId: int32.default(-1),
    brokers: array({
      brokerId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
      isFenced: boolean.since(2).default(false),
    }),
    clusterAuthorizedOperations: int32.default(-2147483648),
  },
});
