import { api } from '../api';
import { array, int16, int32, int64, string } from '../schema';

/**
 * Adds partitions to the open transaction, before the first batch to each of them. From v4 on it is spoken between
 * brokers only.
 */
export const AddPartitionsToTxn = api({
  name: 'AddPartitionsToTxn',
  key: 24,
  versions: [1, 3],
  flexible: 3,
  request: {
    v3AndBelowTransactionalId: string,
    v3AndBelowProducerId: int64,
    v3AndBelowProducerEpoch: int16,
    v3AndBelowTopics: array({ name: string, partitions: array(int32) }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    resultsByTopicV3AndBelow: array({
      name: string,
      resultsByPartition: array({ partitionIndex: int32, partitionErrorCode: int16 }),
    }),
  },
});
