import { map, mergeMap, share, tap, timer } from 'rxjs';
import { ConsumerBusyError, DecodeError } from '../../../lib/errors';
import { fetched, HandFed, offsetBatch, upTo, valueOf, watch } from './hand-fed';

describe('a view of records', () => {
  it('emits nothing inside subscribe, then every record in order', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 3);
    fed.push(partition, 3, 2);
    const { seen, records } = watch(fed.delivery.records);
    expect(seen).toEqual([]);
    fed.advance();
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(records.map(record => record.offset)).toEqual([0n, 1n, 2n, 3n, 4n]);
    expect([partition.position, partition.watermark, partition.unacked]).toEqual([5n, 0n, 5]);
  });

  it('gives its late joiner of share() everything, since nothing came inside subscribe', () => {
    const fed = new HandFed();
    fed.push(fed.add(), 0, 3);
    const shared = fed.delivery.records.pipe(share());
    const first = watch(shared);
    const second = watch(shared);
    fed.advance();
    expect([first.seen, second.seen]).toEqual([upTo(3), upTo(3)]);
  });

  it('errors a second concurrent view, names fanOut, and leaves the first alone', () => {
    const fed = new HandFed();
    const partition = fed.add();
    const first = watch(fed.delivery.records);
    const second = watch(fed.delivery.batches.pipe(mergeMap(batch => batch.records)));
    expect(second.ends).toEqual([]);
    fed.push(partition, 0, 1);
    fed.advance();
    expect(second.ends[0]).toBeInstanceOf(ConsumerBusyError);
    expect(String(second.ends[0])).toContain('fanOut');
    expect(first.seen).toEqual([0]);
  });

  it('goes round the partitions in slices of 64', () => {
    const fed = new HandFed();
    const [a, b] = [fed.add(0), fed.add(1)];
    fed.push(a, 0, 200);
    fed.push(b, 1_000, 100);
    const { seen } = watch(fed.delivery.records);
    fed.advance();
    expect(seen.slice(0, 64)).toEqual(upTo(64));
    expect(seen.slice(64, 128)).toEqual(upTo(64, 1_000));
    expect(seen.slice(128, 192)).toEqual(upTo(64, 64));
    expect(seen).toHaveLength(300);
  });

  it('lets I/O have a turn every 1,024 records', () => {
    const fed = new HandFed();
    const partition = fed.add();
    for (let at = 0; at < 5_000; at += 500) fed.push(partition, at, 500);
    const seenAt: number[] = [];
    fed.delivery.records.subscribe(record => {
      record.ack();
      seenAt.push(fed.clock.yields);
    });
    fed.advance();
    const turns = new Map<number, number>();
    for (const at of seenAt) turns.set(at, (turns.get(at) ?? 0) + 1);
    expect([...turns.values()]).toEqual([1_024, 1_024, 1_024, 1_024, 904]);
  });

  it('lets I/O have a turn after 5 ms of a slow subscriber', () => {
    const fed = new HandFed();
    fed.push(fed.add(), 0, 20);
    const yields: number[] = [];
    fed.delivery.records.subscribe(() => {
      yields.push(fed.clock.yields);
      fed.clock.scheduler.frame += 10;
    });
    fed.advance(1_000);
    expect(new Set(yields).size).toBe(20);
  });

  it('does not recurse when next() acks: 100,000 records through a window of one', () => {
    const fed = new HandFed({ window: { records: 1 } });
    const partition = fed.add();
    for (let at = 0; at < 100_000; at += 10_000) fed.push(partition, at, 10_000);
    let expected = 0;
    let depth = 0;
    fed.delivery.records.subscribe(record => {
      if (++depth > 1) throw new Error('re-entered');
      if (valueOf(record) !== expected++) throw new Error('out of order');
      record.ack();
      depth--;
    });
    fed.advance();
    expect(expected).toBe(100_000);
    expect(partition.watermark).toBe(100_000n);
  });

  it('never has more than the window out, whatever mergeMap hides', () => {
    const fed = new HandFed({ window: { records: 50 } });
    const partition = fed.add();
    for (let at = 0; at < 2_000; at += 100) fed.push(partition, at, 100);
    let out = 0;
    let most = 0;
    const done: number[] = [];
    fed.delivery.records
      .pipe(
        tap(() => (most = Math.max(most, ++out))),
        mergeMap(
          record =>
            timer(10, fed.clock.scheduler).pipe(
              tap(() => record.ack() && out--),
              map(() => valueOf(record)),
            ),
          4,
        ),
      )
      .subscribe(value => done.push(value));
    fed.advance(20_000);
    expect(most).toBe(50);
    expect(done).toEqual(upTo(2_000));
    expect(partition.watermark).toBe(2_000n);
  });

  it('stops at window.bytes too', () => {
    const fed = new HandFed({ window: { bytes: 1_000 } });
    fed.add().push([
      fetched(
        upTo(20).map(index => ({ timestamp: 0, value: `${index}`.padStart(200, '0') })),
        {},
      ),
    ]);
    const { records } = watch(fed.delivery.records);
    fed.advance();
    expect(records).toHaveLength(4);
    records[0]!.ack();
    fed.advance();
    expect(records).toHaveLength(5);
  });

  it('stops a partition whose acks run too far ahead of its oldest record, and no other', () => {
    const fed = new HandFed({ window: { records: 1_000, ackAhead: 10 } });
    const [stuck, other] = [fed.add(0), fed.add(1)];
    fed.push(stuck, 0, 100);
    fed.push(other, 1_000, 100);
    const { seen, records } = watch(fed.delivery.records.pipe(tap(record => valueOf(record) > 0 && record.ack())));
    fed.advance();
    expect(seen.filter(value => value < 1_000)).toEqual(upTo(10));
    expect(seen.filter(value => value >= 1_000)).toEqual(upTo(100, 1_000));
    records[0]!.ack();
    fed.advance();
    expect(seen.filter(value => value < 1_000)).toEqual(upTo(100));
  });

  it('skips records below the offset asked for, and what skipTo passes', () => {
    const fed = new HandFed();
    const partition = fed.add(0, 2n);
    fed.push(partition, 0, 4, { from: 2 });
    partition.skipTo(10n);
    fed.push(partition, 10, 2);
    partition.skipTo(15n);
    const { seen, records } = watch(fed.delivery.records);
    fed.advance();
    expect(seen).toEqual([2, 3, 10, 11]);
    records.forEach(record => record.ack());
    // Past the trailing marker: else lag would never be zero.
    expect([partition.position, partition.watermark]).toEqual([15n, 15n]);
  });

  it('commits past the end of a compacted batch, and across its holes', () => {
    const fed = new HandFed();
    const partition = fed.add();
    partition.push([
      fetched(
        [
          { timestamp: 0, value: '0' },
          { timestamp: 0, value: '7', offsetDelta: 7 },
        ],
        { baseOffset: 0n, lastOffsetDelta: 9 },
      ),
    ]);
    const { seen, records } = watch(fed.delivery.records);
    fed.advance();
    expect(seen).toEqual([0, 7]);
    records[0]!.ack();
    expect(partition.watermark).toBe(7n);
    records[1]!.ack();
    expect(partition.watermark).toBe(10n);
  });

  it('ends a partition at until, once, and completes when the consumer says so', () => {
    const fed = new HandFed({ hooks: { onEnded: () => fed.delivery.complete() } });
    const partition = fed.add(0, 0n, 3n);
    fed.push(partition, 0, 10);
    const { seen, ends } = watch(fed.delivery.records);
    fed.advance();
    expect([seen, ends, partition.position]).toEqual([[0, 1, 2], ['complete'], 3n]);
    expect(fed.asked).toEqual(['demand true', 'ended orders-0', 'demand false']);
  });

  it('ends a partition at until where a hole reaches over it', () => {
    const fed = new HandFed();
    const partition = fed.add(0, 0n, 5n);
    fed.push(partition, 0, 2);
    partition.skipTo(8n);
    watch(fed.delivery.records);
    fed.advance();
    expect(fed.asked).toContain('ended orders-0');
  });

  it('errors the view on a corrupt batch, after the good ones before it', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 2);
    const bad = offsetBatch(2, 2);
    bad.records[bad.records.length - 1]! ^= 1;
    partition.push([bad]);
    const { seen, ends } = watch(fed.delivery.records);
    fed.advance();
    expect(seen).toEqual([0, 1]);
    expect(ends[0]).toBeInstanceOf(DecodeError);
    expect(ends[0]).toMatchObject({ topic: 'orders', partition: 0 });
    expect(fed.asked.filter(what => what.startsWith('corrupt'))).toEqual(['corrupt orders-0']);
  });

  it('goes on behind a corrupt batch when the consumer seeks past it', () => {
    const fed = new HandFed({ hooks: { onCorrupt: it => (it.reset(4n), fed.push(partition, 4, 1)) } });
    const partition = fed.add();
    const bad = offsetBatch(0, 4);
    bad.records[bad.records.length - 1]! ^= 1;
    partition.push([bad]);
    const { seen, ends } = watch(fed.delivery.records);
    fed.advance();
    expect([seen, ends]).toEqual([[4], []]);
  });

  it('frees buffer as batches are delivered, and tells so at most once a turn', () => {
    let freed = 0;
    const fed = new HandFed({ hooks: { onFreed: () => freed++ } });
    const partition = fed.add();
    for (let at = 0; at < 50; at += 10) fed.push(partition, at, 10);
    expect(fed.delivery.bufferedBytes).toBe(partition.bufferedBytes);
    expect(partition.bufferedBytes).toBeGreaterThan(500);
    watch(fed.delivery.records);
    fed.advance();
    expect([partition.bufferedBytes, fed.delivery.bufferedBytes, freed]).toEqual([0, 0, 1]);
  });
});
