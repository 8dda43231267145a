import { take, tap } from 'rxjs';
import type { ConsumerBatch } from '../../../lib/types';
import { HandFed } from './hand-fed';

const spans = (batches: readonly ConsumerBatch[]) => batches.map(it => [Number(it.firstOffset), Number(it.lastOffset)]);

function watch(fed: HandFed) {
  const batches: ConsumerBatch[] = [];
  fed.delivery.batches.subscribe(batch => batches.push(batch));
  fed.advance();
  return batches;
}

describe('a view of batches', () => {
  it('emits one batch for each that was stored, of one partition each', () => {
    const fed = new HandFed();
    const [a, b] = [fed.add(0), fed.add(1)];
    fed.push(a, 0, 10);
    fed.push(a, 10, 5);
    fed.push(b, 7, 3);
    const batches = watch(fed);
    expect(batches.map(it => it.partition)).toEqual([0, 1, 0]);
    expect(spans(batches)).toEqual([
      [0, 9],
      [7, 9],
      [10, 14],
    ]);
    expect(batches[0]!.records.map(record => Number(record.offset))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches[0]).toMatchObject({ topic: 'orders', highWatermark: 1_000_000n });
  });

  it('cuts a batch that is larger than the window, and waits rather than cut crumbs', () => {
    const fed = new HandFed({ window: { records: 40 } });
    const partition = fed.add();
    fed.push(partition, 0, 100);
    const batches = watch(fed);
    expect(spans(batches)).toEqual([[0, 39]]);
    for (const record of batches[0]!.records.slice(0, 39)) record.ack();
    fed.advance();
    expect(batches).toHaveLength(1);
    batches[0]!.ack();
    fed.advance();
    expect(spans(batches)).toEqual([
      [0, 39],
      [40, 79],
    ]);
  });

  it('stops a run at window.bytes and at until', () => {
    const fed = new HandFed({ window: { bytes: 50 } });
    fed.push(fed.add(0, 0n, 15n), 0, 20);
    const batches: ConsumerBatch[] = [];
    fed.delivery.batches.subscribe(batch => (batches.push(batch), batch.ack()));
    fed.advance();
    expect(batches.length).toBeGreaterThan(1);
    expect(batches.flatMap(batch => batch.records.map(record => Number(record.offset)))).toEqual([...Array(15).keys()]);
    expect(fed.asked).toContain('ended orders-0');
  });

  it('acks all of its records, once', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 10);
    const [batch] = watch(fed);
    expect([batch!.settled, batch!.ack(), batch!.settled, batch!.ack(), partition.watermark]).toEqual([
      false,
      true,
      true,
      false,
      10n,
    ]);
  });

  it('acks through an offset', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 10);
    const [batch] = watch(fed);
    expect([batch!.ackThrough(3n), batch!.ackThrough(3n), partition.watermark]).toEqual([true, false, 4n]);
  });

  it('nacks from its first record that is not settled on', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 10);
    const batches = watch(fed);
    const { signal } = batches[0]!;
    batches[0]!.ackThrough(3n);
    expect([batches[0]!.nack(new Error('later')), batches[0]!.settled, partition.unacked]).toEqual([true, true, 0]);
    fed.advance(100);
    expect([fed.asked.at(-1), signal.aborted]).toEqual(['rewind orders-0 to 4', true]);
    fed.push(partition, 0, 10);
    fed.advance();
    expect(spans(batches)).toEqual([
      [0, 9],
      [4, 9],
    ]);
    expect(batches[1]!.records.map(record => record.attempt)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it("is acked as next returns with ack: 'auto', and not when next closed the view", () => {
    const fed = new HandFed({ ack: 'auto' });
    const partition = fed.add();
    fed.push(partition, 0, 10);
    fed.push(partition, 10, 10);
    const watermarks: bigint[] = [];
    fed.delivery.batches
      .pipe(
        tap(() => watermarks.push(partition.watermark)),
        take(2),
      )
      .subscribe();
    fed.advance();
    expect([watermarks, partition.watermark]).toEqual([[0n, 10n], 10n]);
  });

  it('is what its own produce hands on', () => {
    const fed = new HandFed();
    fed.push(fed.add(), 0, 2);
    const [batch] = watch(fed);
    const outgoing = batch!.produce({ topic: 'out', value: 'x' } as never);
    expect([outgoing.source, outgoing.context, outgoing.records.length]).toEqual([batch, batch, 1]);
    expect(JSON.parse(JSON.stringify(batch))).toMatchObject({
      firstOffset: '0',
      lastOffset: '1',
      records: [{ value: '0' }, { value: '1' }],
    });
  });
});
