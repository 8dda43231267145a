import { createConsumer } from '../../../lib/consumer/consumer';
import type { ConsumerOptions } from '../../../lib/consumer/options';
import { assignOffsets } from '../../../lib/records/assign-offsets';
import { buildBatch } from '../../../lib/records/build-batch';
import type { ConsumerRecord } from '../../../lib/types';
import { FakeCluster } from '../../support/fake-cluster';
import type { FakeRequest } from '../../support/fake-cluster';
import { HandClock } from '../delivery/hand-fed';

const P0 = { topic: 'orders', partition: 0 };

/**
 * A partition whose records 0 to 9 were written in leader epoch 1; `truncate` makes it as after an unclean election: the
 * records from `end` on are gone, and others, of epoch 2, stand in their place. The window lets three records out.
 */
class Log {
  readonly clock = new HandClock();
  readonly seen: string[] = [];
  readonly held: ConsumerRecord[] = [];
  readonly errors: unknown[] = [];
  readonly fake = new FakeCluster({
    topics: { orders: 1 },
    runtime: this.clock,
    answer: request => (request.api === 'Fetch' ? this.fetch(request) : undefined),
  });
  readonly consumer;
  private end = 10;

  constructor(options: ConsumerOptions = {}) {
    this.consumer = createConsumer<Buffer | null, Buffer | null>(this.fake.cluster, 'consumer', {
      groupId: 'g',
      commit: 'manual',
      window: { records: 3 },
      ...options,
    }).assign([{ ...P0, offset: 0n }]);
    this.consumer.records.subscribe({
      next: record => {
        this.seen.push(`${record.offset}${record.leaderEpoch === 2 ? ' new' : ''}`);
        this.held.push(record);
      },
      error: error => this.errors.push(error),
    });
    this.clock.advance();
  }

  truncate(end: number): void {
    this.end = end;
    this.fake.requests
      .find(({ api }) => api === 'Fetch')
      ?.reply(this.answer({ divergingEpoch: { epoch: 1, endOffset: BigInt(end) } }));
    this.clock.advance();
  }

  endLongPoll(): void {
    this.fake.requests.find(({ api }) => api === 'Fetch')?.reply(this.answer({}));
    this.clock.advance();
  }

  /** Acks everything in order, until nothing more comes. */
  finish(): void {
    for (let record = this.held.shift(); record !== undefined; record = this.held.shift()) {
      record.ack();
      this.clock.advance();
    }
  }

  private fetch({ body }: FakeRequest): unknown {
    const { fetchOffset, lastFetchedEpoch } = body.topics[0].partitions[0];
    const from = Number(fetchOffset);
    if (from >= 10) return undefined;
    if (lastFetchedEpoch === 1 && from > this.end)
      return this.answer({ divergingEpoch: { epoch: 1, endOffset: BigInt(this.end) } });
    return this.answer({
      records: Buffer.concat([records(from, Math.min(this.end, 10), 1), records(Math.max(from, this.end), 10, 2)]),
    });
  }

  private answer(partition: object): unknown {
    const { topicId } = this.fake.cluster.metadata.topics.get('orders')!;
    const none = { epoch: -1, endOffset: -1n };
    const fields = { partitionIndex: 0, errorCode: 0, highWatermark: 10n, lastStableOffset: 10n, records: null };
    const rest = { divergingEpoch: none, currentLeader: { leaderId: -1, leaderEpoch: -1 }, abortedTransactions: null };
    return {
      errorCode: 0,
      responses: [{ topic: '', topicId, partitions: [{ ...fields, ...rest, ...partition }] }],
      nodeEndpoints: [],
    };
  }
}

function records(from: number, to: number, leaderEpoch: number): Buffer {
  if (from >= to) return Buffer.alloc(0);
  const batch = buildBatch(Array.from({ length: to - from }, () => ({ timestamp: 1, key: null, value: 'v' })));
  assignOffsets(batch, BigInt(from), leaderEpoch);
  return batch;
}

describe('a log that was truncated behind the fetch position', () => {
  it('loses nothing of what still stands: neither what was queued nor what is un-acked', () => {
    // Everything queued was dropped and the watermark jumped to the truncation, over 0 to 7.
    const log = new Log();
    expect(log.seen).toEqual(['0', '1', '2']);
    log.truncate(8);
    expect(log.held.map(record => record.settled)).toEqual([false, false, false]);
    log.finish();
    expect(log.seen).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8 new', '9 new']);
    expect(log.fake.events.filter(({ type }) => type === 'offset-reset')).toEqual([
      { type: 'offset-reset', partition: P0, from: 10n, to: 8n },
    ]);
    expect(log.consumer.position(P0)).toBe(10n);
  });

  it('takes delivered records back that are gone, and delivers what stands in their place, also where they were acked', () => {
    const log = new Log();
    const [first, second, third] = log.held.splice(0);
    third!.ack();
    log.truncate(1);
    expect([first!.settled, second!.ack(), third!.settled, second!.signal.aborted]).toEqual([false, false, true, true]);
    log.finish();
    expect(log.seen.slice(3)).toEqual([
      '1 new',
      '2 new',
      '3 new',
      '4 new',
      '5 new',
      '6 new',
      '7 new',
      '8 new',
      '9 new',
    ]);
    // Nothing was given away twice: the first record is all that holds the watermark.
    expect(first!.ack()).toBe(true);
    log.truncate(10);
    log.clock.advance();
    expect(log.held).toEqual([]);
  });

  it('goes back behind the watermark when what was acked is gone', () => {
    const log = new Log();
    for (const record of log.held.splice(0)) record.ack();
    log.clock.advance();
    log.truncate(2);
    log.finish();
    expect(log.seen.slice(6)).toEqual(['2 new', '3 new', '4 new', '5 new', '6 new', '7 new', '8 new', '9 new']);
  });

  it('delivers a nacked record again after its backoff, as if nothing had happened', () => {
    const log = new Log();
    log.held.shift()!.nack(new Error('not now'));
    log.held.length = 0;
    log.truncate(8);
    log.clock.advance(1_000);
    log.endLongPoll();
    log.finish();
    expect(log.seen.slice(3)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8 new', '9 new']);
  });

  it("errors the view when outOfRange is 'error'", () => {
    const log = new Log({ outOfRange: 'error' });
    log.truncate(8);
    expect(log.errors).toEqual([expect.objectContaining({ error: 'OFFSET_OUT_OF_RANGE', ...P0 })]);
  });
});
