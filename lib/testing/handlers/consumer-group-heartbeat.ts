import type { ConsumerGroupHeartbeat } from '../../protocol/apis/consumer-group-heartbeat';
import { CODE } from '../error-codes';
import { refusedHeartbeat, type ConsumerHeartbeat } from '../groups/consumer-group';
import { SERVER_ASSIGNORS } from '../groups/server-assignors';
import type { Handler } from '../request-context';
import { groupError } from './coordination';

/**
 * Answers ConsumerGroupHeartbeat (KIP-848). A subscription by pattern is a JavaScript `RegExp` here, where Kafka has RE2/J. Groups are not
 * carried over from one protocol to the other while they have members: then joining is GROUP_ID_NOT_FOUND.
 */
export const consumerGroupHeartbeat: Handler<typeof ConsumerGroupHeartbeat> = (request, context) => {
  const { groups } = context.cluster;
  const errorCode =
    context.errorFor() ||
    (request.groupId === '' ? CODE.INVALID_REQUEST : groupError(context, request.groupId)) ||
    requestError(request);
  if (errorCode !== 0) return refusedHeartbeat(errorCode, request);
  const known = groups.get(request.groupId);
  const joins = request.memberEpoch === 0;
  const group = joins ? groups.consumer(request.groupId) : known?.type === 'consumer' ? known : undefined;
  if (group === undefined) return refusedHeartbeat(CODE.GROUP_ID_NOT_FOUND, request);
  return group.heartbeat(request, context.clientId ?? '');
};

function requestError(request: ConsumerHeartbeat): number {
  const { memberId, memberEpoch, instanceId, rackId, serverAssignor, subscribedTopicNames, subscribedTopicRegex } =
    request;
  if (memberId === '' || instanceId === '' || rackId === '' || memberEpoch < -2) return CODE.INVALID_REQUEST;
  if (memberEpoch === -2 && instanceId === null) return CODE.INVALID_REQUEST;
  if (memberEpoch < 0) return 0;
  if (memberEpoch === 0) {
    const subscribes = subscribedTopicNames !== null || subscribedTopicRegex !== null;
    // Who joins tells everything, and has nothing.
    if (!subscribes || request.rebalanceTimeoutMs < 0 || request.topicPartitions?.length !== 0) {
      return CODE.INVALID_REQUEST;
    }
  }
  if (serverAssignor !== null && !SERVER_ASSIGNORS.has(serverAssignor)) return CODE.UNSUPPORTED_ASSIGNOR;
  return isPattern(subscribedTopicRegex ?? '') ? 0 : CODE.INVALID_REGULAR_EXPRESSION;
}

function isPattern(regex: string): boolean {
  try {
    new RegExp(regex);
    return true;
  } catch {
    return false;
  }
}
