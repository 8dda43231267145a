import type { OffsetCommit } from '../../protocol/apis/offset-commit';
import type { Topic } from '../cluster-state';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { groupError } from './coordination';
import { topicOf } from './leadership';

/** Kafka's default for `offset.metadata.max.bytes`. */
const MAX_METADATA_BYTES = 4096;

/** Answers OffsetCommit. Groups here have no members, so that only simple commits are in order: no generation, no member id. */
export const offsetCommit: Handler<typeof OffsetCommit> = (request, context) => {
  const byId = context.version >= 10;
  const refusal = groupError(context, request.groupId) || membershipError(request.generationIdOrMemberEpoch, context);
  return {
    topics: request.topics.map(({ name, topicId, partitions }) => {
      const topic = topicOf(context, name, byId ? topicId : undefined);
      return {
        name,
        topicId,
        partitions: partitions.map(commit => {
          const { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata } = commit;
          const errorCode =
            context.errorFor(topic?.name ?? name, partitionIndex) ||
            refusal ||
            partitionError(topic, partitionIndex, byId) ||
            (Buffer.byteLength(committedMetadata ?? '') > MAX_METADATA_BYTES ? CODE.OFFSET_METADATA_TOO_LARGE : 0);
          if (errorCode === 0 && topic !== undefined) {
            context.cluster.offsets.commit(request.groupId, {
              topic: topic.name,
              topicId: topic.id,
              partition: partitionIndex,
              offset: committedOffset,
              leaderEpoch: committedLeaderEpoch,
              metadata: committedMetadata,
            });
          }
          return { partitionIndex, errorCode };
        }),
      };
    }),
  };
};

/** A generation of a group that has no members: so it never had, or has no longer. */
function membershipError(generation: number, { version }: RequestContext): number {
  if (generation < 0) return 0;
  return version >= 9 ? CODE.GROUP_ID_NOT_FOUND : CODE.ILLEGAL_GENERATION;
}

function partitionError(topic: Topic | undefined, index: number, byId: boolean): number {
  if (topic === undefined) return byId ? CODE.UNKNOWN_TOPIC_ID : CODE.UNKNOWN_TOPIC_OR_PARTITION;
  return topic.partitions[index] === undefined ? CODE.UNKNOWN_TOPIC_OR_PARTITION : 0;
}
