import { concatMap, delay, map, NEVER, of, throwError, timer } from 'rxjs';
import { handle } from '../../lib/operators/handle';
import { type ConsumerRecord } from '../../lib/types';
import { HandFed } from '../consumer/delivery/hand-fed';

describe('handle behind a consumer', () => {
  const slow = (fed: HandFed, ms: number) => (record: ConsumerRecord) =>
    timer(ms, fed.clock.scheduler).pipe(map(() => Number(record.offset)));

  it("keeps its backpressure with ack: 'auto', since it claims the records", () => {
    const fed = new HandFed({ ack: 'auto', window: { records: 4 } });
    const partition = fed.add();
    fed.push(partition, 0, 100);
    const out: number[] = [];
    fed.delivery.records.pipe(handle(slow(fed, 10))).subscribe(value => out.push(value));
    fed.advance(25);
    expect([out, partition.unacked, partition.watermark]).toEqual([[0, 1], 4, 2n]);
    fed.advance(2_000);
    expect([out.length, partition.watermark]).toEqual([100, 100n]);
  });

  it('keeps the order of a partition through a nack: nothing queued behind it runs before it comes again', () => {
    const fed = new HandFed({
      hooks: { onRewind: (it, offset) => fed.push(it as never, Number(offset), 10 - Number(offset)) },
    });
    fed.push(fed.add(), 0, 10);
    const log: string[] = [];
    fed.delivery.records
      .pipe(
        handle(
          record => {
            log.push(`${record.offset}/${record.attempt}`);
            if (record.offset === 3n && record.attempt < 3) throw new Error('not yet');
          },
          { onError: () => 'retry' },
        ),
      )
      .subscribe();
    fed.advance(5_000);
    expect(log).toEqual(['0/1', '1/1', '2/1', '3/1', '3/2', '3/3', '4/1', '5/1', '6/1', '7/1', '8/1', '9/1']);
    expect(fed.delivery.unacked).toBe(0);
  });

  it('does not run what a seek superseded while it waited in its lane', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 5);
    const started: number[] = [];
    fed.delivery.records
      .pipe(handle(record => (started.push(Number(record.offset)), slow(fed, 10)(record))))
      .subscribe();
    fed.advance(5);
    partition.reset(20n);
    fed.push(partition, 20, 2);
    fed.advance(1_000);
    expect(started).toEqual([0, 20, 21]);
    expect(partition.watermark).toBe(22n);
  });

  it('aborts the signal of what runs when it is unsubscribed', () => {
    const fed = new HandFed();
    fed.push(fed.add(), 0, 1);
    let signal: AbortSignal | undefined;
    const subscription = fed.delivery.records.pipe(handle(record => ((signal = record.signal), NEVER))).subscribe();
    fed.advance();
    expect(signal!.aborted).toBe(false);
    subscription.unsubscribe();
    expect(signal!.aborted).toBe(true);
  });

  it('commits no gap: a failing record is where the next view begins', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 10);
    const fragile = fed.delivery.records.pipe(
      handle(
        record =>
          of(record.offset).pipe(
            delay(10 - Number(record.offset), fed.clock.scheduler),
            concatMap(offset => (offset === 4n ? throwError(() => new Error('four')) : of(offset))),
          ),
        { order: 'none' },
      ),
    );
    const ends: unknown[] = [];
    fragile.subscribe({ error: (error: unknown) => ends.push(String(error)) });
    fed.advance(100);
    expect([ends, partition.watermark, partition.unacked]).toEqual([['Error: four'], 0n, 0]);
  });
});
