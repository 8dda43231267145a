import type { ListOffsets } from '../../protocol/apis/list-offsets';
import type { Partition } from '../cluster-state';
import { CODE } from '../error-codes';
import { NOT_FOUND, offsetOfMaxTime, offsetOfTime, type FoundOffset } from '../offset-lookup';
import type { Handler } from '../request-context';
import { leadershipError } from './leadership';

const READ_COMMITTED = 1;
/** The marks that stand for a place rather than a time. */
const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;

/**
 * Answers ListOffsets: the ends of a log (the end for `read_committed` is the last stable offset), or the first record not
 * earlier than a time. A partition that is asked for twice in one request is refused, as Kafka does.
 */
export const listOffsets: Handler<typeof ListOffsets> = (request, context) => ({
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }) => {
      const partition = context.cluster.partition(name, partitionIndex);
      const errorCode =
        context.errorFor(name, partitionIndex) ||
        (partitions.filter(one => one.partitionIndex === partitionIndex).length > 1 ? CODE.INVALID_REQUEST : 0) ||
        (partition === undefined
          ? CODE.UNKNOWN_TOPIC_OR_PARTITION
          : leadershipError(context, partition, currentLeaderEpoch));
      if (errorCode !== 0 || partition === undefined) return { partitionIndex, errorCode };
      return {
        partitionIndex,
        errorCode: 0,
        ...lookUp(partition, timestamp, request.isolationLevel === READ_COMMITTED),
      };
    }),
  })),
});

function lookUp(partition: Partition, timestamp: number, committed: boolean): FoundOffset {
  const { log, leaderEpoch } = partition;
  const where = { topic: partition.topic.name, partition: partition.index };
  const end = committed ? log.lastStableOffset : log.endOffset;
  switch (timestamp) {
    case LATEST:
      return { offset: end, timestamp: -1, leaderEpoch };
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { offset: log.startOffset, timestamp: -1, leaderEpoch: log.batches[0]?.leaderEpoch ?? leaderEpoch };
    case MAX_TIMESTAMP:
      return offsetOfMaxTime(log, where);
    default:
      // What lies in tiered storage (-5, -6): there is none.
      return timestamp < 0 ? NOT_FOUND : offsetOfTime(log, timestamp, end, where);
  }
}
