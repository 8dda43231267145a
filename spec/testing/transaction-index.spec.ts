import { TransactionIndex } from '../../lib/testing/transaction-index';

describe('TransactionIndex', () => {
  it('keeps the last stable offset at the first record of the oldest open transaction', () => {
    const index = new TransactionIndex();
    expect(index.lastStableOffset(10n)).toBe(10n);
    index.wrote(1n, 3n);
    index.wrote(2n, 5n);
    index.wrote(1n, 8n);
    expect(index.lastStableOffset(10n)).toBe(3n);
    index.ended(1n, 10n, true);
    expect(index.lastStableOffset(11n)).toBe(5n);
    index.ended(2n, 11n, false);
    expect(index.lastStableOffset(12n)).toBe(12n);
  });

  it('lists the aborted transactions that touch a range, in the order of their markers', () => {
    const index = new TransactionIndex();
    index.wrote(1n, 0n);
    index.wrote(2n, 2n);
    index.ended(2n, 4n, false);
    index.ended(1n, 6n, false);
    index.wrote(1n, 7n);
    index.ended(1n, 8n, true);
    const aborted = [
      { producerId: 2n, firstOffset: 2n, lastOffset: 4n },
      { producerId: 1n, firstOffset: 0n, lastOffset: 6n },
    ];
    expect(index.abortedBetween(0n, 9n)).toEqual(aborted);
    expect(index.abortedBetween(4n, 9n)).toEqual(aborted);
    expect(index.abortedBetween(5n, 9n)).toEqual(aborted.slice(1));
    expect(index.abortedBetween(0n, 2n)).toEqual(aborted.slice(1));
    expect(index.abortedBetween(7n, 9n)).toEqual([]);
  });
});
