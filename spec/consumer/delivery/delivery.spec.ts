import type { ConsumerRecord } from '../../../lib/types';
import { HandFed } from './hand-fed';

const values = (records: readonly ConsumerRecord[]) => records.map(record => Number(record.value!.toString()));

describe('a view of records', () => {
  it('emits nothing inside subscribe, then every record in order', () => {
    const fed = new HandFed();
    const partition = fed.add();
    fed.push(partition, 0, 3);
    fed.push(partition, 3, 2);
    const seen: ConsumerRecord[] = [];
    fed.delivery.records.subscribe(record => seen.push(record));
    expect(seen).toEqual([]);
    fed.advance();
    expect(values(seen)).toEqual([0, 1, 2, 3, 4]);
    expect(seen.map(record => record.offset)).toEqual([0n, 1n, 2n, 3n, 4n]);
  });
});
