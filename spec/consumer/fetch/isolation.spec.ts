import { scanBatches } from '../../../lib/records/batch-header';
import { buildBatch } from '../../../lib/records/build-batch';
import { controlRecord } from '../../../lib/records/control-record';
import { batchFilter } from '../../../lib/consumer/fetch/isolation';

const WHERE = { topic: 't', partition: 0 };
const record = { timestamp: 1, key: null, value: 'v' };

/** A log in words: `a1` = batch of producer 1 in a transaction, `n1` = outside of one, `p` = of no producer, `C1`, `A1` = markers. */
function log(words: string): Buffer {
  let baseOffset = 0n;
  return Buffer.concat(
    words.split(' ').map(word => {
      const producerId = word.length > 1 ? BigInt(word.slice(1)) : -1n;
      const kind = word[0];
      const producer = { producerId, producerEpoch: 0, baseOffset };
      baseOffset += kind === 'a' ? 2n : 1n;
      if (kind === 'C' || kind === 'A')
        return buildBatch([controlRecord(kind === 'C' ? 'commit' : 'abort', 1)], {
          ...producer,
          transactional: true,
          control: true,
        });
      return buildBatch(kind === 'a' ? [record, record] : [record], { ...producer, transactional: kind === 'a' });
    }),
  );
}

const kept = (words: string, aborted: [bigint, bigint][] | null): string => {
  const records = log(words);
  const filter = batchFilter(
    records,
    aborted?.map(([producerId, firstOffset]) => ({ producerId, firstOffset })) ?? null,
    WHERE,
  );
  const names = words.split(' ');
  return scanBatches(records)
    .flatMap((header, i) => (filter(header) ? [names[i]!] : []))
    .join(' ');
};

describe('read_committed', () => {
  it.each<[string, string, [bigint, bigint][] | null, string]>([
    ['drops markers alone where nothing was aborted', 'p a1 C1 a2 A2', null, 'p a1 a2'],
    ['drops an aborted transaction up to its marker', 'a1 A1 a1 C1', [[1n, 0n]], 'a1'],
    ['keeps what interleaves with it', 'a1 a2 a1 p A1 C2', [[1n, 0n]], 'a2 p'],
    ['keeps what the producer wrote outside of transactions', 'a1 n1 A1', [[1n, 0n]], 'n1'],
    ['drops it also when its marker comes in a later fetch', 'p a1 a1', [[1n, 1n]], 'p'],
    [
      'drops two aborted transactions of one producer, keeps the committed one between them',
      'a1 A1 a1 C1 a1 A1',
      [
        [1n, 0n],
        [1n, 6n],
      ],
      'a1',
    ],
    [
      'sorts a list that is not sorted',
      'a1 A1 a2 A2 a1 C1',
      [
        [2n, 3n],
        [1n, 0n],
      ],
      'a1',
    ],
    ['drops a batch in which the transaction begins after the first record', 'p a1 A1', [[1n, 2n]], 'p'],
    ['does not take a commit marker for the end of an aborted transaction', 'a1 C1 a1 A1', [[1n, 0n]], ''],
    ['passes over a marker without a transaction', 'A3 p', [[1n, 0n]], 'p'],
  ])('%s', (_, words, aborted, expected) => {
    expect(kept(words, aborted)).toBe(expected);
  });
});
