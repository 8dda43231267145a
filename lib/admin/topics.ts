import { Observable, map } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import type { KafkaError } from '../errors';
import { CreateTopics } from '../protocol/apis/create-topics';
import { DeleteTopics } from '../protocol/apis/delete-topics';
import { Metadata } from '../protocol/apis/metadata';
import { brokerError, codeOf, errorOf } from '../protocol/error-table';

/** A topic to create. */
export interface NewTopic {
  readonly topic: string;
  /** [the broker's `num.partitions`] */
  readonly partitions?: number;
  /** [the broker's `default.replication.factor`] */
  readonly replicationFactor?: number;
  /** Topic configurations by Kafka's names, such as `retention.ms`. */
  readonly configs?: Readonly<Record<string, string>>;
}

/** What became of one topic; no `error` means done. */
export interface TopicResult {
  readonly topic: string;
  readonly error?: KafkaError;
}

/** A topic as a broker describes it; partitions by number. */
export interface TopicDescription {
  readonly topic: string;
  /** Kafka's id of the topic as text; all `A` where the broker has no topic ids (before 2.8). */
  readonly topicId: string;
  readonly internal: boolean;
  /** `leader` is -1 while there is none. */
  readonly partitions: readonly {
    readonly partition: number;
    readonly leader: number;
    readonly replicas: readonly number[];
    readonly inSync: readonly number[];
  }[];
}

const UNSET = -1;
const CREATED_ELSEWHERE = codeOf('TOPIC_ALREADY_EXISTS');

/** See `Admin.createTopics`. */
export function createTopics(cluster: Cluster, topics: readonly NewTopic[]): Observable<readonly TopicResult[]> {
  const body = {
    topics: topics.map(({ topic, partitions, replicationFactor, configs }) => ({
      name: topic,
      numPartitions: partitions ?? UNSET,
      replicationFactor: replicationFactor ?? UNSET,
      configs: Object.entries(configs ?? {}).map(([name, value]) => ({ name, value })),
    })),
    timeoutMs: cluster.options.requestTimeoutMs,
  };
  return new Observable(subscriber => {
    let attempts = 0;
    return cluster
      .request(CreateTopics, () => (attempts++, body), {
        route: 'controller',
        holdMs: body.timeoutMs,
        errorsOf: response => response.topics.map(one => one.errorCode),
      })
      .pipe(
        map(({ topics: answers }) =>
          inOrder(
            topics.map(one => one.topic),
            answers,
          ).map(({ name, errorCode, errorMessage }): TopicResult => {
            // A first attempt whose reply was lost has created it: "already exists" is then our own success.
            if (errorCode === 0 || (errorCode === CREATED_ELSEWHERE && attempts > 1)) return { topic: name };
            return {
              topic: name,
              error: brokerError(errorCode, { api: 'CreateTopics', topic: name, message: errorMessage }),
            };
          }),
        ),
      )
      .subscribe(subscriber);
  });
}

/** Brokers answer in an order of their own: what failed at once comes first. */
function inOrder<A extends { readonly name: string | null }>(names: readonly string[], answers: readonly A[]): A[] {
  const placeOf = new Map(names.map((name, at) => [name, at]));
  const place = ({ name }: A): number => (name === null ? undefined : placeOf.get(name)) ?? names.length;
  return [...answers].sort((a, b) => place(a) - place(b));
}

/** See `Admin.deleteTopics`. */
export function deleteTopics(cluster: Cluster, topics: readonly string[]): Observable<readonly TopicResult[]> {
  const timeoutMs = cluster.options.requestTimeoutMs;
  return cluster
    .request(
      DeleteTopics,
      version =>
        version >= 6
          ? { topics: topics.map(name => ({ name })), timeoutMs }
          : { topics: [], topicNames: topics, timeoutMs },
      {
        route: 'controller',
        holdMs: timeoutMs,
        // A topic that does not exist is an answer, though the table calls it retriable (metadata may lag elsewhere).
        errorsOf: response =>
          response.responses.map(one => one.errorCode).filter(code => code !== codeOf('UNKNOWN_TOPIC_OR_PARTITION')),
      },
    )
    .pipe(
      map(response =>
        inOrder(topics, response.responses).map(({ name, errorCode, errorMessage }, at): TopicResult => {
          const topic = name ?? topics[at]!;
          return errorCode === 0
            ? { topic }
            : { topic, error: brokerError(errorCode, { api: 'DeleteTopics', topic, message: errorMessage }) };
        }),
      ),
    );
}

/** See `Admin.listTopics`. */
export function listTopics(cluster: Cluster): Observable<readonly string[]> {
  return cluster.request(Metadata, { topics: null, allowAutoTopicCreation: false }, { route: 'any' }).pipe(
    map(response =>
      response.topics
        .filter(topic => topic.errorCode === 0 && topic.name !== null && !topic.isInternal)
        .map(topic => topic.name!)
        .sort(),
    ),
  );
}

/** See `Admin.describeTopics`. */
export function describeTopics(cluster: Cluster, topics: readonly string[]): Observable<readonly TopicDescription[]> {
  const ask = cluster.request(
    Metadata,
    { topics: topics.map(name => ({ name })), allowAutoTopicCreation: false },
    {
      route: 'any',
      errorsOf: response =>
        response.topics.map(one => one.errorCode).filter(code => code !== codeOf('UNKNOWN_TOPIC_OR_PARTITION')),
    },
  );
  return ask.pipe(
    map(response =>
      response.topics.map((topic): TopicDescription => {
        const name = topic.name ?? '';
        if (topic.errorCode !== 0)
          throw brokerError(topic.errorCode, {
            api: 'Metadata',
            topic: name,
            hint:
              errorOf(topic.errorCode).name === 'UNKNOWN_TOPIC_OR_PARTITION'
                ? 'Create the topic first, or check its name'
                : undefined,
          });
        const partitions = topic.partitions.map(one => ({
          partition: one.partitionIndex,
          leader: one.leaderId,
          replicas: one.replicaNodes,
          inSync: one.isrNodes,
        }));
        return {
          topic: name,
          topicId: topic.topicId,
          internal: topic.isInternal,
          partitions: partitions.sort((a, b) => a.partition - b.partition),
        };
      }),
    ),
  );
}
