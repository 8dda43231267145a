import { api } from '../api';
import { boolean, int16, int32, int64, string } from '../schema';

/**
 * Commits or aborts a transaction. v5 belongs to transactions v2, which give a new epoch each time (KIP-890); a
 * producer of v1 stops at v4.
 */
export const EndTxn = api({
  name: 'EndTxn',
  key: 26,
  versions: [1, 5],
  flexible: 3,
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    committed: boolean,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    producerId: int64.since(5).default(-1n).ignorable(),
    producerEpoch: int16.since(5).default(-1).ignorable(),
  },
});
