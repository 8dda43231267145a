import type { Position } from '../../../lib/types';
import { consuming, values } from '../consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };

describe('a seek back from where reading began', () => {
  it.each<[string, Position]>([
    ['a place in the log', 'earliest'],
    ['an offset', 0n],
  ])('to %s commits what is acked from there, also when that ends where reading began', (_, to) => {
    // Nothing had been committed, and the watermark was where it had been when reading began: so nothing ever was.
    let committed: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ groupId: 'g', commit: { everyMs: 500 } }).assign([{ ...P0, offset: 'latest' }]);
      reading.records.subscribe(record => record.ack());
      at(1_000, () => reading.seek(P0, to));
      at(5_000, () => (committed = cluster.committed('g')));
    });
    expect(committed).toEqual([{ ...P0, offset: 3n }]);
  });
});
