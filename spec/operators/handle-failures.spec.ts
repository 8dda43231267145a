import { EMPTY, Observable, of, Subject, throwError, timer } from 'rxjs';
import { RequestTimeoutError } from '../../lib/errors';
import { HandFed } from '../consumer/delivery/hand-fed';
import { handMade } from './hand-made';
import { made, outcomes, run, timed } from './handle-runs';

describe('handle, when an attempt fails', () => {
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
    // These two threw through `next`, and no record of any lane was ever run again.
    [
      'a thenable that throws',
      () => ({
        then: () => {
          throw new Error('no');
        },
      }),
    ],
    [
      'a result that throws when it is looked at',
      () => ({
        get then() {
          throw new Error('no');
        },
      }),
    ],
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
});
