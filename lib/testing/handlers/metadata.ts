import { ZERO_UUID } from '../../bytes/reader';
import type { ResponseInputOf } from '../../protocol/api';
import type { Metadata } from '../../protocol/apis/metadata';
import type { Partition, Topic } from '../cluster-state';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { topicNameError } from './topic-name';

type TopicAnswer = ResponseInputOf<typeof Metadata>['topics'][number];

/** Topics that a request brings into being get one partition, as with Kafka's default for `num.partitions`. */
const AUTO_CREATED_PARTITIONS = 1;

/** Answers Metadata: live brokers, and the topics that are asked for by name or id, or all. Creates missing ones where both sides allow it. */
export const metadata: Handler<typeof Metadata> = (request, context) => {
  const { cluster, version } = context;
  const topLevel = context.errorFor();
  const everything = request.topics === null || (version === 0 && request.topics.length === 0);
  const asked = everything
    ? [...cluster.topics.values()].map(({ name }) => ({ name, topicId: ZERO_UUID }))
    : request.topics!;
  return {
    brokers: cluster.liveBrokers.map(nodeId => ({
      nodeId,
      ...context.endpointOf(nodeId),
      rack: cluster.rackOf(nodeId),
    })),
    clusterId: cluster.clusterId,
    controllerId: cluster.controllerId,
    topics: asked.map(({ name, topicId }) => {
      if (name === null) return byId(topicId, context);
      return byName(name, request.allowAutoTopicCreation && cluster.autoCreateTopics, context);
    }),
    errorCode: topLevel === CODE.REBOOTSTRAP_REQUIRED ? topLevel : 0,
  };
};

function byId(id: string, context: RequestContext): TopicAnswer {
  const topic = context.cluster.topicById(id);
  return topic === undefined ? unknown(CODE.UNKNOWN_TOPIC_ID, null, id) : answer(topic, context);
}

function byName(name: string, mayCreate: boolean, context: RequestContext): TopicAnswer {
  const topic = context.cluster.topics.get(name);
  if (topic !== undefined) return answer(topic, context);
  const errorCode = context.errorFor(name) || topicNameError(name);
  if (errorCode !== 0) return unknown(errorCode, name);
  if (!mayCreate) return unknown(CODE.UNKNOWN_TOPIC_OR_PARTITION, name);
  return answer(context.cluster.createTopic(name, AUTO_CREATED_PARTITIONS), context);
}

function answer(topic: Topic, context: RequestContext): TopicAnswer {
  const errorCode = context.errorFor(topic.name);
  if (errorCode !== 0) return unknown(errorCode, topic.name, topic.id);
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    partitions: topic.partitions.map(partition => describe(partition, context)),
  };
}

function describe(partition: Partition, context: RequestContext) {
  const { cluster } = context;
  return {
    errorCode:
      context.errorFor(partition.topic.name, partition.index) || (partition.leader < 0 ? CODE.LEADER_NOT_AVAILABLE : 0),
    partitionIndex: partition.index,
    leaderId: partition.leader,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.replicas.filter(id => cluster.isUp(id)),
    offlineReplicas: partition.replicas.filter(id => !cluster.isUp(id)),
  };
}

function unknown(errorCode: number, name: string | null, topicId = ZERO_UUID): TopicAnswer {
  return { errorCode, name, topicId, partitions: [] };
}
