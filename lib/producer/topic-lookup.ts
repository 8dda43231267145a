import { Subscription, defer, map } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import type { TopicMetadata } from '../cluster/metadata';
import type { KafkaError } from '../errors';
import { brokerError, codeOf } from '../protocol/error-table';

const UNKNOWN_TOPIC_OR_PARTITION = codeOf('UNKNOWN_TOPIC_OR_PARTITION');

/** The topic's metadata, asked for again while it does not exist or has no partitions, for `timeoutMs`; then its last error. */
function topicMetadata(cluster: Cluster, name: string, timeoutMs: number): Observable<TopicMetadata> {
  return defer(() => cluster.topics([name])).pipe(
    map(snapshot => {
      const topic = snapshot.topics.get(name);
      if (topic !== undefined && topic.partitions.length > 0) return topic;
      const code = topic === undefined || topic.errorCode === 0 ? UNKNOWN_TOPIC_OR_PARTITION : topic.errorCode;
      throw brokerError(code, { api: 'Metadata', topic: name, ...hintFor(code) });
    }),
    cluster.retried('Metadata', timeoutMs),
  );
}

function hintFor(code: number): { readonly hint?: string } {
  return code === UNKNOWN_TOPIC_OR_PARTITION
    ? { hint: 'Create the topic with kafka.admin().createTopics, or check its name' }
    : {};
}

/** Looks topics up in the background, each at most once at a time. */
export class TopicLookup {
  readonly #running = new Map<string, Subscription>();

  constructor(private readonly cluster: Cluster) {}

  running(name: string): boolean {
    return this.#running.has(name);
  }

  /** Calls back once: with the topic, or with why it cannot be known. */
  start(
    name: string,
    timeoutMs: number,
    found: (topic: TopicMetadata) => void,
    failed: (error: KafkaError) => void,
  ): void {
    const lookup = new Subscription();
    this.#running.set(name, lookup);
    lookup.add(
      topicMetadata(this.cluster, name, timeoutMs).subscribe({
        next: topic => {
          this.#running.delete(name);
          found(topic);
        },
        error: (error: KafkaError) => {
          this.#running.delete(name);
          failed(error);
        },
      }),
    );
  }

  close(): void {
    for (const lookup of this.#running.values()) lookup.unsubscribe();
    this.#running.clear();
  }
}
