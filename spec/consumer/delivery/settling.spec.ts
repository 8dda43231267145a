import { take, tap } from 'rxjs';
import { DELIVERY, type ConsumerRecord, type DeliverySource } from '../../../lib/types';
import { HandFed, three, upTo, valueOf, watch } from './hand-fed';

// Design §7: what each event does to credit, watermark and redelivery.
describe('the contract of events: settling', () => {
  it('ack: credit back, watermark over the acked prefix', () => {
    const { fed, partition, seen, records } = three();
    expect(seen).toEqual([0, 1, 2]);
    expect(records[1]!.ack()).toBe(true);
    expect(partition.watermark).toBe(0n);
    fed.advance();
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(records[0]!.ack()).toBe(true);
    expect(partition.watermark).toBe(2n);
    expect([records[0]!.ack(), records[0]!.nack(new Error('late')), records[0]!.settled, records[2]!.settled]).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  it('ack inside and outside of next: onWatermark once a turn and partition', () => {
    const told: bigint[] = [];
    const fed = new HandFed({ hooks: { onWatermark: it => told.push(it.watermark) } });
    fed.push(fed.add(), 0, 10);
    const { records } = watch(fed.delivery.records.pipe(tap(record => valueOf(record) < 5 && record.ack())));
    fed.advance();
    expect(told).toEqual([5n]);
    for (const record of records) record.ack();
    expect(told).toEqual([5n]);
    fed.advance();
    expect(told).toEqual([5n, 10n]);
  });

  it('ackThrough: credit of all earlier ones too', () => {
    const { fed, partition, seen, records } = three();
    expect(records[1]!.ackThrough()).toBe(true);
    expect(records[1]!.ackThrough()).toBe(false);
    expect([partition.watermark, partition.unacked]).toEqual([2n, 1]);
    fed.advance();
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  it('nack: credit back, watermark stays; it and later un-acked ones come again after the backoff, attempt + 1', () => {
    const { fed, partition, seen, records } = three();
    records[2]!.ack();
    expect(records[0]!.nack(new Error('not now'))).toBe(true);
    expect([partition.watermark, records[0]!.settled, records[0]!.ack()]).toEqual([0n, true, false]);
    fed.advance(99);
    expect(seen).toEqual([0, 1, 2]);
    fed.advance(1);
    expect(fed.asked).toContain('rewind orders-0 to 0');
    expect([partition.position, partition.bufferedBytes]).toEqual([0n, 0]);
    // The instance from before the rewind is nobody's; the one that was acked does not come again.
    expect([records[1]!.ack(), records[1]!.settled, records[1]!.signal.aborted]).toEqual([false, true, true]);
    fed.push(partition, 0, 10);
    fed.advance();
    expect(seen).toEqual([0, 1, 2, 0, 1, 3]);
    expect(records.map(record => record.attempt)).toEqual([1, 1, 1, 2, 1, 1]);
    records.slice(3).forEach(record => record.ack());
    expect(partition.watermark).toBe(4n);
  });

  it('nack: an ack that comes before the rewind still counts', () => {
    const { fed, partition, seen, records } = three();
    records[0]!.nack(new Error('not now'));
    fed.advance(50);
    expect(records[1]!.ack()).toBe(true);
    fed.advance(50);
    fed.push(partition, 0, 10);
    fed.advance();
    expect(seen.slice(3)).toEqual([0, 2, 3]);
  });

  it('nack: the backoff doubles with each attempt, up to ten times itself', () => {
    const { fed, partition, records } = three({ window: { records: 1 } });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      records.at(-1)!.nack(new Error('again'));
      const rewinds = fed.asked.length;
      const from = fed.clock.scheduler.frame;
      while (fed.asked.length === rewinds) fed.advance(1);
      waits.push(fed.clock.scheduler.frame - from);
      fed.push(partition, 0, 3);
      fed.advance();
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect(records.at(-1)!.attempt).toBe(7);
  });

  it('nack: an ackThrough of a later record takes it back', () => {
    const { fed, seen, records } = three();
    records[0]!.nack(new Error('not now'));
    records[2]!.ackThrough();
    fed.advance(500);
    expect(fed.asked).toEqual(['demand true']);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('release: credit back, watermark waits for the ack', () => {
    const { fed, partition, seen, records } = three();
    expect([records[0]!.release(), records[0]!.release(), records[0]!.settled]).toEqual([true, false, false]);
    fed.advance();
    expect([seen, partition.watermark, partition.unacked]).toEqual([[0, 1, 2, 3], 0n, 4]);
    expect(records[0]!.ack()).toBe(true);
    fed.advance();
    expect([seen, partition.watermark]).toEqual([[0, 1, 2, 3], 1n]);
  });

  it("'auto': acked as next returns, so the window is never full", () => {
    const { seen, partition } = three({ ack: 'auto' });
    expect([seen, partition.watermark, partition.unacked]).toEqual([upTo(10), 10n, 0]);
  });

  it("'auto': not acked when an operator claimed it during next", () => {
    const fed = new HandFed({ ack: 'auto', window: { records: 3 } });
    const partition = fed.add();
    fed.push(partition, 0, 10);
    const claim = (record: ConsumerRecord) =>
      (record as unknown as { [DELIVERY]: DeliverySource })[DELIVERY].claim(record);
    const { seen } = watch(fed.delivery.records.pipe(tap(record => valueOf(record) % 2 === 1 && claim(record))));
    fed.advance();
    expect([seen, partition.watermark, partition.unacked]).toEqual([[0, 1, 2, 3, 4, 5], 1n, 3]);
  });

  it("'auto': not acked when next closed the view", () => {
    const fed = new HandFed({ ack: 'auto' });
    const partition = fed.add();
    fed.push(partition, 0, 10);
    watch(fed.delivery.records.pipe(take(3)));
    fed.advance();
    expect(partition.watermark).toBe(2n);
  });
});
