import type { OffsetFetch } from '../../protocol/apis/offset-fetch';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { groupError } from './coordination';
import { topicOf } from './leadership';

interface AskedTopic {
  readonly name: string;
  readonly topicId?: string;
  readonly partitionIndexes: readonly number[];
}

interface AskedGroup {
  readonly groupId: string;
  readonly topics: readonly AskedTopic[] | null;
  readonly memberId?: string | null;
  readonly memberEpoch?: number;
}

/**
 * Answers OffsetFetch: one group to v7, several from v8 on, by topic id from v10 on. Asking for no topics in particular gives
 * all commits. From v9 on members of a KIP-848 group say who they are, and are refused in another epoch.
 */
export const offsetFetch: Handler<typeof OffsetFetch> = (request, context) => {
  if (context.version < 8) return committedOf(request, context);
  return { groups: request.groups.map(asked => ({ groupId: asked.groupId, ...committedOf(asked, context) })) };
};

function committedOf(asked: AskedGroup, context: RequestContext) {
  const { groupId: group, topics, memberId = null, memberEpoch = -1 } = asked;
  const errorCode =
    context.errorFor() ||
    groupError(context, group) ||
    (context.cluster.groups.get(group)?.fetchError(memberId, memberEpoch) ?? 0);
  if (errorCode !== 0) return { errorCode, topics: [] };
  return { errorCode, topics: (topics ?? everything(group, context)).map(topic => ofTopic(group, topic, context)) };
}

function ofTopic(group: string, { name, topicId, partitionIndexes }: AskedTopic, context: RequestContext) {
  const byId = context.version >= 10;
  const topic = topicOf(context, name, byId ? topicId : undefined);
  const partitions = partitionIndexes.map(partitionIndex => {
    const found = topic === undefined ? undefined : context.cluster.offsets.of(group, topic.id, partitionIndex);
    const errorCode =
      context.errorFor(topic?.name ?? name, partitionIndex) ||
      (byId && topic === undefined ? CODE.UNKNOWN_TOPIC_ID : 0);
    const none = errorCode !== 0 || found === undefined;
    return {
      partitionIndex,
      committedOffset: none ? -1n : found.offset,
      committedLeaderEpoch: none ? -1 : found.leaderEpoch,
      metadata: none ? '' : found.metadata,
      errorCode,
    };
  });
  return { name: topic?.name ?? name, ...(topicId === undefined ? {} : { topicId }), partitions };
}

function everything(group: string, context: RequestContext): readonly AskedTopic[] {
  const topics = new Map<string, AskedTopic & { readonly partitionIndexes: number[] }>();
  for (const { topic: name, topicId, partition } of context.cluster.offsets.all(group)) {
    let asked = topics.get(topicId);
    if (asked === undefined) topics.set(topicId, (asked = { name, topicId, partitionIndexes: [] }));
    asked.partitionIndexes.push(partition);
  }
  return [...topics.values()];
}
