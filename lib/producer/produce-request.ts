import { ZERO_ID } from '../cluster/metadata';
import type { RequestOf, ResponseOf } from '../protocol/api';
import type { Produce } from '../protocol/apis/produce';
import type { Batch } from './batch';
import type { PartitionQueue } from './partition-queue';

/** A batch that was taken for a request, and the queue that it came from. */
export interface Taken {
  readonly queue: PartitionQueue;
  readonly batch: Batch;
}

/** What the broker says about one batch. */
export type ProduceAnswer = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number];

/** What frame and header add to the batches of a request, roughly and upwards. */
export const REQUEST_OVERHEAD_BYTES = 512;
/** What a batch costs in a request beyond its own bytes and the name of its topic, roughly and upwards. */
export const BATCH_OVERHEAD_BYTES = 32;

/** The body of one request; the batches are referred to, not copied. */
export function produceRequest(taken: readonly Taken[], acks: number, timeoutMs: number): RequestOf<typeof Produce> {
  const topics = new Map<
    string,
    { name: string; topicId: string; partitionData: { index: number; records: Buffer }[] }
  >();
  for (const { queue, batch } of taken) {
    let topic = topics.get(queue.topic);
    if (topic === undefined)
      topics.set(queue.topic, (topic = { name: queue.topic, topicId: queue.topicId, partitionData: [] }));
    topic.partitionData.push({ index: queue.partition, records: batch.wire! });
  }
  return { transactionalId: null, acks, timeoutMs, topicData: [...topics.values()] };
}

/** From v13 on topics go by id (KIP-516): not when the id of one of them is unknown. */
export function maxVersionOf(taken: readonly Taken[]): number | undefined {
  return taken.some(({ queue }) => queue.topicId === ZERO_ID) ? 12 : undefined;
}

/** The answer for each batch, in the order of `taken`; `undefined` where the broker said nothing about it. */
export function answersOf(
  taken: readonly Taken[],
  response: ResponseOf<typeof Produce>,
): (ProduceAnswer | undefined)[] {
  const byTopic = new Map<string, Map<number, ProduceAnswer>>();
  for (const topic of response.responses) {
    const answers = new Map(topic.partitionResponses.map(answer => [answer.index, answer]));
    // By name up to v12, by id from v13 on.
    byTopic.set(topic.name === '' ? topic.topicId : topic.name, answers);
  }
  return taken.map(({ queue }) => (byTopic.get(queue.topic) ?? byTopic.get(queue.topicId))?.get(queue.partition));
}
