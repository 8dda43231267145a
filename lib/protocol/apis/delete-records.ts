import { api } from '../api';
import { array, int16, int32, int64, string } from '../schema';

/**
 * Deletes the records before an offset, -1 = all up to the high watermark (KIP-107). Goes to the leader of each
 * partition.
 */
export const DeleteRecords = api({
  name: 'DeleteRecords',
  key: 21,
  versions: [1, 2],
  flexible: 2,
  request: {
    topics: array({ name: string, partitions: array({ partitionIndex: int32, offset: int64 }) }),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, lowWatermark: int64, errorCode: int16 }),
    }),
  },
});
