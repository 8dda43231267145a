import { assignors } from '../../../lib/consumer/group/assignors/assignors';
import { consuming } from '../consuming';

describe('a group that shares by sticky', () => {
  it('leaves to members what they had, though each of them gives all up for the round', () => {
    const has = new Map<string, readonly number[]>();
    const before = new Map<string, readonly number[]>();
    consuming({ topics: { t: 6 }, forMs: 20_000 }, ({ consumer, at }) => {
      const start = (name: string) => {
        const member = consumer({ groupId: 'g', assignors: [assignors.sticky] }).subscribe('t');
        member.rebalances.subscribe(event => {
          if (event.type === 'assigned') has.set(name, event.partitions.map(({ partition }) => partition).sort());
        });
        member.records.subscribe();
      };
      start('a');
      at(1_000, () => start('b'));
      at(9_000, () => has.forEach((list, name) => before.set(name, list)));
      at(10_000, () => start('c'));
    });

    expect(['a', 'b'].map(name => before.get(name)!.length)).toEqual([3, 3]);
    expect(['a', 'b', 'c'].map(name => has.get(name)!.length)).toEqual([2, 2, 2]);
    for (const name of ['a', 'b']) expect(before.get(name)).toEqual(expect.arrayContaining([...has.get(name)!]));
    expect([...has.values()].flat().sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
