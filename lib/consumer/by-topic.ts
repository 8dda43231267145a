import type { TopicPartition } from '../types';

/** The partitions of each topic, topics and partitions in the order in which they came. */
export function byTopic(partitions: Iterable<TopicPartition>): ReadonlyMap<string, number[]> {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, [partition]);
    else known.push(partition);
  }
  return topics;
}
