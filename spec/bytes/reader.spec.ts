import * as fc from 'fast-check';
import { Reader, ZERO_UUID } from '../../lib/bytes/reader';
import { DecodeError } from '../../lib/errors';

/** Reads hex digits. */
function of(hex: string): Reader {
  return new Reader(Buffer.from(hex.replace(/ /g, ''), 'hex'));
}

describe('Reader', () => {
  it.each([
    ['int8', 'ff', -1],
    ['uint8', 'ff', 255],
    ['int16', '8000', -32768],
    ['uint16', '8000', 32768],
    ['int32', '80000000', -2147483648],
    ['uint32', '80000000', 2147483648],
    ['int64', '0020000000000001', 9007199254740993n],
    ['int64', '8000000000000000', -9223372036854775808n],
    ['int64Number', 'ffffffffffffffff', -1],
    ['int64Number', '0000018bcfe56800', 1700000000000],
    ['int64Number', '7fffffffffffffff', 2 ** 63],
    ['float64', '3ff8000000000000', 1.5],
    ['boolean', '00', false],
    ['boolean', '02', true],
    ['uuid', '00000000000000000000000000000000', ZERO_UUID],
    ['uuid', '000102030405060708090a0b0c0d0e0f', 'AAECAwQFBgcICQoLDA0ODw'],
  ] as const)('reads %s of %s as %s', (kind, hex, expected) => {
    const reader = of(hex);
    expect(reader[kind]()).toBe(expected);
    expect(reader.remaining).toBe(0);
  });

  // The values of Protocol Buffers' documentation, and the ends of the ranges.
  it.each([
    ['unsignedVarint', '00', 0],
    ['unsignedVarint', 'ac02', 300],
    ['unsignedVarint', 'ffffffff0f', 4294967295],
    ['varint', '00', 0],
    ['varint', '01', -1],
    ['varint', '02', 1],
    ['varint', 'feffffff0f', 2147483647],
    ['varint', 'ffffffff0f', -2147483648],
    ['varlong', '01', -1n],
    ['varlong', 'feffffffffffffffff01', 9223372036854775807n],
    ['varlong', 'ffffffffffffffffff01', -9223372036854775808n],
    ['varlongNumber', '7f', -64],
    ['varlongNumber', 'd00f', 1000],
    ['varlongNumber', 'feffffffffffff1f', 9007199254740991],
    ['varlongNumber', 'ffffffffffffffffff01', -(2 ** 63)],
  ] as const)('reads the %s %s as %s', (kind, hex, expected) => {
    const reader = of(hex);
    expect(reader[kind]()).toBe(expected);
    expect(reader.remaining).toBe(0);
  });

  it('reads every varlong of 64 bits, as a bigint and, up to 2^53, as a number', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.integer({ min: 0, max: 63 }),
        (wide, shift) => {
          const value = wide >> BigInt(shift);
          let rest = value < 0n ? -2n * value - 1n : 2n * value;
          const bytes: number[] = [];
          for (; rest > 127n; rest /= 128n) bytes.push(Number(rest % 128n) + 128);
          bytes.push(Number(rest));
          expect(new Reader(Buffer.from(bytes)).varlong()).toBe(value);
          const number = new Reader(Buffer.from(bytes)).varlongNumber();
          if (value >= -(2n ** 53n) && value <= 2n ** 53n) expect(BigInt(number)).toBe(value);
          else expect(Math.abs(number / Number(value) - 1)).toBeLessThan(1e-15);
        },
      ),
    );
  });

  it.each([
    ['unsignedVarint', 'ffffffff1f', 'Varint of more than 32 bits'],
    ['unsignedVarint', '808080808001', 'Varint of more than 32 bits'],
    ['varlong', 'ffffffffffffffffff02', 'Varlong of more than 64 bits'],
    ['varlong', '8080808080808080808001', 'Varlong of more than 64 bits'],
    ['unsignedVarint', 'ffff', '1 bytes needed but 0 left at position 2'],
    ['varlongNumber', '', '1 bytes needed but 0 left at position 0'],
    ['int32', '000000', '4 bytes needed but 3 left at position 0'],
    ['uuid', '00', '16 bytes needed but 1 left at position 0'],
  ] as const)('refuses the %s in %s with the position', (kind, hex, message) => {
    expect(() => of(hex)[kind]()).toThrow(DecodeError);
    expect(() => of(hex)[kind]()).toThrow(message);
  });

  it('stops at its end, not at the end of the buffer', () => {
    const reader = new Reader(Buffer.alloc(100), 10, 13);
    expect(reader.remaining).toBe(3);
    expect(() => reader.int32()).toThrow(expect.objectContaining({ name: 'DecodeError', position: 10 }));
    expect(reader.int16()).toBe(0);
    expect(() => reader.skip(2)).toThrow(expect.objectContaining({ position: 12 }));
  });

  it('refuses lengths that are negative or beyond the end, and stays where it was', () => {
    const reader = of('00010203');
    for (const length of [-1, 5, 2 ** 31, 2 ** 53]) {
      expect(() => reader.bytes(length)).toThrow(DecodeError);
      expect(() => reader.utf8(length)).toThrow(DecodeError);
      expect(() => reader.skip(length)).toThrow(DecodeError);
    }
    expect(reader.position).toBe(0);
  });

  it('gives bytes as a view of the buffer, also where the buffer is part of a larger one', () => {
    const whole = Buffer.from('00112233445566', 'hex');
    const reader = new Reader(whole.subarray(2), 1);
    expect(reader.int8()).toBe(0x33);
    const view = reader.bytes(2);
    expect(view.toString('hex')).toBe('4455');
    whole[4] = 0xff;
    expect(view[0]).toBe(0xff);
  });

  it.each(['', 'a', 'nine char', 'ten chars!', 'größer', '日本', '😀', 'x'.repeat(5_000)])(
    'reads %j as UTF-8',
    text => {
      const bytes = Buffer.from(text);
      expect(new Reader(bytes).utf8(bytes.length)).toBe(text);
    },
  );

  it('reads malformed UTF-8 as U+FFFD, as Java does', () => {
    expect(of('61ff62').utf8(3)).toBe('a\ufffdb');
  });

  it('steps over a zero, and over nothing else', () => {
    const reader = of('0005');
    expect([reader.zero(), reader.zero(), reader.position]).toEqual([true, false, 1]);
    expect(() => of('').zero()).toThrow(DecodeError);
  });

  it('reads int32s in a row, and takes no memory for more than are there', () => {
    const reader = of('00 80000000 7fffffff ffffffff 00');
    reader.int8();
    expect(reader.int32s(3)).toEqual([-2147483648, 2147483647, -1]);
    expect(reader.remaining).toBe(1);
    expect(reader.int32s(0)).toEqual([]);
    for (const count of [1, 2 ** 30, -1]) expect(() => of('000000').int32s(count)).toThrow(DecodeError);
  });
});
