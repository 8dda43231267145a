import * as zlib from 'node:zlib';
import { UnsupportedVersionError } from '../../lib/errors';
import * as fc from 'fast-check';
import { scanBatches } from '../../lib/records/batch-header';
import { BATCH } from '../../lib/records/batch-layout';
import { BatchWriter, recordSizeBound } from '../../lib/records/batch-writer';
import { kafkajsDecode, kafkajsEncode } from './kafkajs-batches';
import { readAll } from './read-all';

const TIME = 1_700_000_000_000;

function writer(options: Partial<ConstructorParameters<typeof BatchWriter>[0]> = {}): BatchWriter {
  return new BatchWriter({ capacityBytes: 1 << 20, compression: 'none', ...options });
}

const bytes = fc.uint8Array({ maxLength: 200 }).map(array => Buffer.from(array));
const record = fc.record({
  timestamp: fc.oneof(fc.integer({ min: TIME - 1000, max: TIME + 1000 }), fc.integer({ min: 0, max: 2 ** 52 })),
  key: fc.option(bytes),
  value: fc.option(bytes),
  // kafkajs keeps headers in an object: names that are no integers keep their order there.
  headers: fc.dictionary(
    fc.string({ minLength: 1 }).map(name => `h${name}`),
    bytes,
    { maxKeys: 3 },
  ),
});

