import type { Position, TopicPartition } from '../types';
import type { AssignedPartition } from './consumer-api';
import { partitionKey } from './partition-state';

/** Checks what was given to `assign`, by key; throws `TypeError` or `RangeError` that names the partition. */
export function checkAssigned(partitions: readonly AssignedPartition[]): ReadonlyMap<string, AssignedPartition> {
  if (!Array.isArray(partitions))
    throw new TypeError('assign: a list of { topic, partition, offset?, until? } is expected');
  const byKey = new Map<string, AssignedPartition>();
  for (const one of partitions as readonly AssignedPartition[]) {
    checkPartition('assign', one);
    const where = `assign: ${one.topic}-${one.partition}`;
    if (one.offset !== undefined) checkPosition(`${where}: offset`, one.offset);
    if (one.until !== undefined) checkPosition(`${where}: until`, one.until);
    const key = partitionKey(one);
    if (byKey.has(key)) throw new TypeError(`${where} is named twice`);
    byKey.set(key, {
      topic: one.topic,
      partition: one.partition,
      ...(one.offset === undefined ? {} : { offset: one.offset }),
      ...(one.until === undefined ? {} : { until: one.until }),
    });
  }
  return byKey;
}

/** Checks what was given to `subscribe`; throws `TypeError`. */
export function checkTopics(topics: string | readonly string[] | RegExp): readonly string[] | RegExp {
  if (topics instanceof RegExp) return topics;
  const list: unknown = typeof topics === 'string' ? [topics] : topics;
  if (!Array.isArray(list) || !list.every(topic => typeof topic === 'string' && topic !== ''))
    throw new TypeError('subscribe: a topic, a list of topics or a RegExp is expected');
  return [...new Set(list as readonly string[])];
}

/** Throws unless this names a partition. */
export function checkPartition(call: string, one: TopicPartition): void {
  if (one === null || typeof one !== 'object' || typeof one.topic !== 'string' || one.topic === '')
    throw new TypeError(`${call}: a partition needs a "topic"`);
  if (!Number.isInteger(one.partition) || one.partition < 0)
    throw new RangeError(
      `${call}: "partition" of ${one.topic} must be an integer of at least 0, not ${String(one.partition)}`,
    );
}

/** Throws unless this is a position. */
export function checkPosition(what: string, position: Position): void {
  if (position === 'earliest' || position === 'latest' || position === 'committed') return;
  if (typeof position === 'bigint') {
    if (position < 0n) throw new RangeError(`${what} must be at least 0, not ${position}`);
    return;
  }
  if (
    typeof position === 'object' &&
    position !== null &&
    typeof position.timestamp === 'number' &&
    Number.isFinite(position.timestamp)
  ) {
    if (position.timestamp < 0)
      throw new RangeError(`${what}: a timestamp must be at least 0, not ${position.timestamp}`);
    return;
  }
  throw new TypeError(`${what} must be a bigint, 'earliest', 'latest', 'committed' or { timestamp: ms }`);
}
