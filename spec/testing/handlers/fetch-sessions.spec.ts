import { concat, concatMap, defer, map, tap, toArray, type Observable } from 'rxjs';
import type { RequestOf } from '../../../lib/protocol/api';
import { Fetch } from '../../../lib/protocol/apis/fetch';
import { Metadata } from '../../../lib/protocol/apis/metadata';
import { CODE } from '../../../lib/testing/error-codes';
import { inVirtualTime, type Wire } from '../in-virtual-time';

type Body = RequestOf<typeof Fetch>;
type Asked = Readonly<Record<number, bigint>>;

/** Asks for partitions of `t` from these offsets, and does not wait. */
function body(sessionId: number, sessionEpoch: number, asked: Asked, over: Partial<Body> = {}): Body {
  const partitions = Object.entries(asked).map(([partition, fetchOffset]) => ({
    partition: Number(partition),
    fetchOffset,
    partitionMaxBytes: 1_000_000,
  }));
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 10_000_000,
    sessionId,
    sessionEpoch,
    topics: partitions.length === 0 ? [] : [{ topic: 't', partitions }],
    ...over,
  };
}

const forgetting = (...partitions: number[]) => ({ forgottenTopicsData: [{ topic: 't', partitions }] });

/** Runs the steps over one session, which the first request opens: what each answer says. */
function inSession(
  { ask }: Wire,
  opening: Asked,
  steps: (next: (epoch: number, asked?: Asked, over?: Partial<Body>) => Observable<unknown>) => Observable<unknown>[],
): Observable<unknown[]> {
  return ask(Fetch, 12, body(0, 0, opening)).pipe(
    concatMap(opened => {
      expect(opened.sessionId).toBeGreaterThan(0);
      return concat(
        [told(opened)],
        ...steps((epoch, asked = {}, over = {}) =>
          ask(Fetch, 12, body(opened.sessionId, epoch, asked, over)).pipe(map(told)),
        ),
      ).pipe(toArray());
    }),
  );
}

/** The error of the whole, or the partitions with their bytes or errors. */
function told({ errorCode, responses }: { errorCode: number; responses: readonly any[] }): unknown {
  if (errorCode !== 0) return errorCode;
  return responses.flatMap(({ partitions }) =>
    partitions.map(
      (one: any) => `${one.partitionIndex}${one.errorCode ? ` E${one.errorCode}` : one.records.length ? '*' : ''}`,
    ),
  );
}

describe('a fetch session', () => {
  it('tells all in the first answer, and then only what is news', () => {
    inVirtualTime({ topics: { t: 3 } }, wire => {
      const { cluster } = wire;
      cluster.append('t', 1, ['a']);
      return inSession(wire, { 0: 0n, 1: 0n, 2: 0n }, next => [
        next(1, { 1: 1n }),
        next(2),
        defer(() => {
          cluster.append('t', 0, ['b']);
          return next(3);
        }),
        next(4, { 0: 1n }),
        defer(() => {
          cluster.append('t', 2, ['gone']);
          cluster.deleteRecords({ topic: 't', partition: 2 }, 1n);
          return next(5);
        }),
        next(6, { 2: 1n }),
        next(7),
      ]).pipe(tap(seen => expect(seen).toEqual([['0', '1*', '2'], [], [], ['0*'], [], ['2 E1'], ['2'], []])));
    });
  });

  it('forgets partitions, takes new ones, and ends with the last', () => {
    inVirtualTime({ topics: { t: 3 } }, wire => {
      for (const partition of [0, 1, 2]) wire.cluster.append('t', partition, ['a']);
      return inSession(wire, { 0: 0n }, next => [
        next(1, { 1: 0n }, forgetting(0)),
        next(2, {}, forgetting(1)),
        next(3),
      ]).pipe(tap(seen => expect(seen).toEqual([['0*'], ['1*'], [], CODE.FETCH_SESSION_ID_NOT_FOUND])));
    });
  });

  it('counts its requests: the same again is an error, and does not advance it', () => {
    inVirtualTime({ topics: { t: 1 } }, wire =>
      inSession(wire, { 0: 0n }, next => [next(1), next(1), next(3), next(2)]).pipe(
        tap(seen =>
          expect(seen).toEqual([['0'], [], CODE.INVALID_FETCH_SESSION_EPOCH, CODE.INVALID_FETCH_SESSION_EPOCH, []]),
        ),
      ),
    );
  });

  it('serves whoever was served longest ago first, within the limit of bytes', () => {
    inVirtualTime({ topics: { t: 2 } }, wire => {
      for (const partition of [0, 1]) wire.cluster.append('t', partition, ['x'.repeat(1000)]);
      return inSession(wire, { 0: 0n, 1: 0n }, next => [
        next(1, {}, { maxBytes: 10 }),
        next(2, {}, { maxBytes: 10 }),
        next(3, {}, { maxBytes: 10 }),
      ]).pipe(tap(seen => expect(seen.slice(1)).toEqual([['0*'], ['1*'], ['0*']])));
    });
  });

  it('is closed by the epoch that ends it, and replaced by a new first request', () => {
    inVirtualTime({ topics: { t: 1 } }, wire =>
      inSession(wire, { 0: 0n }, next => [next(0, { 0: 0n }), next(1), next(-1, { 0: 0n })]).pipe(
        tap(seen => expect(seen).toEqual([['0'], ['0'], CODE.FETCH_SESSION_ID_NOT_FOUND, ['0']])),
      ),
    );
  });

  it('is not for requests without one', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask }) =>
      ask(Fetch, 12, body(0, -1, { 0: 0n })).pipe(tap(({ sessionId }) => expect(sessionId).toBe(0))),
    );
  });

  it('does not change over from names to ids', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask }) =>
      ask(Metadata, 12, { topics: null }).pipe(
        map(({ topics }) => topics[0]!.topicId),
        concatMap(topicId =>
          ask(Fetch, 12, body(0, 0, { 0: 0n })).pipe(
            concatMap(({ sessionId }) =>
              ask(Fetch, 13, {
                ...body(sessionId, 1, {}),
                topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 }] }],
              }),
            ),
          ),
        ),
        tap(({ errorCode }) => expect(errorCode).toBe(CODE.FETCH_SESSION_TOPIC_ID_ERROR)),
      ),
    );
  });

  it('is gone when its broker has been stopped, or when a fault says so', () => {
    inVirtualTime({ topics: { t: 1 } }, wire => {
      const { cluster } = wire;
      return inSession(wire, { 0: 0n }, next => [
        defer(() => {
          cluster.fault({ api: 'Fetch', times: 1 }, { error: 'INVALID_FETCH_SESSION_EPOCH' });
          return next(1);
        }),
        next(1),
        defer(() => {
          cluster.stop(1);
          cluster.start(1);
          return next(2);
        }),
      ]).pipe(
        tap(seen =>
          expect(seen).toEqual([['0'], CODE.INVALID_FETCH_SESSION_EPOCH, [], CODE.FETCH_SESSION_ID_NOT_FOUND]),
        ),
      );
    });
  });

  it('tells again what it has told before an error', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, wire => {
      const { cluster } = wire;
      return inSession(wire, { 0: 0n }, next => [
        defer(() => {
          cluster.moveLeader({ topic: 't', partition: 0 }, 2);
          return next(1);
        }),
        defer(() => {
          cluster.moveLeader({ topic: 't', partition: 0 }, 1);
          return next(2);
        }),
        next(3),
      ]).pipe(tap(seen => expect(seen).toEqual([['0'], [`0 E${CODE.NOT_LEADER_OR_FOLLOWER}`], ['0'], []])));
    });
  });
});
