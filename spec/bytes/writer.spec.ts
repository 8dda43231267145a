import * as fc from 'fast-check';
import { Writer } from '../../lib/bytes/writer';

/** What `write` leaves behind, in hex digits. */
function hex(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return writer.toBuffer().toString('hex');
}

describe('Writer', () => {
  it.each<[string, (writer: Writer) => void, string]>([
    ['int8', w => w.int8(-1), 'ff'],
    ['uint8', w => w.uint8(200), 'c8'],
    ['int16', w => w.int16(-2), 'fffe'],
    ['uint16', w => w.uint16(65535), 'ffff'],
    ['int32', w => w.int32(-2147483648), '80000000'],
    ['uint32', w => w.uint32(4294967295), 'ffffffff'],
    ['int64', w => w.int64(-2n), 'fffffffffffffffe'],
    ['int64 beyond 2^53', w => w.int64(9007199254740993n), '0020000000000001'],
    ['int64Number', w => w.int64Number(1700000000000), '0000018bcfe56800'],
    ['int64Number, negative', w => w.int64Number(-1), 'ffffffffffffffff'],
    ['int64Number, negative beyond 32 bits', w => w.int64Number(-4294967297), 'fffffffeffffffff'],
    ['int64Number with a fraction', w => w.int64Number(1.9), '0000000000000001'],
    ['float64', w => w.float64(1.5), '3ff8000000000000'],
    ['boolean', w => (w.boolean(true), w.boolean(false)), '0100'],
    ['unsignedVarint', w => w.unsignedVarint(300), 'ac02'],
    ['unsignedVarint, the largest', w => w.unsignedVarint(4294967295), 'ffffffff0f'],
    ['varint', w => w.varint(-1), '01'],
    ['varint, the smallest', w => w.varint(-2147483648), 'ffffffff0f'],
    ['varlong, the largest', w => w.varlong(2n ** 63n - 1n), 'feffffffffffffffff01'],
    ['varlong, the smallest', w => w.varlong(-(2n ** 63n)), 'ffffffffffffffffff01'],
    ['uuid', w => w.uuid('AAECAwQFBgcICQoLDA0ODw'), '000102030405060708090a0b0c0d0e0f'],
    ['utf8', w => w.utf8('ä'), 'c3a4'],
    ['utf8, lone surrogates as U+FFFD', w => w.utf8('\ud800'), 'efbfbd'],
    ['bytes', w => w.bytes(Uint8Array.of(1, 2)), '0102'],
  ])('writes %s', (_, write, expected) => {
    expect(hex(write)).toBe(expected);
  });

  it('writes text of any length and alphabet as UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.nat(40), (text, padding) => {
        const padded = text + 'a'.repeat(padding);
        expect(hex(w => w.utf8(padded))).toBe(Buffer.from(padded).toString('hex'));
      }),
    );
  });

  it.each(['', 'short', 'AAECAwQFBgcICQoLDA0ODwA', 'AAECAwQFBgcICQoLDA0O/!'])('refuses %j as a uuid', text => {
    expect(() => hex(w => w.uuid(text))).toThrow(TypeError);
  });

  it('grows past its capacity', () => {
    const writer = new Writer(1);
    for (let i = 0; i < 1_000; i++) writer.int32(i);
    const result = writer.toBuffer();
    expect(writer.length).toBe(4_000);
    expect(Array.from({ length: 1_000 }, (_, i) => result.readInt32BE(4 * i))).toEqual(
      Array.from({ length: 1_000 }, (_, i) => i),
    );
  });

  it('copies bytes, and takes spliced chunks by reference', () => {
    const bytes = Buffer.from('aa', 'hex');
    const chunk = Buffer.from('bb', 'hex');
    const writer = new Writer();
    writer.bytes(bytes);
    writer.splice([chunk, Buffer.alloc(0)]);
    writer.int8(1);
    const chunks = writer.chunks();
    expect(chunks).toHaveLength(3);
    expect(chunks[1]).toBe(chunk);
    bytes[0] = chunk[0] = 0;
    expect(Buffer.concat(chunks).toString('hex')).toBe('aa0001');
  });

  it('patches what it reserved, before and behind splices and growth', () => {
    const writer = new Writer(8);
    const first = writer.reserveInt32();
    writer.splice([Buffer.from('ffff', 'hex')]);
    const second = writer.reserveInt32();
    writer.bytes(Buffer.alloc(20, 0xee));
    writer.splice([Buffer.from('dd', 'hex')]);
    writer.int8(7);
    const third = writer.reserveInt32();
    writer.bytes(Buffer.alloc(100));
    writer.patchInt32(first, writer.length);
    writer.patchInt32(second, 2);
    writer.patchInt32(third, 3);
    const result = writer.toBuffer();
    expect(result.length).toBe(writer.length);
    expect(result.toString('hex')).toBe(`00000088ffff00000002${'ee'.repeat(20)}dd0700000003${'00'.repeat(100)}`);
  });
});
