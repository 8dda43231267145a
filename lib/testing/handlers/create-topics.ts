import { ZERO_UUID } from '../../bytes/reader';
import type { DecodedRequestOf } from '../../protocol/api';
import type { CreateTopics } from '../../protocol/apis/create-topics';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { topicNameError } from './topic-name';

type NewTopic = DecodedRequestOf<typeof CreateTopics>['topics'][number];

interface Refusal {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** What a client may leave to the broker (KIP-464). */
const BROKER_DEFAULT = -1;
const DEFAULT_PARTITIONS = 1;

/** Answers CreateTopics. As with KRaft, any broker passes the request on to the controller. */
export const createTopics: Handler<typeof CreateTopics> = (request, context) => ({
  topics: request.topics.map(topic => {
    const refusal = refusalOf(topic, request.topics, context);
    if (refusal !== undefined) return { name: topic.name, topicId: ZERO_UUID, configs: null, ...refusal };
    const partitions = partitionsOf(topic);
    const configs = new Map(
      topic.configs.flatMap(({ name, value }) => (value === null ? [] : [[name, value] as const])),
    );
    const created = request.validateOnly ? undefined : context.cluster.createTopic(topic.name, partitions, configs);
    return {
      name: topic.name,
      topicId: created?.id ?? ZERO_UUID,
      errorCode: 0,
      errorMessage: null,
      numPartitions: partitions,
      replicationFactor: created?.partitions[0]?.replicas.length ?? -1,
      configs: [...configs].map(([name, value]) => ({
        name,
        value,
        readOnly: false,
        configSource: 1,
        isSensitive: false,
      })),
    };
  }),
});

function partitionsOf(topic: NewTopic): number {
  if (topic.assignments.length > 0) return topic.assignments.length;
  return topic.numPartitions === BROKER_DEFAULT ? DEFAULT_PARTITIONS : topic.numPartitions;
}

function refusalOf(topic: NewTopic, all: readonly NewTopic[], context: RequestContext): Refusal | undefined {
  const { cluster } = context;
  const scripted = context.errorFor(topic.name);
  if (scripted !== 0) return { errorCode: scripted, errorMessage: null };
  const refuse = (errorCode: number, errorMessage: string): Refusal => ({ errorCode, errorMessage });
  if (all.filter(({ name }) => name === topic.name).length > 1) {
    return refuse(CODE.INVALID_REQUEST, 'Duplicate topic in the request.');
  }
  const badName = topicNameError(topic.name);
  if (badName !== 0) return refuse(badName, 'Topic names are 1 to 249 letters, digits, dots, underscores and hyphens.');
  if (cluster.topics.has(topic.name)) return refuse(CODE.TOPIC_ALREADY_EXISTS, `Topic '${topic.name}' already exists.`);
  if (topic.assignments.length > 0) return assignmentError(topic, cluster.brokerIds);
  if (topic.numPartitions !== BROKER_DEFAULT && topic.numPartitions < 1) {
    return refuse(CODE.INVALID_PARTITIONS, 'The number of partitions must be positive.');
  }
  const live = cluster.liveBrokers.length;
  const { replicationFactor } = topic;
  if (replicationFactor !== BROKER_DEFAULT && (replicationFactor < 1 || replicationFactor > live)) {
    return refuse(
      CODE.INVALID_REPLICATION_FACTOR,
      `Unable to replicate the partition ${replicationFactor} time(s): only ${live} broker(s) are registered.`,
    );
  }
  return undefined;
}

function assignmentError(topic: NewTopic, brokers: readonly number[]): Refusal | undefined {
  const partitions = topic.assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
  const sound =
    partitions.every((partition, index) => partition === index) &&
    topic.assignments.every(({ brokerIds }) => brokerIds.length > 0 && brokerIds.every(id => brokers.includes(id)));
  return sound
    ? undefined
    : {
        errorCode: CODE.INVALID_REPLICA_ASSIGNMENT,
        errorMessage: 'Partitions must count from 0 and name known brokers.',
      };
}
