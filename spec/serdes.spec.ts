import { inspect } from 'node:util';
import { DecodeError } from '../lib/errors';
import { json, nullable, utf8 } from '../lib/serdes';

describe('serdes', () => {
  it('utf8 reads and writes text', () => {
    expect(Buffer.from(utf8.encode('žluťoučký', 't')!)).toEqual(
      Buffer.from([0xc5, 0xbe, 0x6c, 0x75, 0xc5, 0xa5, 0x6f, 0x75, 0xc4, 0x8d, 0x6b, 0xc3, 0xbd]),
    );
    expect(utf8.decode(Buffer.from('žluťoučký'), 't')).toBe('žluťoučký');
    expect(utf8.decode(Buffer.alloc(0), 't')).toBe('');
  });

  it('json reads and writes values', () => {
    const order = json<{ id: number }>();
    expect(Buffer.from(order.encode({ id: 1 }, 't')!).toString()).toBe('{"id":1}');
    expect(order.decode(Buffer.from('{"id":1}'), 't')).toEqual({ id: 1 });
    expect(json<null>().decode(Buffer.from('null'), 't')).toBeNull();
  });

  it.each([
    ['utf8', utf8],
    ['json()', json()],
  ])('%s has no value for null, and names nullable', (name, serde) => {
    expect(() => serde.decode(null, 't')).toThrow(DecodeError);
    expect(() => serde.decode(null, 't')).toThrow(`nullable(${name})`);
  });

  it('nullable keeps null as null, both ways', () => {
    const serde = nullable(utf8);
    expect([serde.decode(null, 't'), serde.encode(null, 't'), serde.decode(Buffer.from('a'), 't')]).toEqual([
      null,
      null,
      'a',
    ]);
  });

  it('json says where text stops being JSON, and never what it is', () => {
    let error: unknown;
    try {
      json().decode(Buffer.from('{"password": hunter2}'), 't');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DecodeError);
    expect(inspect(error)).not.toContain('hunter2');
  });

  it('json refuses what JSON has no text for', () => {
    expect(() => json().encode(undefined, 't')).toThrow(TypeError);
  });
});
