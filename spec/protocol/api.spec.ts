import { Reader, ZERO_UUID } from '../../lib/bytes/reader';
import { Writer } from '../../lib/bytes/writer';
import { DecodeError, UnsupportedVersionError } from '../../lib/errors';
import { api } from '../../lib/protocol/api';
import type { DecodedRequestOf, RequestOf, ResponseOf } from '../../lib/protocol/api';
import {
  array,
  boolean,
  bytes,
  int16,
  int32,
  int64,
  records,
  string,
  struct,
  timestamp,
  uuid,
} from '../../lib/protocol/schema';

const Sample = api({
  name: 'Sample',
  key: 1000,
  versions: [1, 4],
  flexible: 3,
  request: {
    id: int32,
    label: string.nullable(2).since(2).default('none'),
    strict: int64.since(3),
    lenient: boolean.since(3).ignorable(),
    old: string.until(1),
    items: array({ name: string, tags: array(int16).default([]) }).nullable(2),
    extra: struct({ a: int32.default(-1), b: string }).tagged(7, 3),
    note: string.nullable().tagged(2, 3).default(null),
  },
  response: {
    at: timestamp,
    topicId: uuid.since(3),
    cursor: struct({ next: int32 }).nullable().default(null),
    body: bytes.nullable(),
    batches: records.nullable(),
  },
});

function encode(version: number, body: RequestOf<typeof Sample>): string {
  const writer = new Writer();
  Sample.encodeRequest(version, body, writer);
  return writer.toBuffer().toString('hex');
}

function decode(version: number, hex: string): DecodedRequestOf<typeof Sample> {
  return Sample.decodeRequest(version, new Reader(Buffer.from(hex.replace(/ /g, ''), 'hex')));
}

