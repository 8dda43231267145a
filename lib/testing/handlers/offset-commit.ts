import type { DecodedRequestOf } from '../../protocol/api';
import type { OffsetCommit } from '../../protocol/apis/offset-commit';
import type { Topic } from '../cluster-state';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { groupError } from './coordination';
import { topicOf } from './leadership';

/** Kafka's default for `offset.metadata.max.bytes`. */
const MAX_METADATA_BYTES = 4096;

/** Answers OffsetCommit: of a member of the group in its generation; or simple, without either, while the group has no members. */
export const offsetCommit: Handler<typeof OffsetCommit> = (request, context) => {
  const byId = context.version >= 10;
  const refusal = groupError(context, request.groupId) || membershipError(request, context);
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

/** Why the group does not take it from this member, or 0. A group that is not there becomes one by a simple commit. */
function membershipError(request: DecodedRequestOf<typeof OffsetCommit>, { cluster, version }: RequestContext): number {
  const { groupId, generationIdOrMemberEpoch: epoch } = request;
  const group = cluster.groups.get(groupId);
  if (group !== undefined) return group.commitError(request, epoch, version);
  if (epoch >= 0) return version >= 9 ? CODE.GROUP_ID_NOT_FOUND : CODE.ILLEGAL_GENERATION;
  cluster.groups.classic(groupId);
  return 0;
}

function partitionError(topic: Topic | undefined, index: number, byId: boolean): number {
  if (topic === undefined) return byId ? CODE.UNKNOWN_TOPIC_ID : CODE.UNKNOWN_TOPIC_OR_PARTITION;
  return topic.partitions[index] === undefined ? CODE.UNKNOWN_TOPIC_OR_PARTITION : 0;
}
