import { decodeStickyUserData, encodeStickyUserData } from '../../../../lib/consumer/group/assignors/sticky-user-data';
import { partitions } from './members';

const CLAIM = { owned: partitions('t:0 t:7 u:1'), generation: 5 };
const HEX = '00000002 0001 74 00000002 00000000 00000007 0001 75 00000001 00000001 00000005'.replaceAll(' ', '');

describe("the sticky assignor's bytes", () => {
  it('are written as version 1 has them, and read back', () => {
    expect(encodeStickyUserData(CLAIM).toString('hex')).toBe(HEX);
    expect(decodeStickyUserData(Buffer.from(HEX, 'hex'))).toEqual(CLAIM);
  });

  it('are read without a generation, as version 0', () => {
    expect(decodeStickyUserData(Buffer.from(HEX.slice(0, -8), 'hex'))).toEqual({ ...CLAIM, generation: -1 });
  });

  it.each([
    ['none', null],
    ['half', Buffer.from(HEX.slice(0, 40), 'hex')],
    ['a count that lies', Buffer.from('7fffffff', 'hex')],
    ['a negative length', Buffer.from('00000001ffff', 'hex')],
    ['a negative count', Buffer.from('00000001000174ffffffff', 'hex')],
  ])('claim nothing where there are %s', (_, bytes) => {
    expect(decodeStickyUserData(bytes)).toEqual({ owned: [], generation: -1 });
  });
});
