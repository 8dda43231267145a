import type { OffsetForLeaderEpoch } from '../../protocol/apis/offset-for-leader-epoch';
import { CODE } from '../error-codes';
import type { Handler } from '../request-context';
import { leadershipError } from './leadership';

/** Answers OffsetForLeaderEpoch: where an epoch ends in this log, so that a reader sees whether what it has read is still there (KIP-320). */
export const offsetForLeaderEpoch: Handler<typeof OffsetForLeaderEpoch> = (request, context) => ({
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition: index, currentLeaderEpoch, leaderEpoch }) => {
      const partition = context.cluster.partition(topic, index);
      const errorCode =
        context.errorFor(topic, index) ||
        (partition === undefined
          ? CODE.UNKNOWN_TOPIC_OR_PARTITION
          : leadershipError(context, partition, currentLeaderEpoch));
      if (errorCode !== 0 || partition === undefined) return { partition: index, errorCode };
      const { log } = partition;
      return { partition: index, errorCode: 0, ...log.epochs.endOf(leaderEpoch, log.endOffset) };
    }),
  })),
});
