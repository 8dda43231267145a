import { concat, finalize, map, mergeMap, NEVER, Observable, retry, share, take, tap, timer } from 'rxjs';
import { ConsumerBusyError, DecodeError } from '../../../lib/errors';
import { utf8 } from '../../../lib/serdes';
import { DELIVERY, type ConsumerRecord, type DeliverySource } from '../../../lib/types';
import { fetched, HandFed, offsetBatch } from './hand-fed';

const valueOf = (record: ConsumerRecord) => Number(record.rawValue!.toString());
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

/** Collects the offsets and the records of a view, and how it ended. */
function watch<T extends { readonly rawValue: Buffer | null }>(view: Observable<T>) {
  const seen: number[] = [];
  const records: T[] = [];
  const ends: unknown[] = [];
  const subscription = view.subscribe({
    next: record => {
      records.push(record);
      seen.push(Number(record.rawValue!.toString()));
    },
    error: (error: unknown) => ends.push(error),
    complete: () => ends.push('complete'),
  });
  return { seen, records, ends, subscription };
}

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

// Design §7: what each event does to credit, watermark and redelivery.
describe('the contract of events', () => {
  const three = (overrides: ConstructorParameters<typeof HandFed>[0] = {}) => {
    const fed = new HandFed({ window: { records: 3 }, ...overrides });
    const partition = fed.add();
    fed.push(partition, 0, 10);
    const view = watch(fed.delivery.records);
    fed.advance();
    return { fed, partition, ...view };
  };

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
