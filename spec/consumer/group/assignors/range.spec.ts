import { range } from '../../../../lib/consumer/group/assignors/range';
import { inWords, member } from './members';

const TWO = new Map([
  ['t', 3],
  ['u', 3],
]);

describe('range', () => {
  it('divides each topic into ranges, the first members get one more, and topics alike are divided alike', () => {
    expect(inWords(range.assign(TWO, [member('b', 't u'), member('a', 'u t')]))).toEqual({
      a: 't:0 t:1 u:0 u:1',
      b: 't:2 u:2',
    });
  });

  it('puts static members first, by their instance id whatever member id they have at the moment', () => {
    const members = [
      member('a', 't'),
      member('z', 't', { groupInstanceId: 'i-1' }),
      member('b', 't', { groupInstanceId: 'i-2' }),
    ];
    expect(inWords(range.assign(new Map([['t', 4]]), members))).toEqual({ a: 't:3', b: 't:2', z: 't:0 t:1' });
  });

  it('gives nothing to who reads nothing, and nothing of topics that do not exist or that nobody reads', () => {
    expect(inWords(range.assign(TWO, [member('a', 't gone'), member('b', ''), member('c', 'gone')]))).toEqual({
      ...{ a: 't:0 t:1 t:2', b: '', c: '' },
    });
  });

  it('counts a member once that names a topic twice', () => {
    expect(inWords(range.assign(TWO, [member('a', 't t'), member('b', 't')]))).toEqual({ a: 't:0 t:1', b: 't:2' });
  });

  describe('with racks (KIP-881)', () => {
    const near = (racks: string) => (_: string, partition: number) => new Set([racks[partition]!]);

    it('gives what a member can read within its rack', () => {
      const members = [
        member('a', 't', { rack: 'y' }),
        member('b', 't', { rack: 'x' }),
        member('c', 't', { rack: 'z' }),
      ];
      expect(inWords(range.assign(new Map([['t', 3]]), members, near('xzy')))).toEqual({
        a: 't:2',
        b: 't:0',
        c: 't:1',
      });
    });

    it('keeps topics alike together', () => {
      const members = [member('a', 't u', { rack: 'y' }), member('b', 't u', { rack: 'x' })];
      expect(inWords(range.assign(TWO, members, near('xxy')))).toEqual({ a: 't:2 u:2', b: 't:0 t:1 u:0 u:1' });
    });

    it.each([
      ['no member is near any replica', 'q', near('xzy')],
      ['each partition is in every rack', 'y', () => new Set('xyz')],
      ['the brokers do not tell', 'y', () => new Set<string>()],
    ])('is as without where %s', (_, rack, racksOf) => {
      const members = [member('a', 't u', { rack }), member('b', 't u', { rack: 'q' })];
      expect(range.assign(TWO, members, racksOf)).toEqual(range.assign(TWO, members));
    });
  });
});
