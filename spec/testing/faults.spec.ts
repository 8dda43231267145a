import { concat, concatMap, endWith, map, materialize, merge, takeUntil, tap, timer, toArray } from 'rxjs';
import { FindCoordinator } from '../../lib/protocol/apis/find-coordinator';
import { Metadata } from '../../lib/protocol/apis/metadata';
import { OffsetFetch } from '../../lib/protocol/apis/offset-fetch';
import { Fetch } from '../../lib/protocol/apis/fetch';
import { Produce } from '../../lib/protocol/apis/produce';
import { buildBatch } from '../../lib/records/build-batch';
import { inVirtualTime, type Wire } from './in-virtual-time';

const records = buildBatch([{ timestamp: 1, value: 'v' }]);
const produce = {
  acks: -1,
  timeoutMs: 1,
  topicData: [{ name: 't', partitionData: [0, 1].map(index => ({ index, records })) }],
};
const all = { topics: null };

/** The error codes of both partitions in one Produce request after the other. */
function producing({ ask }: Wire, times: number) {
  const codes = ask(Produce, 12, produce).pipe(
    map(({ responses }) => responses[0]!.partitionResponses.map(({ errorCode }) => errorCode)),
  );
  return concat(...Array.from({ length: times }, () => codes)).pipe(toArray());
}

