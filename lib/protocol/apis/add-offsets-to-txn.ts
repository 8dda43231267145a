import { api } from '../api';
import { int16, int32, int64, string } from '../schema';

/**
 * Adds the offsets of a group to the open transaction; TxnOffsetCommit brings them. Not needed in transactions v2
 * (KIP-890).
 */
export const AddOffsetsToTxn = api({
  name: 'AddOffsetsToTxn',
  key: 25,
  versions: [1, 4],
  flexible: 3,
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
  },
});
