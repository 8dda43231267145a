import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import type { Position, TopicPartition, TopicPartitionOffset } from '../types';
import { listOffsets } from './offsets';
import { createTopics, deleteTopics, describeTopics, listTopics } from './topics';
import type { NewTopic, TopicDescription, TopicResult } from './topics';

/**
 * Administration of topics. Every call is cold, emits one value and completes; retriable faults are retried for up to
 * twice `requestTimeoutMs`. What fails for one topic of several is data in the value. Unsubscribing gives up the answer,
 * not what the broker already does.
 */
export interface Admin {
  /** One result per topic, in the order given. A broker may acknowledge before every other broker knows the topic. */
  createTopics(topics: readonly NewTopic[]): Observable<readonly TopicResult[]>;
  /** One result per topic, in the order given. Brokers delete in the background: the name may be taken for another moment. */
  deleteTopics(topics: readonly string[]): Observable<readonly TopicResult[]>;
  /** The names of all topics this client may see, sorted; Kafka's internal ones left out. */
  listTopics(): Observable<readonly string[]>;
  /** Errors with a `BrokerError` (UNKNOWN_TOPIC_OR_PARTITION) for a topic that does not exist. Never creates one. */
  describeTopics(topics: readonly string[]): Observable<readonly TopicDescription[]>;
  /**
   * The offsets of `earliest`, `latest` (the high watermark) or a timestamp, in the order given; a plain offset is
   * answered as it is. A timestamp after the last record is the end of the partition.
   */
  listOffsets(
    query: readonly (TopicPartition & { readonly at: Exclude<Position, 'committed'> })[],
  ): Observable<readonly TopicPartitionOffset[]>;
}

/** The admin of a client: stateless, so one or many make no difference. */
export function createAdmin(cluster: Cluster): Admin {
  return {
    createTopics: topics => createTopics(cluster, topics),
    deleteTopics: topics => deleteTopics(cluster, topics),
    listTopics: () => listTopics(cluster),
    describeTopics: topics => describeTopics(cluster, topics),
    listOffsets: query => listOffsets(cluster, query),
  };
}
