import { finalize, map, mergeMap, NEVER, timer } from 'rxjs';
import { DELIVERY, type ConsumerRecord, type DeliverySource } from '../../../lib/types';
import { HandFed, valueOf, watch } from './hand-fed';

describe('a full window', () => {
  it('is told as stalled, with the oldest record, and warns the process once, naming handle and autoAck', () => {
    const warnings: Error[] = [];
    const warn = jest
      .spyOn(process, 'emitWarning')
      .mockImplementation(((message: string) => warnings.push(new Error(message))) as never);
    try {
      const fed = new HandFed({ window: { records: 3 } });
      const partition = fed.add();
      fed.push(partition, 0, 10);
      const { records } = watch(fed.delivery.records);
      fed.advance(9_999);
      expect(fed.events).toEqual([]);
      fed.advance(1);
      const stalled = {
        type: 'stalled',
        partition: { topic: 'orders', partition: 0 },
        oldest: 0n,
        unacked: 3,
        forMs: 10_000,
      };
      expect(fed.events).toEqual([stalled]);
      records[0]!.ack();
      fed.advance(9_999);
      expect(fed.events).toHaveLength(1);
      fed.advance(1);
      expect(fed.events[1]).toEqual({ ...stalled, oldest: 1n });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]!.message).toMatch(/handle\(\).*autoAck\(\)/);
    } finally {
      warn.mockRestore();
    }
  });

  it('is no stall while anything is settled', () => {
    const fed = new HandFed({ window: { records: 3 } });
    fed.push(fed.add(), 0, 100);
    const { records } = watch(fed.delivery.records);
    fed.advance();
    for (let at = 0; at < 10; at++) {
      fed.advance(9_000);
      records[at]!.ack();
    }
    expect(fed.events).toEqual([]);
  });

  it('leaves no timer behind when the view is gone', () => {
    const fed = new HandFed({ window: { records: 3 } });
    fed.push(fed.add(), 0, 10);
    const { subscription } = watch(fed.delivery.records);
    fed.advance();
    subscription.unsubscribe();
    fed.advance();
    expect(fed.clock.scheduler.actions.filter(action => !action.closed)).toEqual([]);
  });

  it('is told to operators each time the loop stops for it', () => {
    const fed = new HandFed({ window: { records: 3 } });
    fed.push(fed.add(), 0, 7);
    const buffer: ConsumerRecord[] = [];
    const flushed: number[] = [];
    fed.delivery.records.pipe(finalize(() => undefined)).subscribe(record => {
      if (buffer.length === 0 && flushed.length === 0)
        (record as unknown as { [DELIVERY]: DeliverySource })[DELIVERY].starved.subscribe(() => {
          flushed.push(buffer.length);
          for (const one of buffer.splice(0)) one.ack();
        });
      buffer.push(record);
    });
    fed.advance();
    expect([flushed, buffer.length]).toEqual([[3, 3], 1]);
  });

  it('never starves a partition by a stuck one', () => {
    const fed = new HandFed({ window: { records: 20 } });
    const [stuck, alive] = [fed.add(0), fed.add(1)];
    fed.push(stuck, 0, 1_000);
    fed.push(alive, 10_000, 1_000);
    const { seen } = watch(
      fed.delivery.records.pipe(
        mergeMap(record =>
          valueOf(record) < 10_000 ? NEVER : timer(1, fed.clock.scheduler).pipe(map(() => (record.ack(), record))),
        ),
      ),
    );
    fed.advance(2_000);
    expect(seen).toHaveLength(1_000);
  });
});