describe('api', () => {
  it('writes fixed lengths before flexible versions, and compact ones with tagged fields from there on', () => {
    const items = [{ name: 'n', tags: [5] }];
    expect(encode(1, { id: 1, old: 'o', items })).toBe('00000001' + '00016f' + '00000001' + '00016e' + '000000010005');
    expect(encode(2, { id: 1, label: null, items })).toBe('00000001' + 'ffff' + '00000001' + '00016e' + '000000010005');
    expect(encode(3, { id: 1, label: 'l', strict: 2n, lenient: true, items, note: 'n', extra: { a: 3, b: '' } })).toBe(
      '00000001' +
        '026c' +
        '0000000000000002' +
        '01' +
        '02' +
        '026e' +
        '020005' +
        '00' +
        '02' +
        '0202026e' +
        '0706000000030100',
    );
  });

  it('gives every field when decoding, with its default where the version lacks it', () => {
    const standard = { strict: 0n, lenient: false, old: '', extra: { a: -1, b: '' }, note: null };
    expect(decode(1, '00000009 00016f 00000000')).toEqual({ id: 9, label: 'none', ...standard, old: 'o', items: [] });
    expect(decode(2, '00000009 ffff ffffffff')).toEqual({ id: 9, label: null, ...standard, items: null });
    expect(decode(4, '00000009 00 0000000000000007 01 00 00')).toEqual({
      id: 9,
      label: null,
      ...standard,
      strict: 7n,
      lenient: true,
      items: null,
    });
  });

  it('skips tagged fields that it does not know', () => {
    const message = decode(3, '00000009 00 0000000000000007 01 00 03 0202026e 0503aabbcc 630100');
    expect(message).toMatchObject({ id: 9, note: 'n', extra: { a: -1, b: '' } });
  });

  it('refuses a value that the version has no field for, and names field and version', () => {
    const body = { id: 1, items: [] };
    expect(() => encode(2, { ...body, strict: 1n })).toThrow(UnsupportedVersionError);
    expect(() => encode(2, { ...body, strict: 1n })).toThrow(
      'Sample request v2 has no field strict: it needs a version from 3 on',
    );
    expect(() => encode(1, { ...body, note: 'n' })).toThrow(UnsupportedVersionError);
    expect(() => encode(1, { ...body, extra: { a: 5, b: '' } })).toThrow(UnsupportedVersionError);
    expect(() => encode(3, { ...body, old: 'o' })).toThrow('up to 1');
  });

  it('drops what may be ignored, and what says no more than the default', () => {
    const plain = encode(2, { id: 1, items: [] });
    expect(
      encode(2, { id: 1, items: [], lenient: true, strict: 0n, old: '', extra: { a: -1, b: '' }, note: null }),
    ).toBe(plain);
  });

  it('names a field that is missing or must not be null', () => {
    expect(() => encode(2, { id: 1 } as never)).toThrow(new TypeError('Sample request v2: items is missing'));
    expect(() => encode(2, { id: 1, items: [{}] } as never)).toThrow(
      new TypeError('Sample request v2: items.name is missing'),
    );
    expect(() => encode(1, { id: 1, items: null })).toThrow(new TypeError('Sample request v1: items must not be null'));
  });

  // These went out as other values: 2^31 as -2^31, NaN as 0, 2^63 as -2^63, a text as so many zeroes.
  it.each([
    ['a number too large', { id: 2 ** 31 }, RangeError, 'id = 2147483648 is out of the range of int32'],
    ['a number too small', { id: -(2 ** 31) - 1 }, RangeError, 'id = -2147483649 is out of the range of int32'],
    ['NaN', { id: NaN }, RangeError, 'id = NaN is out of the range of int32'],
    ['no time limit', { id: Infinity }, RangeError, 'id = Infinity is out of the range of int32'],
    ['a text for a number', { id: '1' }, TypeError, 'id must be a number, not string'],
    ['a number out of range inside', { items: [{ name: 'n', tags: [40_000] }] }, RangeError, 'items.tags = 40000'],
    ['an offset too large', { strict: 2n ** 63n }, RangeError, 'strict = 9223372036854775808 is out of the range'],
    ['an offset too small', { strict: -(2n ** 63n) - 1n }, RangeError, 'strict = -9223372036854775809'],
    ['a number for an offset', { strict: 1 }, TypeError, 'strict must be a bigint, not number'],
    ['a number for a text', { label: 5 }, TypeError, 'label must be a string, not number'],
    ['a text for an array', { items: 'n' }, TypeError, 'items must be an array, not string'],
    ['a string too long', { label: 'x'.repeat(32_768) }, RangeError, 'label has 32768 bytes, at most 32767'],
    ['a string too long in UTF-8', { label: 'ß'.repeat(16_384) }, RangeError, 'label has 32768 bytes'],
  ])('refuses %s, and names the field', (_, wrong, type, message) => {
    const body = { id: 1, items: [], ...wrong } as never;
    expect(() => encode(3, body)).toThrow(type);
    expect(() => encode(3, body)).toThrow(`Sample request v3: ${message}`);
  });

  it('refuses texts for bytes, and times that an int64 cannot hold', () => {
    const respond = (body: object) => () => Sample.encodeResponse(1, body as never, new Writer());
    expect(respond({ at: 0, body: 'text', batches: null })).toThrow(
      new TypeError('Sample response v1: body must be a Uint8Array, not string'),
    );
    expect(respond({ at: 2 ** 63, body: null, batches: null })).toThrow(RangeError);
    expect(respond({ at: -Infinity, body: null, batches: null })).toThrow(RangeError);
  });

  it.each([0, 5, 1.5, NaN])('refuses version %d', version => {
    expect(() => encode(version, { id: 1, items: [] })).toThrow(UnsupportedVersionError);
    expect(() => decode(version, '00')).toThrow(UnsupportedVersionError);
  });

  it('chooses the headers by version', () => {
    expect([1, 2, 3, 4].map(Sample.requestHeaderVersion)).toEqual([1, 1, 2, 2]);
    expect([1, 2, 3, 4].map(Sample.responseHeaderVersion)).toEqual([0, 0, 1, 1]);
  });

  it('writes null structures as one byte, and record batches by reference', () => {
    const batch = Buffer.from('cafe', 'hex');
    const writer = new Writer();
    Sample.encodeResponse(3, { at: -1, body: null, batches: [batch, batch] }, writer);
    expect(writer.chunks().filter(chunk => chunk === batch)).toHaveLength(2);
    expect(writer.toBuffer().toString('hex')).toBe(
      'ffffffffffffffff' + '00'.repeat(16) + 'ff' + '00' + '05cafecafe' + '00',
    );
    const decoded: ResponseOf<typeof Sample> = Sample.decodeResponse(3, new Reader(writer.toBuffer()));
    expect(decoded).toEqual({
      at: -1,
      topicId: ZERO_UUID,
      cursor: null,
      body: null,
      batches: Buffer.from('cafecafe', 'hex'),
    });
  });

  describe('meeting bytes that lie', () => {
    it.each([
      ['an array longer than the bytes left', 1, '00000001 0000 7fffffff', 'Field items claims 2147483647 elements'],
      ['an array whose elements cannot fit', 1, '00000001 0000 00000002 0000000000', 'Field items claims 2 elements'],
      ['a negative count', 1, '00000001 0000 fffffffe', 'Field items has the length -2'],
      ['null where there is none', 1, '00000001 0000 ffffffff', 'Field items is null'],
      ['a string longer than the bytes left', 1, '00000001 0010 61', '16 bytes needed'],
      ['a negative string length', 1, '00000001 8000', 'Field old has the length -32768'],
      [
        'a compact string longer than any',
        3,
        `00000001 818002${'61'.repeat(40_000)}`,
        'Field label has the length 32768',
      ],
      ['a varint without end', 3, '00000001 ffffffffffff', 'Varint of more than 32 bits'],
      ['more tagged fields than there can be', 3, '00000009 00 0000000000000007 01 00 914e', 'tagged fields claimed'],
      [
        'a tagged field longer than the rest',
        3,
        '00000009 00 0000000000000007 01 00 01 0507 00',
        'Tagged field 5 claims 7 bytes',
      ],
      [
        'a known tag of another size',
        3,
        '00000009 00 0000000000000007 01 00 01 0203 026e00',
        'Tagged field note is not the 3 bytes',
      ],
    ])('refuses %s', (_, version, hex, message) => {
      expect(() => decode(version, hex)).toThrow(DecodeError);
      expect(() => decode(version, hex)).toThrow(message);
      expect(() => decode(version, hex)).toThrow(
        expect.objectContaining({ api: 'Sample', version, position: expect.any(Number) }),
      );
    });
  });

  it('infers what may be left out', () => {
    const least: RequestOf<typeof Sample> = { id: 1, items: [{ name: 'n' }] };
    // @ts-expect-error id has no default
    const missing: RequestOf<typeof Sample> = { items: null };
    // @ts-expect-error an int64 is a bigint
    const wrong: RequestOf<typeof Sample> = { id: 1, items: null, strict: 1 };
    // @ts-expect-error decoded messages have every field
    const partial: DecodedRequestOf<typeof Sample> = { id: 1, items: null };
    expect([least, missing, wrong, partial]).toHaveLength(4);
  });
});
