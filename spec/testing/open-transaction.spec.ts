import { concat, defer, map, tap, toArray } from 'rxjs';
import { Fetch } from '../../lib/protocol/apis/fetch';
import { scanBatches } from '../../lib/records/batch-header';
import { inVirtualTime, type Wire } from './in-virtual-time';

/** Where `read_committed` gets to, the batches up to there, and what of them was aborted. */
function committed({ ask }: Wire, fetchOffset = 0n) {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 100_000 }];
  const topics = [{ topic: 't', partitions }];
  return ask(Fetch, 12, { maxWaitMs: 0, minBytes: 1, maxBytes: 100_000, isolationLevel: 1, topics }).pipe(
    map(({ responses }) => responses[0]!.partitions[0]!),
    map(({ lastStableOffset, records, abortedTransactions }) => ({
      stable: Number(lastStableOffset),
      offsets: scanBatches(records!).map(({ baseOffset, isControl }) => `${baseOffset}${isControl ? '!' : ''}`),
      aborted: abortedTransactions?.map(({ producerId, firstOffset }) => [Number(producerId), Number(firstOffset)]),
    })),
  );
}

describe('transactions that stay open', () => {
  it('hold read_committed at their first record until they end, interleaved with others', () => {
    inVirtualTime({ topics: { t: 2 } }, wire => {
      const { cluster } = wire;
      const [one, two] = [cluster.transaction(), cluster.transaction()];
      cluster.append('t', 0, ['0']);
      one.append('t', 0, ['1']);
      two.append('t', 0, ['2']);
      one.append('t', 0, ['3']);
      cluster.append('t', 0, ['4']);
      return concat(
        committed(wire),
        defer(() => {
          two.abort();
          return committed(wire);
        }),
        defer(() => {
          one.commit();
          return committed(wire, 1n);
        }),
        defer(() => {
          one.append('t', 0, ['7']);
          one.abort();
          return committed(wire, 6n);
        }),
      ).pipe(
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            { stable: 1, offsets: ['0'], aborted: [] },
            { stable: 1, offsets: ['0'], aborted: [] },
            { stable: 7, offsets: ['1', '2', '3', '4', '5!', '6!'], aborted: [[1001, 2]] },
            { stable: 9, offsets: ['6!', '7', '8!'], aborted: [[1000, 7]] },
          ]),
        ),
      );
    });
  });

  it('end in every partition that they touched, and only there', () => {
    inVirtualTime({ topics: { t: 3 } }, wire => {
      const { cluster } = wire;
      const open = cluster.transaction();
      open.append('t', 0, ['a']);
      open.append('t', 2, ['b', 'c']);
      open.commit();
      open.commit();
      return committed(wire).pipe(
        tap(({ stable }) => {
          expect(stable).toBe(2);
          expect([0, 1, 2].map(partition => cluster.log('t', partition).length)).toEqual([1, 0, 2]);
        }),
      );
    });
  });
});
