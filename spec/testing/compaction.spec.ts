import { tap } from 'rxjs';
import { Fetch } from '../../lib/protocol/apis/fetch';
import { scanBatches } from '../../lib/records/batch-header';
import { EmbeddedCluster } from '../../lib/testing/embedded-cluster';
import { inVirtualTime } from './in-virtual-time';

const WHERE = { topic: 't', partition: 0 };
const FROM_THE_START = {
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 10_000,
  topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 10_000 }] }],
};

function keysOf(cluster: EmbeddedCluster): string[] {
  return cluster.log('t', 0).map(({ offset, key, value }) => `${offset} ${String(key)}=${String(value)}`);
}

const pairs = (text: string) =>
  text.split(' ').map(pair => ({ key: pair[0]!, value: pair.slice(1), headers: { h: pair } }));

describe('a compacted log', () => {
  it('keeps of each key the last record, with its offset, headers and timestamp', () => {
    const cluster = new EmbeddedCluster({ topics: { t: 1 } });
    cluster.append('t', 0, [{ key: 'a', value: '1', timestamp: 5 }, ...pairs('b1 a2')], { compression: 'gzip' });
    cluster.append('t', 0, [{ key: 'c', value: '1', timestamp: 77, headers: { h: 'x' } }, 'without a key']);
    cluster.append('t', 0, pairs('b2'));
    cluster.compact(WHERE);
    expect(keysOf(cluster)).toEqual(['2 a=2', '3 c=1', '5 b=2']);
    const [, kept] = cluster.log('t', 0);
    expect([kept!.timestamp, kept!.headers.text('h')]).toEqual([77, 'x']);
  });

  it('has holes, and batches that reach over offsets without records', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ cluster, ask }) => {
      cluster.append('t', 0, pairs('a1 b1 c1'));
      cluster.append('t', 0, pairs('d1'));
      cluster.append('t', 0, pairs('a2 c2 d2'));
      cluster.compact(WHERE);
      return ask(Fetch, 12, FROM_THE_START).pipe(
        tap(({ responses }) => {
          const batches = scanBatches(responses[0]!.partitions[0]!.records!);
          expect(
            batches.map(({ baseOffset, nextOffset, recordCount }) => [baseOffset, nextOffset, recordCount]),
          ).toEqual([
            [0n, 3n, 1],
            [4n, 7n, 3],
          ]);
          expect(keysOf(cluster)).toEqual(['1 b=1', '4 a=2', '5 c=2', '6 d=2']);
        }),
      );
    });
  });

  it('keeps the last batch of a producer without its records, keeps markers, and drops what was aborted', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ cluster, ask }) => {
      cluster.append('t', 0, pairs('a1'), { transaction: 'aborted' });
      cluster.append('t', 0, pairs('b1'), { transaction: 'committed' });
      cluster.append('t', 0, pairs('b2'));
      cluster.compact(WHERE);
      expect(keysOf(cluster)).toEqual(['4 b=2']);
      return ask(Fetch, 12, FROM_THE_START).pipe(
        tap(({ responses }) =>
          expect(
            scanBatches(responses[0]!.partitions[0]!.records!).map(({ baseOffset, recordCount, isControl }) => [
              Number(baseOffset),
              recordCount,
              isControl,
            ]),
          ).toEqual([
            [0, 0, false],
            [1, 1, true],
            [2, 0, false],
            [3, 1, true],
            [4, 1, false],
          ]),
        ),
      );
    });
  });

  it('is left alone from the first open transaction on', () => {
    const cluster = new EmbeddedCluster({ topics: { t: 1 } });
    cluster.append('t', 0, pairs('a1'));
    const open = cluster.transaction();
    open.append('t', 0, pairs('a2'));
    cluster.append('t', 0, pairs('a3'));
    cluster.compact(WHERE);
    expect(keysOf(cluster)).toEqual(['0 a=1', '1 a=2', '2 a=3']);
    open.commit();
    cluster.compact(WHERE);
    expect(keysOf(cluster)).toEqual(['2 a=3']);
  });
});
