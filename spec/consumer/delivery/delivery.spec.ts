import { concat, map, retry, take, tap } from 'rxjs';
import { DecodeError } from '../../../lib/errors';
import { utf8 } from '../../../lib/serdes';
import { fetched, HandFed, offsetBatch, three, upTo, valueOf, watch } from './hand-fed';

// Design §7: what each event does to credit, watermark and redelivery.
describe('the contract of events: views, partitions, close', () => {
  it('an operator throws: the view ends, the watermark stays, the next view begins there', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 5);
    let fail = true;
    const failing = fed.delivery.records.pipe(
      map(record => {
        if (fail && valueOf(record) === 2) throw new Error('operator');
        record.ack();
        return record;
      }),
    );
    const first = watch(failing);
    fed.advance();
    expect([first.seen, String(first.ends[0]), partition.watermark]).toEqual([[0, 1], 'Error: operator', 2n]);
    fail = false;
    const second = watch(failing);
    expect(fed.asked).toEqual(['demand true', 'demand false', 'rewind orders-0 to 2', 'demand true']);
    fed.push(partition, 2, 3);
    fed.advance();
    expect([second.seen, partition.watermark]).toEqual([[2, 3, 4], 5n]);
  });

  it('a decoder throws where the value is read, with topic, partition and offset', () => {
    const fed = new HandFed({ value: utf8 });
    fed.add().push([fetched([{ timestamp: 0, value: null }], { baseOffset: 7n })]);
    let error: unknown;
    fed.delivery.records.pipe(map(record => record.value)).subscribe({ error: (thrown: unknown) => (error = thrown) });
    fed.advance();
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ topic: 'orders', partition: 0, offset: 7n });
    expect(String(error)).toContain('nullable(utf8)');
  });

  it("the subscriber's own next throws: the view goes on, the record stays un-acked", () => {
    const reported: unknown[] = [];
    const { setTimeout: real } = globalThis;
    globalThis.setTimeout = ((work: () => void) => {
      try {
        work();
      } catch (error) {
        reported.push(error);
      }
    }) as never;
    try {
      for (const ack of ['manual', 'auto'] as const) {
        const fed = new HandFed({ ack });
        const partition = fed.add();
        fed.push(partition, 0, 3);
        const seen: number[] = [];
        fed.delivery.records.subscribe(record => {
          seen.push(valueOf(record));
          throw new Error('mine');
        });
        fed.advance();
        expect([seen, partition.watermark]).toEqual([[0, 1, 2], ack === 'manual' ? 0n : 3n]);
      }
      expect(reported).toHaveLength(6);
    } finally {
      globalThis.setTimeout = real;
    }
  });

  it('take in the middle of a batch: exactly that many, credit back, the next view from the watermark', () => {
    const fed = new HandFed({ window: { records: 3 } });
    const partition = fed.add();
    fed.push(partition, 0, 10);
    const first = watch(fed.delivery.records.pipe(take(3)));
    fed.advance();
    expect([first.seen, first.ends, partition.unacked]).toEqual([[0, 1, 2], ['complete'], 0]);
    // Until the next view an ack still moves the watermark: what take let through is at work.
    expect(first.records[0]!.ack()).toBe(true);
    expect(partition.watermark).toBe(1n);
    const second = watch(fed.delivery.records);
    expect(first.records[1]!.ack()).toBe(false);
    expect(fed.asked.at(-2)).toBe('rewind orders-0 to 1');
    fed.push(partition, 1, 9);
    fed.advance();
    expect(second.seen).toEqual([1, 2, 3]);
    expect(second.records.map(record => record.attempt)).toEqual([1, 1, 1]);
  });

  it('a new view goes on from the queue when everything was acked', () => {
    const fed = new HandFed();
    fed.push(fed.add(), 0, 10);
    const acked = fed.delivery.records.pipe(tap(record => record.ack()));
    const { seen } = watch(concat(acked.pipe(take(3)), acked.pipe(take(3))));
    fed.advance();
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
    expect(fed.asked.some(what => what.startsWith('rewind'))).toBe(false);
  });

  it('retry subscribes again inside the failing next: one view at a time, from the watermark', () => {
    const fed = new HandFed({ hooks: { onRewind: (it, offset) => it.push([offsetBatch(Number(offset), 5)]) } });
    const partition = fed.add();
    fed.push(partition, 0, 5);
    let failures = 0;
    const { seen, ends } = watch(
      fed.delivery.records.pipe(
        tap(record => {
          if (valueOf(record) === 3 && ++failures < 3) throw new Error('poison');
          record.ack();
        }),
        retry(),
      ),
    );
    fed.advance();
    expect([seen, ends]).toEqual([upTo(8), []]);
    expect(partition.watermark).toBe(8n);
  });

  it('unsubscribe inside next: no record after it', () => {
    const fed = new HandFed();
    fed.push(fed.add(), 0, 10);
    const seen: number[] = [];
    const subscription = fed.delivery.records.subscribe(record => {
      seen.push(valueOf(record));
      if (seen.length === 2) subscription.unsubscribe();
    });
    fed.advance(1_000);
    expect(seen).toEqual([0, 1]);
  });

  it('pause, also inside next: nothing comes, credit and watermark stay, resume goes on', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 5);
    const { seen, records } = watch(
      fed.delivery.records.pipe(tap(record => (partition.paused = valueOf(record) === 1))),
    );
    fed.advance();
    expect([seen, partition.unacked]).toEqual([[0, 1], 2]);
    records[0]!.ack();
    fed.advance(1_000);
    expect([seen, partition.watermark, partition.paused]).toEqual([[0, 1], 1n, true]);
    partition.paused = false;
    fed.advance();
    expect(seen).toEqual(upTo(5));
  });

  it('seek, also inside next: credit back, watermark at the target, old acks ignored', () => {
    const fed = new HandFed({ window: { records: 3 } });
    const partition = fed.add();
    fed.push(partition, 0, 5);
    const { seen, records } = watch(
      fed.delivery.records.pipe(
        tap(record => {
          if (valueOf(record) !== 2) return;
          partition.reset(50n);
          fed.push(partition, 50, 5);
        }),
      ),
    );
    fed.advance();
    expect(seen).toEqual([0, 1, 2, 50, 51, 52]);
    expect([records[0]!.ack(), records[2]!.ack(), records[2]!.signal.aborted]).toEqual([false, false, true]);
    expect(partition.watermark).toBe(50n);
    expect(records[3]!.ack()).toBe(true);
    expect(partition.watermark).toBe(51n);
  });

  it('lost: credit back at once, acks refused, signals abort, the watermark stays', () => {
    const fed = new HandFed({ window: { records: 4 } });
    const [lost, kept] = [fed.add(0), fed.add(1)];
    fed.push(lost, 0, 5);
    fed.push(kept, 100, 10);
    const { seen, records } = watch(fed.delivery.records);
    const signals: AbortSignal[] = [];
    fed.advance();
    for (const record of records) signals.push(record.signal);
    records[0]!.ack();
    fed.delivery.remove(lost);
    expect(records.slice(0, 2).map(record => record.ack())).toEqual([false, false]);
    expect([lost.watermark, lost.unacked]).toEqual([1n, 0]);
    fed.advance();
    expect(seen.filter(value => value >= 100)).toEqual([100, 101, 102, 103].slice(0, 4));
    expect(signals.map(signal => signal.aborted)).toEqual(
      records.slice(0, signals.length).map(record => record.partition === 0 && record.offset !== 0n),
    );
  });

  it('close: complete the view, wait for acks, say how many', () => {
    const { fed, partition, seen, ends, records } = three();
    fed.delivery.complete();
    expect([ends, partition.unacked]).toEqual([['complete'], 3]);
    const results: unknown[] = [];
    fed.delivery.drained(1_000).subscribe(result => results.push(result));
    records[0]!.ack();
    records[1]!.nack(new Error('no time left'));
    fed.advance(10);
    expect(results).toEqual([]);
    records[2]!.ack();
    fed.advance();
    expect([results, seen, partition.watermark]).toEqual([[{ settled: 3, abandoned: 0 }], [0, 1, 2], 1n]);
  });

  it('close: at the deadline what is left is superseded and its signals abort', () => {
    const { fed, partition, records } = three();
    fed.delivery.complete();
    const results: unknown[] = [];
    fed.delivery.drained(1_000).subscribe(result => results.push(result));
    records[0]!.ack();
    const { signal } = records[1]!;
    fed.advance(999);
    expect([results, signal.aborted]).toEqual([[], false]);
    fed.advance(1);
    expect(results).toEqual([{ settled: 1, abandoned: 2 }]);
    expect([signal.aborted, records[1]!.ack(), partition.watermark]).toEqual([true, false, 1n]);
  });

  it('close: does not wait for a view that was unsubscribed', () => {
    const { fed, subscription } = three();
    subscription.unsubscribe();
    const results: unknown[] = [];
    fed.delivery.drained(1_000).subscribe(result => results.push(result));
    expect(results).toEqual([{ settled: 0, abandoned: 0 }]);
  });

  it('fail: errors the view; without one, the next, and not inside subscribe', () => {
    const { fed, ends } = three();
    fed.delivery.fail(new Error('fatal'));
    expect(ends.map(String)).toEqual(['Error: fatal']);
    fed.delivery.fail(new Error('meanwhile'));
    const next = watch(fed.delivery.records);
    expect(next.ends).toEqual([]);
    fed.advance();
    expect(next.ends.map(String)).toEqual(['Error: meanwhile']);
  });
});
