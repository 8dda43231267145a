import { roundRobin } from '../../../../lib/consumer/group/assignors/round-robin';
import { inWords, member } from './members';

describe('roundRobin', () => {
  const counts = new Map([
    ['u', 2],
    ['t', 3],
  ]);

  it('deals all partitions in order of topic and number to the members in turn', () => {
    expect(inWords(roundRobin.assign(counts, [member('b', 't u'), member('a', 't u')]))).toEqual({
      a: 't:0 t:2 u:1',
      b: 't:1 u:0',
    });
  });

  it('passes over whoever does not read the topic', () => {
    expect(inWords(roundRobin.assign(counts, [member('a', 'u'), member('b', 't'), member('c', 't u')]))).toEqual({
      ...{ a: 'u:1', b: 't:0 t:2', c: 't:1 u:0' },
    });
  });

  it('puts static members first', () => {
    expect(inWords(roundRobin.assign(counts, [member('a', 'u'), member('b', 'u', { groupInstanceId: 'i' })]))).toEqual({
      a: 'u:1',
      b: 'u:0',
    });
  });

  it('has nothing to deal where nobody reads anything', () => {
    expect(inWords(roundRobin.assign(counts, [member('a', ''), member('b', 'gone')]))).toEqual({ a: '', b: '' });
  });
});
