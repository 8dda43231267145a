import { api } from '../api';
import { int16, int32, int64, string } from '../schema';

/** Gives a producer its id and epoch: any broker without a transactional id, else its coordinator. v3 bumps the epoch of a known one (KIP-360). */
export const InitProducerId = api({
  name: 'InitProducerId',
  key: 22,
  versions: [1, 5],
  flexible: 2,
  request: {
    transactionalId: string.nullable(),
    transactionTimeoutMs: int32,
    producerId: int64.since(3).default(-1n),
    producerEpoch: int16.since(3).default(-1),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    producerId: int64.default(-1n),
    producerEpoch: int16,
  },
});
