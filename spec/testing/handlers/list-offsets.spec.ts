import { concat, map, tap, toArray } from 'rxjs';
import { ListOffsets } from '../../../lib/protocol/apis/list-offsets';
import { inVirtualTime } from '../in-virtual-time';

function request(timestamp: number, { isolationLevel = 0, currentLeaderEpoch = -1, name = 't' } = {}) {
  return { isolationLevel, topics: [{ name, partitions: [{ partitionIndex: 0, currentLeaderEpoch, timestamp }] }] };
}

describe('ListOffsets', () => {
  test.each([
    ['the end', -1, [5n, -1, 1]],
    ['the beginning', -2, [0n, -1, 0]],
    ['the record with the largest timestamp', -3, [2n, 500, 0]],
    ['the beginning of what is on the broker', -4, [0n, -1, 0]],
    ['the end of tiered storage, which there is none', -5, [-1n, -1, -1]],
    ['the first record', 0, [0n, 100, 0]],
    ['a record by its very time', 200, [1n, 200, 0]],
    ['the first record not earlier, within a compressed batch', 250, [2n, 500, 0]],
    ['a record of a later batch', 450, [2n, 500, 0]],
    ['no record at all after the last', 501, [-1n, -1, -1]],
  ])('finds %s', (_title, timestamp, [offset, time, leaderEpoch]) => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) => {
      const at = (ms: number) => ({ value: 'v', timestamp: ms });
      cluster.append('t', 0, [at(100), at(200), at(500)], { compression: 'gzip' });
      cluster.moveLeader({ topic: 't', partition: 0 }, 1);
      cluster.append('t', 0, [at(300), at(400)]);
      return ask(ListOffsets, 11, request(timestamp)).pipe(
        tap(({ topics }) =>
          expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, offset, timestamp: time, leaderEpoch }),
        ),
      );
    });
  });

  it('checks the leader and its epoch', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, ({ ask, cluster }) => {
      cluster.moveLeader({ topic: 't', partition: 0 }, 2);
      return concat(
        ask(ListOffsets, 4, request(-1)),
        ask(ListOffsets, 4, request(-1, { currentLeaderEpoch: 0 }), 2),
        ask(ListOffsets, 4, request(-1, { currentLeaderEpoch: 1 }), 2),
        ask(ListOffsets, 4, request(-1, { name: 'missing' }), 2),
      ).pipe(
        map(({ topics }) => topics[0]!.partitions[0]!.errorCode),
        toArray(),
        tap(codes => expect(codes).toEqual([6, 74, 0, 3])),
      );
    });
  });

  it('refuses a partition that is asked for twice, and it alone', () => {
    inVirtualTime({ topics: { t: 2 } }, ({ ask }) => {
      const at = (partitionIndex: number, timestamp: number) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp });
      const body = { isolationLevel: 0, topics: [{ name: 't', partitions: [at(0, -1), at(1, -1), at(0, -2)] }] };
      return ask(ListOffsets, 11, body).pipe(
        tap(({ topics }) => expect(topics[0]!.partitions.map(one => one.errorCode)).toEqual([42, 0, 42])),
      );
    });
  });
});
