import type { ConsumerRecord } from '../../lib/types';

/** A record without a consumer behind it: what users write in their own specs. Says what became of it. */
export interface HandMade extends ConsumerRecord<string, number> {
  outcome: string | undefined;
}

export function handMade(offset: number, fields: Partial<ConsumerRecord<string, number>> = {}): HandMade {
  const record: HandMade = {
    topic: 'orders',
    partition: 0,
    offset: BigInt(offset),
    timestamp: 0,
    timestampType: 'create',
    key: `k${offset % 3}`,
    value: offset,
    headers: undefined as never,
    rawKey: undefined as never,
    rawValue: null,
    leaderEpoch: -1,
    attempt: 1,
    signal: new AbortController().signal,
    outcome: undefined,
    get settled() {
      return this.outcome !== undefined;
    },
    ack() {
      if (this.settled) return false;
      this.outcome = 'acked';
      return true;
    },
    nack(error) {
      if (this.settled) return false;
      this.outcome = `nacked: ${String(error)}`;
      return true;
    },
    ackThrough() {
      return this.ack();
    },
    release: () => false,
    produce: ((...records: never[]) => ({ records, source: record, context: record })) as never,
    toJSON: () => ({ offset }),
    ...(fields as object),
  };
  return record;
}
