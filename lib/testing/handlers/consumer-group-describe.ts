import type { ConsumerGroupDescribe } from '../../protocol/apis/consumer-group-describe';
import { CODE } from '../error-codes';
import { listed } from '../groups/consumer-group';
import type { PartitionKey } from '../groups/server-assignors';
import type { Handler, RequestContext } from '../request-context';
import { groupError } from './coordination';

/** Answers ConsumerGroupDescribe: epochs, and what each member has and is to have. Classic groups are not found here. */
export const consumerGroupDescribe: Handler<typeof ConsumerGroupDescribe> = (request, context) => ({
  groups: request.groupIds.map(groupId => describe(groupId, context)),
});

function describe(groupId: string, context: RequestContext) {
  const { cluster } = context;
  const errorCode = context.errorFor() || groupError(context, groupId);
  const group = cluster.groups.get(groupId);
  if (errorCode !== 0 || group?.type !== 'consumer') {
    return {
      errorCode: errorCode || CODE.GROUP_ID_NOT_FOUND,
      errorMessage: errorCode === 0 ? `Group ${groupId} not found.` : null,
      groupId,
      groupState: '',
      groupEpoch: 0,
      assignmentEpoch: 0,
      assignorName: '',
      members: [],
    };
  }
  const partitionsOf = (keys: ReadonlySet<PartitionKey>) => ({
    topicPartitions: listed(keys).map(({ topicId, partitions }) => ({
      topicId,
      topicName: cluster.topicById(topicId)?.name ?? '',
      partitions,
    })),
  });
  return {
    errorCode: 0,
    groupId,
    groupState: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.targetEpoch,
    assignorName: group.assignorName,
    members: [...group.members.values()].map(member => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.epoch,
      clientId: member.clientId,
      clientHost: '/127.0.0.1',
      subscribedTopicNames: member.topics,
      subscribedTopicRegex: member.regex,
      assignment: partitionsOf(member.assigned),
      targetAssignment: partitionsOf(group.targetOf(member.memberId)),
      memberType: 1,
    })),
  };
}
