import { type BrokerError, ClosedError, DeliveryTimeoutError, type KafkaError } from '../errors';
import { brokerError, codeOf } from '../protocol/error-table';
import type { Batch } from './batch';
import type { PartitionQueue } from './partition-queue';
import type { ProduceAnswer } from './produce-request';

/** A record names a partition, or a partitioner chose one, that does not exist (yet: partitions can be added), or the topic was made anew without it. */
export function noSuchPartition(
  topic: string,
  partition: number,
  count: number,
  how: 'named' | 'chosen' | 'lost',
): BrokerError {
  return brokerError(codeOf('UNKNOWN_TOPIC_OR_PARTITION'), {
    api: 'Produce',
    topic,
    partition,
    message: NO_SUCH_PARTITION[how](partition),
    hint: `The topic has the partitions 0 to ${count - 1}`,
  });
}

const NO_SUCH_PARTITION = {
  named: (partition: number) => `the record names partition ${partition}`,
  chosen: (partition: number) => `the partitioner chose partition ${partition}`,
  lost: (partition: number) => `the topic was deleted and made anew without partition ${partition}`,
};

/** A record that no request can carry. */
export function recordTooLarge(topic: string, partition: number, bytes: number, maxRequestBytes: number): BrokerError {
  return brokerError(codeOf('MESSAGE_TOO_LARGE'), {
    api: 'Produce',
    topic,
    partition,
    message: `a record of ${bytes} bytes does not fit into a request of ${maxRequestBytes}`,
    hint: 'Raise maxRequestBytes, and max.message.bytes of the topic, or send less at once',
  });
}

/** The time for a batch is over. */
export function deliveryTimedOut(
  batch: Batch,
  { leader, trouble }: PartitionQueue,
  timeoutMs: number,
): DeliveryTimeoutError {
  const written = batch.attempts > 0 ? '; it may have been written' : '';
  const cause = trouble ?? batch.lastError;
  const why =
    cause instanceof Error ? `. The last attempt: ${cause.message}` : leader < 0 ? '. The partition has no leader' : '';
  return new DeliveryTimeoutError(
    `${batch.topic}-${batch.partition}: not stored within deliveryTimeoutMs (${timeoutMs} ms), after ${batch.attempts} attempts${written}${why}`,
    { retriable: true, cause },
  );
}

/** The producer was closed and did not wait for longer. */
export function closedBefore(what: {
  readonly topic: string;
  readonly partition?: number;
  readonly attempts: number;
}): ClosedError {
  const where = what.partition === undefined ? what.topic : `${what.topic}-${what.partition}`;
  const written = what.attempts > 0 ? '; it may have been written' : '';
  return new ClosedError(`the producer was closed before the record was stored in ${where}${written}`);
}

/** What each record of a refused batch errors with: brokers name the bad ones (KIP-467), the others failed with them. */
export function refused(batch: Batch, answer: ProduceAnswer): KafkaError | ((record: number) => KafkaError) {
  const { topic, partition } = batch;
  const of = (message: string | null, hint?: string): KafkaError =>
    brokerError(answer.errorCode, {
      api: 'Produce',
      topic,
      partition,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  if (answer.recordErrors.length === 0) return of(answer.errorMessage, HINTS[answer.errorCode]);
  const bad = new Map(answer.recordErrors.map(one => [one.batchIndex, one.batchIndexErrorMessage]));
  return record =>
    bad.has(record)
      ? of(bad.get(record) ?? answer.errorMessage)
      : of('another record of the same batch was refused, this one is good', 'Send it again');
}

const HINTS: Readonly<Record<number, string>> = {
  [codeOf('MESSAGE_TOO_LARGE')]: 'Raise max.message.bytes of the topic, or send less at once',
  [codeOf('TOPIC_AUTHORIZATION_FAILED')]: 'The principal needs WRITE on the topic',
};
