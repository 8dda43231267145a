import { sticky } from '../../../../lib/consumer/group/assignors/sticky';
import { inWords, member, partitions } from './members';

const SIX = new Map([['t', 6]]);
const had = (owned: string, generation = 1) => ({ owned: partitions(owned), generation });

describe('sticky', () => {
  it('deals in turn where nobody has anything', () => {
    expect(inWords(sticky.assign(SIX, [member('b', 't'), member('a', 't')]))).toEqual({
      a: 't:0 t:2 t:4',
      b: 't:1 t:3 t:5',
    });
  });

  it('leaves everything where it is if that is even', () => {
    const before = { a: 't:1 t:2 t:5', b: 't:0 t:3 t:4' };
    expect(inWords(sticky.assign(SIX, [member('a', 't', had(before.a)), member('b', 't', had(before.b))]))).toEqual(
      before,
    );
  });

  it('takes from those with most what a new member needs, and no more', () => {
    const members = [member('a', 't', had('t:0 t:1 t:2')), member('b', 't', had('t:3 t:4 t:5')), member('c', 't')];
    const { a, b, c } = inWords(sticky.assign(SIX, members)) as Record<'a' | 'b' | 'c', string>;
    expect('t:0 t:1 t:2').toContain(a);
    expect('t:3 t:4 t:5').toContain(b);
    expect([a, b, c].map(text => text.split(' ').length)).toEqual([2, 2, 2]);
  });

  it('believes the latest generation', () => {
    const members = [member('a', 't', had('t:0 t:1 t:2', 4)), member('b', 't', had('t:0 t:1 t:2', 3))];
    expect(inWords(sticky.assign(SIX, members))).toEqual({ a: 't:0 t:1 t:2', b: 't:3 t:4 t:5' });
  });

  it('believes an older one about what nobody else claims', () => {
    const members = [member('a', 't', had('t:0 t:1 t:2', 4)), member('b', 't', had('t:3 t:5', 3))];
    expect(inWords(sticky.assign(SIX, members))).toEqual({ a: 't:0 t:1 t:2', b: 't:3 t:4 t:5' });
  });

  it('believes neither of two that claim one partition in one generation', () => {
    const counts = new Map([['t', 3]]);
    const members = [member('a', 't', had('t:0 t:1')), member('b', 't', had('t:0 t:2')), member('c', 't')];
    expect(inWords(sticky.assign(counts, members))).toEqual({ a: 't:1', b: 't:2', c: 't:0' });
  });

  it('takes back what a member no longer reads, or what is gone', () => {
    const counts = new Map([
      ['t', 1],
      ['u', 1],
    ]);
    const members = [member('a', 'u', had('t:0 u:5 v:0')), member('b', 't u', had('u:0'))];
    expect(inWords(sticky.assign(counts, members))).toEqual({ a: 'u:0', b: 't:0' });
  });

  it('passes on through a third member where those with most and with least share no topic', () => {
    const counts = new Map([
      ['t', 4],
      ['u', 2],
    ]);
    const members = [
      member('a', 't', had('t:0 t:1 t:2 t:3')),
      member('b', 't u', had('u:0 u:1')),
      member('c', 'u', had('')),
    ];
    const assigned = sticky.assign(counts, members);
    expect([...assigned.values()].map(list => list.length)).toEqual([2, 2, 2]);
    expect(inWords(assigned)['c']).toBe('u:0 u:1');
  });

  it('reads what members had from the bytes that they sent for it alone', () => {
    const members = [member('a', 't', had('t:0 t:1 t:2')), member('b', 't', had('t:3 t:4 t:5'))];
    const silent = members.map(one => ({ ...one, owned: [], generation: -1 }));
    expect(sticky.assign(SIX, silent)).toEqual(sticky.assign(SIX, members));
    const without = members.map(one => ({ ...one, userData: null }));
    expect(inWords(sticky.assign(SIX, without))).toEqual({ a: 't:0 t:2 t:4', b: 't:1 t:3 t:5' });
  });
});
