import { cooperativeSticky } from '../../../../lib/consumer/group/assignors/cooperative-sticky';
import { inWords, member, partitions } from './members';

const FOUR = new Map([['t', 4]]);
const had = (owned: string, generation = 1) => ({ owned: partitions(owned), generation, userData: null });

describe('cooperativeSticky', () => {
  it('first takes what moves from its owner, and gives it to the new one in the next round', () => {
    const first = cooperativeSticky.assign(FOUR, [member('a', 't', had('t:0 t:1 t:2 t:3')), member('b', 't')]);
    expect(inWords(first)).toEqual({ a: 't:0 t:1', b: '' });

    const second = cooperativeSticky.assign(FOUR, [member('a', 't', had('t:0 t:1', 2)), member('b', 't', had('', 2))]);
    expect(inWords(second)).toEqual({ a: 't:0 t:1', b: 't:2 t:3' });
  });

  it('gives at once what nobody has any more', () => {
    expect(inWords(cooperativeSticky.assign(FOUR, [member('a', 't', had('t:0 t:1')), member('b', 't')]))).toEqual({
      ...{ a: 't:0 t:1', b: 't:2 t:3' },
    });
  });

  it('gives to nobody yet what two claim: either may be reading it', () => {
    const members = [member('a', 't', had('t:0 t:1')), member('b', 't', had('t:0 t:2')), member('c', 't')];
    const given = [...cooperativeSticky.assign(FOUR, members).values()].flat();
    expect(given.map(({ partition }) => partition).sort()).toEqual([1, 2, 3]);
  });

  it('leaves with its owner what a member of an older generation still claims', () => {
    const members = [member('a', 't', had('t:0 t:1', 5)), member('b', 't', had('t:0 t:1', 4))];
    expect(inWords(cooperativeSticky.assign(FOUR, members))).toEqual({ a: 't:0 t:1', b: 't:2 t:3' });
  });

  it('withholds what a member has though it reads the topic no longer', () => {
    expect(inWords(cooperativeSticky.assign(FOUR, [member('a', '', had('t:0')), member('b', 't')]))).toEqual({
      ...{ a: '', b: 't:1 t:2 t:3' },
    });
  });

  it('takes the generation from the bytes of members from before there was a field for it', () => {
    const old = (id: string, owned: string, generation: number) => ({
      ...member(id, 't', had(owned)),
      ...{ generation: -1, userData: cooperativeSticky.userData!([], generation) },
    });
    expect(inWords(cooperativeSticky.assign(FOUR, [old('a', 't:0 t:1', 2), old('b', 't:0 t:1', 3)]))).toEqual({
      ...{ a: 't:2 t:3', b: 't:0 t:1' },
    });
    const garbled = { ...old('a', 't:0 t:1', 2), userData: Buffer.from([1]) };
    expect(inWords(cooperativeSticky.assign(FOUR, [garbled, old('b', 't:0 t:1', 0)]))['b']).toBe('t:0 t:1');
  });
});
