import { defer, NEVER, of, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { backoffMs, reactionTo, reactionToCode, retrying } from '../../lib/cluster/retry';
import { ConnectionError, DecodeError } from '../../lib/errors';
import { brokerError } from '../../lib/protocol/error-table';
import type { KafkaEventBody } from '../../lib/types';

const BROKER = { host: 'b', port: 1 };
const lost = () => new ConnectionError(BROKER, 'broken', 'gone');

describe('backoffMs', () => {
  it.each([
    [1, 0.5, 100],
    [2, 0.5, 200],
    [4, 0.5, 800],
    [5, 0.5, 1000],
    [1, 0, 80],
    [1, 0.999999, 120],
    [40, 0.999999, 1000],
  ])('after failure %i with chance %f it is %i ms', (attempt, chance, expected) => {
    expect(backoffMs(attempt, { baseMs: 100, maxMs: 1000 }, () => chance)).toBe(expected);
  });
});

describe('reactions', () => {
  it.each([
    [6, 'refresh'],
    [16, 'refresh'],
    [7, 'retry'],
    [14, 'retry'],
    [29, 'abortable'],
    [58, 'fatal'],
    [9999, 'fatal'],
  ])('to code %i is %s', (code, expected) => {
    expect(reactionToCode(code)).toBe(expected);
    expect(reactionTo(brokerError(code, { api: 'X' }))).toBe(expected);
  });

  it('to a lost connection is to look again, to undecodable bytes and foreign errors to give up', () => {
    expect(reactionTo(lost())).toBe('refresh');
    expect(reactionTo(new DecodeError('x', { position: 0 }))).toBe('fatal');
    expect(reactionTo(new Error('x'))).toBe('fatal');
  });
});

describe('retrying', () => {
  function run(
    work: (tools: {
      scheduler: TestScheduler;
      expect: TestScheduler['expectObservable'];
      events: KafkaEventBody[];
      policy: Parameters<typeof retrying>[0];
    }) => void,
  ) {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ expectObservable }) => {
      const events: KafkaEventBody[] = [];
      const runtime = { scheduler, yield: (go: () => void) => scheduler.schedule(go), random: () => 0.5 };
      work({
        scheduler,
        expect: expectObservable,
        events,
        policy: {
          api: 'Metadata',
          runtime,
          backoff: { baseMs: 100, maxMs: 1000 },
          timeoutMs: 500,
          emit: event => events.push(event),
        },
      });
    });
  }

  it('repeats retriable errors after 100 ms, then 200 ms, and tells each retry', () => {
    let attempts = 0;
    const events: KafkaEventBody[] = [];
    run(({ expect: expectObservable, policy }) => {
      const source = defer(() => (++attempts < 3 ? throwError(lost) : of(attempts)));
      expectObservable(source.pipe(retrying({ ...policy, emit: event => events.push(event) }))).toBe('300ms (r|)', {
        r: 3,
      });
    });
    expect(events.map(event => event.type === 'retry' && [event.attempt, event.delayMs])).toEqual([
      [1, 100],
      [2, 200],
    ]);
  });

  it('passes a fatal error on at once', () => {
    run(({ expect: expectObservable, policy }) => {
      const error = brokerError(29, { api: 'Metadata', topic: 't' });
      expectObservable(throwError(() => error).pipe(retrying(policy))).toBe('#', {}, error);
    });
  });

  it('ends at the deadline with the last error, as that says more than a timeout', () => {
    run(({ expect: expectObservable, policy }) => {
      const error = lost();
      // 0, 100, 300 ms; the next would be at 700 ms, behind the deadline.
      expectObservable(throwError(() => error).pipe(retrying(policy))).toBe('300ms #', {}, error);
    });
  });

  // It used to say that no broker answered in time, and not which one, nor why.
  it('ends at the deadline with what others ran into on its behalf, when it had nothing to do but wait', () => {
    run(({ expect: expectObservable, policy }) => {
      const trouble = lost();
      const waiting = NEVER.pipe(retrying({ ...policy, trouble: () => trouble }));
      expectObservable(waiting).toBe('500ms #', {}, trouble);
    });
  });

  it('cancels an attempt that is still under way at the deadline', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
      const runtime = { scheduler, yield: (go: () => void) => scheduler.schedule(go), random: () => 0.5 };
      const never = cold<number>('-');
      expectObservable(
        never.pipe(
          retrying({
            api: 'Metadata',
            runtime,
            backoff: { baseMs: 100, maxMs: 1000 },
            timeoutMs: 500,
            emit: () => undefined,
          }),
        ),
      ).toBe('500ms #', {}, expect.objectContaining({ name: 'RequestTimeoutError', retriable: true }));
      expectSubscriptions(never.subscriptions).toBe('^ 499ms !');
    });
  });
});
