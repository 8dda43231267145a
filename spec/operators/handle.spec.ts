import {
  concat,
  concatMap,
  delay,
  EMPTY,
  from,
  map,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { RequestTimeoutError } from '../../lib/errors';
import { handle, type HandleOptions } from '../../lib/operators/handle';
import { DELIVERY, type ConsumerRecord, type DeliverySource } from '../../lib/types';
import { HandFed } from '../consumer/delivery/hand-fed';
import { handMade, type HandMade } from './hand-made';

type Rec = ConsumerRecord<string, number>;

function marbles(work: Parameters<TestScheduler['run']>[0]): void {
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(work);
}

/** Hand-made records with a runtime, so that backoff and timeouts are virtual too. */
function timed(clock: HandFed['clock'], record: HandMade): HandMade & { aborted: unknown[] } {
  const aborted: unknown[] = [];
  const source: DeliverySource = {
    runtime: clock,
    claim: () => undefined,
    starved: NEVER,
    isSuperseded: () => false,
    abort: (_, reason) => aborted.push(reason),
  };
  return Object.assign(record, { [DELIVERY]: source, aborted });
}

/** Runs `project` over records 0.. and collects what came out, and how it ended. */
function run<R>(
  records: readonly Rec[],
  project: (record: Rec) => R | Observable<R> | PromiseLike<R>,
  options?: HandleOptions<Rec>,
) {
  const source = new Subject<Rec>();
  const out: unknown[] = [];
  const ends: unknown[] = [];
  const subscription = source.pipe(handle(project, options)).subscribe({
    next: value => out.push(value),
    error: (error: unknown) => ends.push(error),
    complete: () => ends.push('complete'),
  });
  for (const record of records) source.next(record);
  return { source, out, ends, subscription };
}

const outcomes = (records: readonly HandMade[]) => records.map(record => record.outcome);
const made = (count: number, fields: (at: number) => Partial<Rec> = () => ({})) =>
  Array.from({ length: count }, (_, at) => handMade(at, fields(at)));

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

  it('fails by default: the stream errors, the record stays as it is, what runs is cancelled', () => {
    const records = made(3, at => ({ partition: at }));
    let cancelled = 0;
    const { ends, out } = run<number>(records, record => {
      if (record.value === 2) throw new Error('poison');
      return new Observable(() => () => cancelled++);
    });
    expect([ends.map(String), out, cancelled, outcomes(records)]).toEqual([
      ['Error: poison'],
      [],
      2,
      [undefined, undefined, undefined],
    ]);
  });

  it.each([
    [
      'a throw',
      () => {
        throw new Error('no');
      },
    ],
    ['a stream that errors', () => throwError(() => new Error('no'))],
    ['a promise that rejects', () => Promise.reject(new Error('no'))],
  ])('asks onError after %s: skip acks, retry nacks, fail errors', async (_, project) => {
    for (const [onError, outcome, ended] of [
      ['skip', 'acked', []],
      [() => 'skip', 'acked', []],
      [() => Promise.resolve('skip' as const), 'acked', []],
      [() => of('skip' as const), 'acked', []],
      [() => 'retry', 'nacked: Error: no', []],
      ['fail', undefined, ['Error: no']],
      [() => 'fail', undefined, ['Error: no']],
      [
        () => {
          throw new Error('policy');
        },
        undefined,
        ['Error: policy'],
      ],
      [() => throwError(() => new Error('policy')), undefined, ['Error: policy']],
      [() => EMPTY, undefined, ["TypeError: onError ended without an outcome: 'skip', 'retry' or 'fail'"]],
      [() => 'ack', undefined, ["TypeError: onError must decide 'skip', 'retry' or 'fail', not ack"]],
    ] as const) {
      const records = made(2);
      let first = true;
      const { ends } = run<unknown>(records, () => (first ? ((first = false), project()) : undefined), {
        onError: onError as never,
      });
      await new Promise(setImmediate);
      expect([records[0]!.outcome, ends.map(String)]).toEqual([outcome, ended]);
      // The lane goes on.
      expect(records[1]!.outcome).toBe(ended.length === 0 ? 'acked' : undefined);
    }
  });

  it('asks onError, not project, when the key cannot be had', () => {
    const record = handMade(0);
    const calls: unknown[] = [];
    const keyOf = () => {
      throw new Error('no key');
    };
    const { ends } = run([record], () => calls.push('project'), {
      keyOf,
      onError: (_, error) => (calls.push(String(error)), 'skip'),
    });
    expect([calls, record.outcome, ends]).toEqual([['Error: no key'], 'acked', []]);
  });

  it('retries in place with a doubling backoff, which holds up only its lane', () => {
    const fed = new HandFed();
    const { clock } = fed;
    const records = made(3, at => ({ partition: at === 2 ? 1 : 0 })).map(record => timed(clock, record));
    const log: string[] = [];
    const { ends } = run(
      records,
      record => {
        log.push(`${record.value}@${clock.scheduler.frame}`);
        if (record.value === 0 && clock.scheduler.frame < 600) throw new Error('not yet');
      },
      { retry: { backoffMs: 100, maxBackoffMs: 300 }, concurrency: 1 },
    );
    clock.advance(2_000);
    expect(log).toEqual(['0@0', '2@0', '0@100', '0@300', '0@600', '1@600']);
    expect([outcomes(records), ends]).toEqual([['acked', 'acked', 'acked'], []]);
  });

  it('gives up after `attempts`, and at once when the error is not worth it', () => {
    const { clock } = new HandFed();
    for (const [retry, tries] of [
      [{ attempts: 3 }, 3],
      [{}, 5],
      [{ when: () => false }, 1],
    ] as const) {
      const record = timed(clock, handMade(0));
      let attempts = 0;
      const { ends } = run(
        [record],
        () => {
          attempts++;
          throw new Error('no');
        },
        { retry },
      );
      clock.advance(60_000);
      expect([attempts, ends.map(String)]).toEqual([tries, ['Error: no']]);
    }
  });

  it('times out an attempt: aborts the signal, ignores what comes late, and may try again', () => {
    const { clock } = new HandFed();
    const record = timed(clock, handMade(0));
    let attempt = 0;
    const slow = new Subject<string>();
    const { out, ends } = run<string>([record], () => (attempt++ === 0 ? slow : of('second')), {
      timeoutMs: 1_000,
      retry: { attempts: 2 },
    });
    clock.advance(999);
    expect(record.aborted).toEqual([]);
    clock.advance(1);
    expect(record.aborted[0]).toBeInstanceOf(RequestTimeoutError);
    expect(String(record.aborted[0])).toContain('orders-0@0');
    slow.next('late');
    clock.advance(100);
    expect([out, ends, record.outcome]).toEqual([['second'], [], 'acked']);
  });

  it('has no timer left after a result in time', () => {
    const { clock } = new HandFed();
    const record = timed(clock, handMade(0));
    run([record], () => timer(10, clock.scheduler), { timeoutMs: 1_000 });
    clock.advance(10);
    expect([record.outcome, clock.scheduler.actions.filter(it => !it.closed).length]).toEqual(['acked', 0]);
  });

  it('ignores a promise that settles after a timeout', async () => {
    const { clock } = new HandFed();
    const record = timed(clock, handMade(0));
    let resolve!: (value: string) => void;
    const { out, ends } = run([record], () => new Promise<string>(it => (resolve = it)), {
      timeoutMs: 5,
      onError: 'skip',
    });
    clock.advance(5);
    resolve('late');
    await new Promise(setImmediate);
    expect([out, ends, record.outcome]).toEqual([[], [], 'acked']);
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
    concat(fragile).subscribe({ error: (error: unknown) => ends.push(String(error)) });
    fed.advance(100);
    expect([ends, partition.watermark, partition.unacked]).toEqual([['Error: four'], 0n, 0]);
  });
});