describe('faults', () => {
  it('put an error where it was asked for, and nothing is executed there', () => {
    inVirtualTime({ topics: { t: 2 } }, wire => {
      const fault = wire.cluster.fault({ api: 'Produce', topic: 't', partition: 1 }, { error: 'NOT_ENOUGH_REPLICAS' });
      return producing(wire, 2).pipe(
        tap(codes => {
          expect(codes).toEqual([
            [0, 19],
            [0, 19],
          ]);
          expect([wire.cluster.log('t', 0).length, wire.cluster.log('t', 1).length]).toEqual([2, 0]);
          fault.unsubscribe();
        }),
        concatMap(() => producing(wire, 1)),
        tap(codes => expect(codes).toEqual([[0, 0]])),
      );
    });
  });

  it('hit the nth match, as often as told', () => {
    inVirtualTime({ topics: { t: 2 } }, wire => {
      wire.cluster.fault({ api: 'Produce', nth: 2, times: 2 }, { error: 'UNKNOWN_9999' });
      wire.cluster.fault({ api: 'Produce', broker: 2 }, { error: 'CORRUPT_MESSAGE' });
      wire.cluster.fault({ topic: 'other' }, { error: 'CORRUPT_MESSAGE' });
      return producing(wire, 4).pipe(tap(codes => expect(codes.map(([code]) => code)).toEqual([0, 9999, 9999, 0])));
    });
  });

  test.each(['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'])('append and report %s', error => {
    inVirtualTime({ topics: { t: 2 } }, wire => {
      wire.cluster.fault({ api: 'Produce' }, { error });
      return producing(wire, 1).pipe(
        tap(([codes]) => expect(codes![0]).toBeGreaterThan(0)),
        tap(() => expect(wire.cluster.log('t', 0)).toHaveLength(1)),
      );
    });
  });

  it('know topics that a request names by id', () => {
    inVirtualTime({ topics: { t: 1, u: 1 } }, ({ ask, cluster }) => {
      cluster.fault({ api: 'Fetch', topic: 't' }, { error: 'KAFKA_STORAGE_ERROR' });
      return ask(Metadata, 13, all).pipe(
        concatMap(({ topics }) =>
          ask(Fetch, 13, {
            maxWaitMs: 0,
            minBytes: 0,
            topics: topics.map(({ topicId }) => ({
              topicId,
              partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 }],
            })),
          }),
        ),
        tap(({ responses }) => expect(responses.map(({ partitions }) => partitions[0]!.errorCode)).toEqual([56, 0])),
      );
    });
  });

  it('of a group or coordinator stand on top of the response', () => {
    inVirtualTime({}, ({ ask, cluster }) => {
      cluster.fault({ api: 'OffsetFetch' }, { error: 'COORDINATOR_LOAD_IN_PROGRESS' });
      cluster.fault({ api: 'FindCoordinator' }, { error: 'COORDINATOR_NOT_AVAILABLE' });
      return concat(
        ask(OffsetFetch, 7, { groupId: 'g', topics: null }).pipe(map(({ errorCode }) => errorCode)),
        ask(OffsetFetch, 9, { groups: [{ groupId: 'g', topics: null }] }).pipe(
          map(({ groups }) => groups[0]!.errorCode),
        ),
        ask(FindCoordinator, 6, { coordinatorKeys: ['g'] }).pipe(map(({ coordinators }) => coordinators[0]!.errorCode)),
      ).pipe(
        toArray(),
        tap(codes => expect(codes).toEqual([14, 14, 15])),
      );
    });
  });

  it('hit metadata of all topics for the topic alone', () => {
    inVirtualTime({ topics: { t: 2, u: 1 } }, ({ ask, cluster }) => {
      cluster.fault({ api: 'Metadata', topic: 't', times: 1 }, { error: 'UNKNOWN_TOPIC_OR_PARTITION' });
      cluster.fault({ api: 'Metadata', topic: 't', partition: 1, nth: 2 }, { error: 'LEADER_NOT_AVAILABLE' });
      const codes = ask(Metadata, 12, all).pipe(
        map(({ topics }) =>
          topics.map(({ errorCode, partitions }) => [errorCode, ...partitions.map(it => it.errorCode)]),
        ),
      );
      return concat(codes, codes).pipe(
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            [[3], [0, 0]],
            [
              [0, 0, 5],
              [0, 0],
            ],
          ]),
        ),
      );
    });
  });

  it('delay the answer and what follows it on the connection, but not the work', () => {
    inVirtualTime({ topics: { t: 2 } }, ({ connect, cluster, now }) => {
      cluster.fault({ api: 'Produce' }, { delayMs: 300 });
      timer(1).subscribe(() => expect(cluster.log('t', 0)).toHaveLength(1));
      return connect().pipe(
        concatMap(client =>
          merge(client.request(Produce, 12, produce), client.request(Metadata, 12, all)).pipe(map(() => now())),
        ),
        takeUntil(timer(1000)),
        toArray(),
        tap(times => expect(times).toEqual([300, 300])),
      );
    });
  });

  test.each([
    ['request', 0],
    ['response', 1],
  ] as const)('drop a %s and leave the connection silent', (drop, stored) => {
    inVirtualTime({ topics: { t: 2 } }, ({ connect, ask, cluster }) => {
      cluster.fault({ api: 'Produce', times: 1 }, { drop });
      return connect().pipe(
        concatMap(client =>
          merge(client.request(Produce, 12, produce), client.request(Metadata, 12, all)).pipe(map(() => 'answered')),
        ),
        takeUntil(timer(5000)),
        endWith('silent'),
        toArray(),
        tap(seen => {
          expect(seen).toEqual(['silent']);
          expect(cluster.log('t', 0)).toHaveLength(stored);
        }),
        concatMap(() => ask(Metadata, 12, all)),
      );
    });
  });

  test.each([0, 1, 4, 5, 20])('execute the request, send %i bytes of the answer and cut', bytes => {
    inVirtualTime({ topics: { t: 2 } }, ({ connect, cluster }) => {
      cluster.fault({ api: 'Produce' }, { cutAfterBytes: bytes });
      let received: () => number;
      return connect().pipe(
        concatMap(client => {
          received = () => client.received.reduce((sum, chunk) => sum + chunk.length, 0);
          return client.request(Produce, 12, produce);
        }),
        materialize(),
        tap(({ kind, error }: any) => {
          expect([kind, error.code, received()]).toEqual(['E', 'ECONNRESET', bytes]);
          expect(cluster.log('t', 0)).toHaveLength(1);
        }),
      );
    });
  });

  it('must be errors that Kafka has', () => {
    inVirtualTime({}, ({ cluster, ask }) => {
      expect(() => cluster.fault({}, { error: 'NO_SUCH_ERROR' })).toThrow(TypeError);
      return ask(Metadata, 12, all);
    });
  });
});
