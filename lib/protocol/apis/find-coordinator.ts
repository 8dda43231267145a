import { api } from '../api';
import { array, int16, int32, int8, string } from '../schema';

/** Which broker coordinates a group (key type 0), a transactional id (1) or a share partition (2): one key to v3, several from v4 on. */
export const FindCoordinator = api({
  name: 'FindCoordinator',
  key: 10,
  versions: [2, 6],
  flexible: 3,
  request: {
    key: string.until(3),
    keyType: int8.default(0),
    coordinatorKeys: array(string).since(4),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16.until(3),
    errorMessage: string.nullable().until(3).ignorable(),
    nodeId: int32.until(3),
    host: string.until(3),
    port: int32.until(3),
    coordinators: array({
      key: string,
      nodeId: int32,
      host: string,
      port: int32,
      errorCode: int16,
      errorMessage: string.nullable().default('').ignorable(),
    }).since(4),
  },
});
