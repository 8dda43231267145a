import type { DeleteRecords } from '../../protocol/apis/delete-records';
import { CODE } from '../error-codes';
import type { Handler } from '../request-context';
import { leadershipError } from './leadership';

/** Up to the end. */
const HIGH_WATERMARK = -1n;

/** Answers DeleteRecords: the log begins at the offset from now on. */
export const deleteRecords: Handler<typeof DeleteRecords> = (request, context) => ({
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, offset }) => {
      const partition = context.cluster.partition(name, partitionIndex);
      const end = partition?.log.endOffset ?? 0n;
      const before = offset === HIGH_WATERMARK ? end : offset;
      const errorCode =
        context.errorFor(name, partitionIndex) ||
        (partition === undefined ? CODE.UNKNOWN_TOPIC_OR_PARTITION : leadershipError(context, partition)) ||
        (before < 0n || before > end ? CODE.OFFSET_OUT_OF_RANGE : 0);
      if (errorCode !== 0 || partition === undefined) return { partitionIndex, lowWatermark: -1n, errorCode };
      partition.log.deleteBefore(before);
      return { partitionIndex, lowWatermark: partition.log.startOffset, errorCode: 0 };
    }),
  })),
});
