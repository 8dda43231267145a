import { concat, map, tap, toArray } from 'rxjs';
import { Fetch } from '../../../lib/protocol/apis/fetch';
import { Metadata } from '../../../lib/protocol/apis/metadata';
import { OffsetForLeaderEpoch } from '../../../lib/protocol/apis/offset-for-leader-epoch';
import { CODE } from '../../../lib/testing/error-codes';
import { inVirtualTime, type Wire } from '../in-virtual-time';

const WHERE = { topic: 't', partition: 0 };

/** Error, epoch and its end. */
function endOf({ ask }: Wire, leaderEpoch: number, currentLeaderEpoch = -1, broker = 1) {
  return ask(
    OffsetForLeaderEpoch,
    4,
    { replicaId: -1, topics: [{ topic: 't', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }] },
    broker,
  ).pipe(
    map(({ topics }) => topics[0]!.partitions[0]!),
    map(({ errorCode, leaderEpoch: epoch, endOffset }) => [errorCode, epoch, endOffset]),
  );
}

function fetched({ ask }: Wire, asked: object, { broker = 1, rackId = '', version = 12 } = {}) {
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000, ...asked }];
  const body = { maxWaitMs: 0, minBytes: 1, maxBytes: 1000, rackId, topics: [{ topic: 't', partitions }] };
  return ask(Fetch, version, body, broker).pipe(map(({ responses }) => responses[0]!.partitions[0]!));
}

describe('OffsetForLeaderEpoch', () => {
  it('tells where epochs end, and that it does not know later ones', () => {
    inVirtualTime({ brokers: 3, topics: { t: 1 } }, wire => {
      const { cluster } = wire;
      cluster.append('t', 0, ['0', '1', '2']);
      cluster.moveLeader(WHERE, 2);
      cluster.moveLeader(WHERE, 3);
      cluster.append('t', 0, ['3', '4']);
      cluster.moveLeader(WHERE, 1);
      return concat(...[0, 1, 2, 3, 4].map(epoch => endOf(wire, epoch))).pipe(
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            [0, 0, 3n],
            // Epoch 1 wrote nothing: what it had ends where the one before it ends.
            [0, 0, 3n],
            [0, 2, 5n],
            [0, 3, 5n],
            [0, -1, -1n],
          ]),
        ),
      );
    });
  });

  it('is refused by another broker, and in another epoch than the client believes in', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, wire => {
      wire.cluster.moveLeader(WHERE, 2);
      return concat(endOf(wire, 0, -1, 1), endOf(wire, 0, 0, 2), endOf(wire, 0, 2, 2), endOf(wire, 0, 1, 2)).pipe(
        map(([errorCode]) => errorCode),
        toArray(),
        tap(codes =>
          expect(codes).toEqual([CODE.NOT_LEADER_OR_FOLLOWER, CODE.FENCED_LEADER_EPOCH, CODE.UNKNOWN_LEADER_EPOCH, 0]),
        ),
      );
    });
  });
});

describe('a truncated log', () => {
  it('ends the old epoch earlier, and tells readers who have read more', () => {
    inVirtualTime({ topics: { t: 1 } }, wire => {
      const { cluster } = wire;
      cluster.append('t', 0, ['0', '1']);
      cluster.append('t', 0, ['lost', 'lost too']);
      cluster.truncate(WHERE, 2n);
      expect(cluster.log('t', 0).map(({ value }) => String(value))).toEqual(['0', '1']);
      cluster.append('t', 0, ['new']);
      const at = (fetchOffset: bigint, lastFetchedEpoch: number) => fetched(wire, { fetchOffset, lastFetchedEpoch });
      return concat(
        endOf(wire, 0),
        at(3n, 0).pipe(map(({ divergingEpoch, records }) => [divergingEpoch, records!.length])),
        at(2n, 0).pipe(map(({ divergingEpoch, records }) => [divergingEpoch.endOffset, records!.length > 0])),
        at(3n, 1).pipe(map(({ divergingEpoch, errorCode }) => [divergingEpoch.endOffset, errorCode])),
        at(3n, 7).pipe(map(({ errorCode }) => errorCode)),
      ).pipe(
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            [0, 0, 2n],
            [{ epoch: 0, endOffset: 2n }, 0],
            [-1n, true],
            [-1n, 0],
            CODE.OFFSET_OUT_OF_RANGE,
          ]),
        ),
      );
    });
  });

  it('loses whole batches: what is left of one that is cut is a hole', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ cluster, ask }) => {
      cluster.append('t', 0, ['0', '1', '2']);
      cluster.truncate(WHERE, 2n);
      cluster.append('t', 0, ['new']);
      expect(cluster.log('t', 0).map(({ offset }) => offset)).toEqual([2n]);
      expect(() => cluster.truncate(WHERE, 9n)).toThrow(RangeError);
      return ask(Metadata, 12, { topics: null }).pipe(
        tap(({ topics }) => expect(topics[0]!.partitions[0]!.leaderEpoch).toBe(1)),
      );
    });
  });
});

describe('brokers with racks', () => {
  const racks = { brokers: 3, racks: ['a', 'b', 'c'], topics: { t: 1 } };

  it('send a consumer to the replica in its rack, which serves it', () => {
    inVirtualTime(racks, wire => {
      wire.cluster.append('t', 0, ['r']);
      const at = (broker: number, rackId: string, version = 12) =>
        fetched(wire, {}, { broker, rackId, version }).pipe(
          map(({ errorCode, preferredReadReplica, records }) => [errorCode, preferredReadReplica, records!.length > 0]),
        );
      return concat(at(1, ''), at(1, 'a'), at(1, 'b'), at(2, 'b'), at(1, 'elsewhere'), at(2, 'b', 10)).pipe(
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            [0, -1, true],
            [0, -1, true],
            [0, 2, false],
            [0, -1, true],
            [0, -1, true],
            [CODE.NOT_LEADER_OR_FOLLOWER, -1, false],
          ]),
        ),
      );
    });
  });

  it('tell their racks, and send nobody to a broker that is down', () => {
    inVirtualTime(racks, wire => {
      wire.cluster.stop(2);
      return concat(
        wire.ask(Metadata, 12, { topics: null }).pipe(map(({ brokers }) => brokers.map(({ rack }) => rack))),
        fetched(wire, {}, { rackId: 'b' }).pipe(map(({ preferredReadReplica }) => preferredReadReplica)),
      ).pipe(
        toArray(),
        tap(seen => expect(seen).toEqual([['a', 'c'], -1])),
      );
    });
  });

  it('keep followers to themselves where there are none', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, wire =>
      fetched(wire, {}, { broker: 2, rackId: 'b' }).pipe(
        tap(({ errorCode }) => expect(errorCode).toBe(CODE.NOT_LEADER_OR_FOLLOWER)),
      ),
    );
  });
});
