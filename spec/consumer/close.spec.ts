import { map, mergeMap, of, tap, timer } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Settleable } from '../../lib/types';
import { consuming, values } from './consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };

describe('closing a consumer', () => {
  it('completes the view, waits for what is in flight, commits it and closes the connections', () => {
    const log: unknown[] = [];
    let committed: unknown;
    let open: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, runtime, events, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 60_000 } }).assign([P0]);
      reading.records
        .pipe(mergeMap(record => timer(2_000, runtime.scheduler).pipe(mergeMap(() => of(record.ack())))))
        .subscribe({ complete: () => log.push(`complete at ${runtime.scheduler.now()}`) });
      at(1_000, () =>
        reading
          .close()
          .subscribe({ next: drained => log.push(drained), complete: () => (committed = cluster.committed('g')) }),
      );
      at(
        5_000,
        () =>
          (open =
            events.filter(({ type }) => type === 'connected').length -
            events.filter(({ type }) => type === 'disconnected').length),
      );
    });
    expect(log).toEqual([expect.stringMatching(/^complete at 2\d\d\d$/), { settled: 3, abandoned: 0 }]);
    expect(committed).toEqual([{ ...P0, offset: 3n }]);
    // The client's own connection for metadata stays.
    expect(open).toBe(1);
  });

  it('abandons what is not settled in time, and commits the rest', () => {
    const log: unknown[] = [];
    let committed: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe(record => record.offset === 0n && record.ack());
      at(1_000, () => reading.close({ drainMs: 500 }).subscribe(drained => log.push(drained)));
      at(2_000, () => (committed = cluster.committed('g')));
    });
    expect(log).toEqual([{ settled: 0, abandoned: 2 }]);
    expect(committed).toEqual([{ ...P0, offset: 1n }]);
  });

  it.each(['records', 'batches'] as const)('inside next of %s, lets that one pass through the whole pipeline', view => {
    // The view completed at once, in the middle of `next`: operators behind the call never saw what it was called for.
    const log: unknown[] = [];
    let committed: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', window: { records: 2 } }).assign([P0]);
      (reading[view] as Observable<Settleable>)
        .pipe(
          tap(() => reading.close().subscribe(drained => log.push(drained))),
          tap(item => item.ack()),
          map(() => 'seen'),
        )
        .subscribe({ next: seen => log.push(seen), complete: () => log.push('complete') });
      at(2_000, () => (committed = cluster.committed('g')));
    });
    const records = view === 'records' ? 1 : 2;
    expect(log).toEqual(['seen', 'complete', { settled: records, abandoned: 0 }]);
    expect(committed).toEqual([{ ...P0, offset: BigInt(records) }]);
  });

  it('settles in any state, once for all who ask: unused, without a view, without a broker', () => {
    const log: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, runtime, at }) => {
      const unused = consumer();
      unused.close().subscribe(() => log.push('unused'));
      unused.close().subscribe(() => log.push('unused again'));
      const idle = consumer({ groupId: 'g' }).assign([P0]);
      idle.close().subscribe(() => log.push('idle'));
      cluster.append(TOPIC, 0, values(0, 3));
      const cut = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      cut.records.subscribe({ next: record => record.ack(), complete: () => log.push('view') });
      at(1_000, () => {
        cluster.stop(1);
        cut.close({ drainMs: 2_000 }).subscribe(() => log.push(`cut at ${runtime.scheduler.now()}`));
      });
    });
    expect(log.slice(0, 4)).toEqual(['unused', 'unused again', 'idle', 'view']);
    expect(Number(/^cut at (\d+)$/.exec(log[4]!)?.[1])).toBeLessThanOrEqual(3_010);
  });

  it('leaves nothing to use: a new view completes, assign throws, commit errors', () => {
    const log: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 }, forMs: 100 }, ({ consumer, at }) => {
      const reading = consumer({ groupId: 'g' });
      reading.close().subscribe();
      at(10, () => {
        reading.records.subscribe({ complete: () => log.push('complete') });
        reading.commit().subscribe({ error: error => log.push(error.name) });
        expect(() => reading.assign([P0])).toThrow(/closed/);
        expect(() => reading.seek(P0, 0n)).toThrow(/closed/);
        expect(() => reading.unsubscribe()).not.toThrow();
      });
    });
    expect(log).toEqual(['ClosedError', 'complete']);
  });

  it('refuses a drain that no timer can take, which used to be taken for none, and options it does not know', () => {
    consuming({ topics: { orders: 1 } }, ({ consumer }) => {
      const reading = consumer().assign([{ topic: 'orders', partition: 0 }]);
      expect(() => reading.close({ drainMs: Infinity })).toThrow(RangeError);
      expect(() => reading.close({ drainMs: -1 })).toThrow(RangeError);
      expect(() => reading.close({ timeoutMs: 1 } as object)).toThrow(TypeError);
    });
  });
});
