import {
  EMPTY,
  from,
  map,
  NEVER,
  type Observable,
  of,
  range,
  Subject,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { handle } from '../../lib/operators/handle';
import { HandFed } from '../consumer/delivery/hand-fed';
import { handMade } from './hand-made';
import { made, marbles, outcomes, type Rec, run, timed } from './handle-runs';

describe('handle', () => {
  it('emits values and acks, for values, streams and promises alike; undefined is not emitted, an array is one value', async () => {
    const records = made(6, at => ({ partition: at }));
    const results = [1, undefined, [2, 3], of(4, 5), EMPTY, Promise.resolve(6)];
    const { out, source, ends } = run<unknown>(records, record => results[record.value]);
    source.complete();
    expect([out, ends]).toEqual([[1, [2, 3], 4, 5], []]);
    expect(outcomes(records)).toEqual(['acked', 'acked', 'acked', 'acked', 'acked', undefined]);
    await new Promise(setImmediate);
    expect([out, ends, records[5]!.outcome]).toEqual([[1, [2, 3], 4, 5, 6], ['complete'], 'acked']);
  });

  it('acks after the result went down, when the inner completes', () => {
    const record = handMade(0);
    const inner = new Subject<string>();
    const seen: unknown[] = [];
    of(record)
      .pipe(handle(() => inner))
      .subscribe(value => seen.push([value, record.outcome]));
    inner.next('a');
    inner.next('b');
    expect(record.outcome).toBeUndefined();
    inner.complete();
    expect([seen, record.outcome]).toEqual([
      [
        ['a', undefined],
        ['b', undefined],
      ],
      'acked',
    ]);
  });

  it('leaves a record to sendTo when its result is what produce made, also in a stream or a promise', async () => {
    const records = made(4, at => ({ partition: at }));
    const { out } = run<unknown>(records, record => {
      const outgoing = record.produce({ topic: 'out', value: 'x' } as never);
      return [outgoing, of(outgoing), Promise.resolve(outgoing), { records: [], source: records[0] }][record.value];
    });
    await new Promise(setImmediate);
    expect(out).toHaveLength(4);
    // The last one's result belongs to another record.
    expect(outcomes(records)).toEqual([undefined, undefined, undefined, 'acked']);
  });

  it('runs the records of a partition one after another, partitions side by side', () => {
    marbles(({ cold, expectObservable }) => {
      const records = [handMade(0), handMade(1), handMade(2, { partition: 1 })];
      const source = cold('(abc|)', { a: records[0]!, b: records[1]!, c: records[2]! });
      const results = source.pipe(handle(record => cold('-----(x|)', { x: record.value })));
      expectObservable(results).toBe('-----(ac)-(b|)', { a: 0, b: 1, c: 2 });
    });
  });

  it('runs at most `concurrency` at once', () => {
    marbles(({ cold, expectObservable }) => {
      const source = from(made(3));
      const results = source.pipe(
        handle(record => cold('-----(x|)', { x: record.value }), { order: 'none', concurrency: 2 }),
      );
      expectObservable(results).toBe('-----(ab)-(c|)', { a: 0, b: 1, c: 2 });
    });
  });

  it("orders by key with order: 'key', by the content of bytes, and what has no key not at all", () => {
    marbles(({ cold, expectObservable }) => {
      const key = (text: string | null) => ({ rawKey: text === null ? null : Buffer.from(text) });
      const records = [key('a'), key('a'), key('b'), key(null), key(null)].map((fields, at) => handMade(at, fields));
      const results = from(records).pipe(handle(record => cold('--------(x|)', { x: record.value }), { order: 'key' }));
      expectObservable(results).toBe('--------(acde)--(b|)', { a: 0, b: 1, c: 2, d: 3, e: 4 });
    });
  });

  it('orders by keyOf, which needs no order option', () => {
    marbles(({ cold, expectObservable }) => {
      const results = from(made(4)).pipe(
        handle(record => cold('-----(x|)', { x: record.value }), { keyOf: record => record.value % 2 }),
      );
      expectObservable(results).toBe('-----(ab)-(cd|)', { a: 0, b: 1, c: 2, d: 3 });
    });
  });

  it('completes once the source has and all results have', () => {
    marbles(({ cold, expectObservable }) => {
      const results = from(made(2)).pipe(handle(record => cold('---x|', { x: record.value })));
      expectObservable(results).toBe('---a---b|', { a: 0, b: 1 });
      expectObservable((EMPTY as Observable<Rec>).pipe(handle(() => NEVER))).toBe('|');
      expectObservable(throwError(() => 'broken').pipe(handle(() => NEVER))).toBe('#', undefined, 'broken');
    });
  });

  it('takeUntil before it is graceful, behind it abrupt', () => {
    const { clock } = new HandFed();
    for (const graceful of [true, false]) {
      const records = made(2).map(record => timed(clock, record));
      const source = new Subject<Rec>();
      const stop = new Subject<void>();
      const work = handle((record: Rec) => timer(10, clock.scheduler).pipe(map(() => record.value)));
      const out: unknown[] = [];
      const piped = graceful ? source.pipe(takeUntil(stop), work) : source.pipe(work, takeUntil(stop));
      piped.subscribe({ next: value => out.push(value), complete: () => out.push('complete') });
      for (const record of records) source.next(record);
      stop.next();
      clock.advance(100);
      expect(out).toEqual(graceful ? [0, 1, 'complete'] : ['complete']);
      expect(outcomes(records)).toEqual(graceful ? ['acked', 'acked'] : [undefined, undefined]);
      expect(records[0]!.aborted).toHaveLength(graceful ? 0 : 1);
    }
  });

  it('does not ack the record whose result ended the stream: take, or an operator that throws', () => {
    for (const end of [
      take<number>(2),
      tap<number>(value => {
        if (value === 1) throw new Error('behind');
      }),
    ]) {
      const records = made(4);
      from(records)
        .pipe(
          handle(record => record.value),
          end,
        )
        .subscribe({ error: () => undefined });
      expect(outcomes(records)).toEqual(['acked', undefined, undefined, undefined]);
    }
  });

  it('stops an endless synchronous source', () => {
    const endless = range(0, Infinity).pipe(map(at => handMade(at)));
    const out: number[] = [];
    endless
      .pipe(
        handle(record => record.value),
        take(3),
      )
      .subscribe(value => out.push(value));
    expect(out).toEqual([0, 1, 2]);
  });

  it('names an option it does not know, and values it does not take', () => {
    const wrong = (options: object) => () => handle(() => 1, options as never);
    expect(wrong({ concurency: 1 })).toThrow(/handle: unknown option "concurency"; did you mean "concurrency"/);
    expect(wrong({ concurrency: 0 })).toThrow(RangeError);
    expect(wrong({ order: 'topic' })).toThrow(TypeError);
    expect(wrong({ onError: 'ignore' })).toThrow(TypeError);
    expect(wrong({ retry: { attempts: 0 } })).toThrow(RangeError);
    expect(wrong({ retry: { delay: 1 } })).toThrow(TypeError);
    expect(wrong({ order: 'partition', keyOf: () => 1 })).toThrow(TypeError);
    expect(() => handle(undefined as never)).toThrow(TypeError);
  });
});