describe('BatchWriter', () => {
  it('writes byte for byte what kafkajs writes of the same records', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 70 }),
        fc.boolean(),
        async (records, transactional) => {
          const batch = writer({ capacityBytes: 1 << 24 });
          for (const { timestamp, key, value, headers } of records) batch.append(timestamp, key, value, headers);
          const options = {
            compression: 0,
            producerId: 2n ** 53n + 1n,
            epoch: 3,
            sequence: 2 ** 31 - 1,
            transactional,
          } as const;
          const expected = await kafkajsEncode(records, options);
          const actual = batch.stamp(options.producerId, options.epoch, options.sequence, { transactional });
          expect(actual.toString('hex')).toBe(expected.toString('hex'));
        },
      ),
    );
  });

  it('writes what kafkajs reads, compressed with gzip', async () => {
    const batch = writer({ compression: 'gzip' });
    for (let at = 0; at < 300; at++)
      batch.append(TIME + at * 86_400_000, `key-${at}`, at % 3 ? `größe ${at}` : null, { a: 'x' });
    const read = await kafkajsDecode(batch.stamp(7n, 1, 5));
    expect(read).toMatchObject({
      producerId: '7',
      producerEpoch: 1,
      firstSequence: 5,
      lastOffsetDelta: 299,
      inTransaction: false,
    });
    expect(read.records).toHaveLength(300);
    expect(read.records[299]).toMatchObject({
      offset: '299',
      timestamp: String(TIME + 299 * 86_400_000),
      key: Buffer.from('key-299'),
      value: Buffer.from('größe 299'),
      headers: { a: Buffer.from('x') },
    });
    expect(read.records[3]!.value).toBe(null);
  });

  it.each(['none', 'gzip', 'snappy'] as const)(
    'keeps nulls, empties, order and repeated header names with codec %s',
    compression => {
      const batch = writer({ compression });
      batch.append(TIME, null, null, undefined);
      batch.append(TIME, '', '', [
        ['', ''],
        ['b', null],
        ['a', '1'],
        ['b', Buffer.from('2')],
      ]);
      batch.append(
        TIME,
        'k',
        'v',
        new Map([
          ['one', 'é'],
          ['__proto__', null],
        ]),
      );
      expect(readAll(batch.stamp(-1n, -1, -1))).toEqual([
        { offset: 0, timestamp: TIME, key: null, value: null, headers: [] },
        {
          offset: 1,
          timestamp: TIME,
          key: '',
          value: '',
          headers: [
            ['', ''],
            ['b', null],
            ['a', '1'],
            ['b', '2'],
          ],
        },
        {
          offset: 2,
          timestamp: TIME,
          key: 'k',
          value: 'v',
          headers: [
            ['one', 'é'],
            ['__proto__', null],
          ],
        },
      ]);
    },
  );

  it('writes text as UTF-8 of any length, lone surrogates as U+FFFD', () => {
    const text = ['a', 'é', '漢', '😀', '\ud800', 'a\udc00b'];
    for (const length of [1, 5, 11, 12, 13, 31, 32, 33, 64, 200, 20_000])
      for (const piece of text) {
        const batch = writer();
        const value = piece.repeat(length);
        batch.append(TIME, value, value, [[value, value]]);
        const expected = Buffer.from(value).toString();
        expect(readAll(batch.stamp(-1n, -1, -1))).toEqual([
          { offset: 0, timestamp: TIME, key: expected, value: expected, headers: [[expected, expected]] },
        ]);
      }
  });

  it('takes headers of an iterable that can be walked only once', () => {
    const batch = writer();
    batch.append(
      TIME,
      null,
      'v',
      (function* () {
        yield ['a', '1'] as const;
        yield ['a', '2'] as const;
      })(),
    );
    expect(readAll(batch.stamp(-1n, -1, -1))[0]!.headers).toEqual([
      ['a', '1'],
      ['a', '2'],
    ]);
  });

  it('is not confused by headers that append a record while they are read', () => {
    const batch = writer();
    const headers = (function* () {
      batch.append(TIME + 1, 'inner key', 'inner', [['x', 'inner']]);
      yield ['h', 'outer'] as const;
    })();
    batch.append(TIME, 'k', 'outer', headers);
    expect(readAll(batch.stamp(-1n, -1, -1))).toEqual([
      { offset: 0, timestamp: TIME + 1, key: 'inner key', value: 'inner', headers: [['x', 'inner']] },
      { offset: 1, timestamp: TIME, key: 'k', value: 'outer', headers: [['h', 'outer']] },
    ]);
  });

  it.each([63, 64, 8191, 8192, 12_000, 1_048_575, 1_048_576])(
    'writes a value of %i bytes, at the edges of the varints',
    length => {
      const batch = writer({ capacityBytes: 1 << 24 });
      const value = 'v'.repeat(length);
      for (let at = 0; at < 3; at++) batch.append(TIME + at * length, null, value, undefined);
      const told = batch.bytes;
      expect(batch.stamp(-1n, -1, -1)).toHaveLength(told);
      expect(readAll(batch.stamp(-1n, -1, -1)).map(read => [read.timestamp, read.value === value])).toEqual(
        [0, 1, 2].map(at => [TIME + at * length, true]),
      );
    },
  );

  it('tells in `bytes` exactly what it will send, and grows up to the capacity and no further', () => {
    const batch = writer({ capacityBytes: 20_000 });
    let last = batch.bytes;
    expect(last).toBe(BATCH.records);
    while (batch.append(TIME, `k${batch.count}`, 'v'.repeat(90), undefined)) {
      expect(batch.bytes).toBeGreaterThan(last);
      expect(batch.bytes - last).toBeLessThanOrEqual(recordSizeBound(`k${batch.count}`, 'v'.repeat(90), undefined));
      last = batch.bytes;
    }
    expect(batch.bytes).toBeGreaterThan(19_800);
    expect(batch.storage.length).toBe(20_000);
    expect(batch.stamp(-1n, -1, -1)).toHaveLength(last);
    expect(readAll(batch.stamp(-1n, -1, -1))).toHaveLength(batch.count);
  });

  it('takes a record that fills the capacity exactly, and not one byte more', () => {
    const fill = (value: number) => {
      const batch = writer({ capacityBytes: 1000 });
      batch.append(TIME, null, 'x', undefined);
      return batch.append(TIME, null, Buffer.alloc(value), undefined) ? batch.bytes : undefined;
    };
    const exact = Array.from({ length: 1000 }, (_, at) => at).filter(at => fill(at) === 1000);
    expect(exact).toHaveLength(1);
    expect(fill(exact[0]! + 1)).toBeUndefined();
  });

  it('takes the first record whatever its size', () => {
    const batch = writer({ capacityBytes: 100 });
    expect(batch.append(TIME, null, 'x'.repeat(50_000), undefined)).toBe(true);
    expect(batch.append(TIME, null, '', undefined)).toBe(false);
    expect(readAll(batch.stamp(-1n, -1, -1))[0]!.value).toHaveLength(50_000);
  });

  it('writes nothing of a record that it refuses', () => {
    const batch = writer();
    batch.append(TIME, 'k', 'v', undefined);
    const before = batch.bytes;
    for (const wrong of [5, {}, [1, 2], new Uint16Array(3), true, new Date(0)] as unknown as string[]) {
      expect(() => batch.append(TIME, wrong, 'v', undefined)).toThrow(TypeError);
      expect(() => batch.append(TIME, 'k', wrong, undefined)).toThrow(TypeError);
      expect(() => batch.append(TIME, 'k', 'v', { h: wrong })).toThrow(TypeError);
    }
    expect(() => batch.append(TIME, 'k', 'v', [[7 as unknown as string, 'v']])).toThrow(TypeError);
    expect([batch.count, batch.bytes]).toEqual([1, before]);
    batch.append(TIME, 'k', undefined as unknown as null, undefined);
    expect(readAll(batch.stamp(-1n, -1, -1)).map(read => read.value)).toEqual(['v', null]);
  });

  it('stamps again with another producer, epoch, sequence and transaction flag, and a CRC that is right', () => {
    for (const compression of ['none', 'snappy'] as const) {
      const batch = writer({ compression });
      batch.append(TIME, 'k', 'v'.repeat(500), undefined);
      for (const [producerId, epoch, sequence, transactional] of [
        [5n, 1, 0, true],
        [2n ** 62n, 32767, 2 ** 31 - 1, false],
        [-1n, -1, -1, false],
      ] as const) {
        const stamped = batch.stamp(producerId, epoch, sequence, { transactional });
        expect(scanBatches(stamped)[0]).toMatchObject({
          producerId,
          producerEpoch: epoch,
          baseSequence: sequence,
          isTransactional: transactional,
          compression,
          baseOffset: 0n,
          leaderEpoch: -1,
        });
        expect(readAll(stamped)).toHaveLength(1);
      }
    }
  });

  it('is sealed by close: takes no more, whatever the room', () => {
    const batch = writer({ compression: 'gzip' });
    for (let at = 0; at < 100; at++) batch.append(TIME, null, 'the same again', undefined);
    const open = batch.bytes;
    batch.close();
    expect(batch.bytes).toBeLessThan(open / 5);
    const sealed = Buffer.from(batch.stamp(-1n, -1, -1));
    batch.close();
    expect(batch.append(TIME, null, 'late', undefined)).toBe(false);
    expect(batch.stamp(-1n, -1, -1).equals(sealed)).toBe(true);
  });

  it('keeps data that does not compress in a buffer that has room for it', () => {
    for (const compression of ['gzip', 'snappy'] as const) {
      const value = Buffer.from(Array.from({ length: 5000 }, (_, at) => (Math.imul(at + 1, 0x9e3779b1) >>> 13) & 0xff));
      const batch = writer({ capacityBytes: 10, compression });
      batch.append(TIME, null, value, undefined);
      expect(readAll(batch.stamp(-1n, -1, -1))[0]!.value).toBe(value.toString());
    }
  });

  it('writes into the buffer of an earlier batch, and nothing of that one shows', () => {
    const first = writer();
    for (let at = 0; at < 50; at++) first.append(TIME, 'old', 'old', undefined);
    first.stamp(9n, 9, 9, { transactional: true });
    const second = writer({ buffer: first.storage });
    second.append(TIME, 'new', 'new', undefined);
    const fresh = writer();
    fresh.append(TIME, 'new', 'new', undefined);
    expect(second.storage).toBe(first.storage);
    expect(second.stamp(-1n, -1, -1).equals(fresh.stamp(-1n, -1, -1))).toBe(true);
  });

  it('keeps the largest timestamp, takes earlier ones, and drops fractions of a millisecond', () => {
    const batch = writer();
    for (const timestamp of [TIME + 0.7, TIME - 5_000_000_000.2, TIME + 9.9, 0])
      batch.append(timestamp, null, null, undefined);
    const stamped = batch.stamp(-1n, -1, -1);
    expect(readAll(stamped).map(read => read.timestamp)).toEqual([TIME, TIME - 5_000_000_000 - 1, TIME + 9, 0]);
    expect(scanBatches(stamped)[0]).toMatchObject({ baseTimestamp: TIME, maxTimestamp: TIME + 9 });
  });

  it('compresses with lz4 as it is read again', () => {
    const batch = writer({ compression: 'lz4', level: 9 });
    for (let i = 0; i < 10; i++) batch.append(TIME + i, `k${i}`, 'again and again', undefined);
    const stamped = batch.stamp(-1n, -1, -1);
    expect(scanBatches(stamped)[0]).toMatchObject({ compression: 'lz4', recordCount: 10 });
    expect(readAll(stamped).map(read => read.key)).toEqual(Array.from({ length: 10 }, (_, i) => `k${i}`));
  });

  it('refuses zstd when it is made where Node cannot write it, and writes it elsewhere', () => {
    if (!('zstdCompressSync' in zlib))
      return expect(() => writer({ compression: 'zstd' })).toThrow(UnsupportedVersionError);
    const batch = writer({ compression: 'zstd', level: 22 });
    batch.append(TIME, 'k', 'v', undefined);
    expect(readAll(batch.stamp(-1n, -1, -1))).toMatchObject([{ key: 'k', value: 'v' }]);
  });
});

describe('recordSizeBound', () => {
  it('is exact for the largest deltas', () => {
    // length 2 · attributes 1 · varlong 8 · varint 5 · key 1 + 1 · value 2 + 100 · headers 1 + (1 + 1 + 1)
    expect(recordSizeBound('k', Buffer.alloc(100), { h: null })).toBe(2 + 1 + 8 + 5 + 2 + 102 + 4);
  });
});
