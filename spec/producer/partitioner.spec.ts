import { StickyPartition, keyBytes, partitionOfKey } from '../../lib/producer/partitioner';

// Hashes that Java's Utils.murmur2 gives, from the tests of Apache Kafka itself.
const JAVA: readonly (readonly [key: string, hash: number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('partitionOfKey', () => {
  it.each(JAVA)('places %s where Java does', (key, hash) => {
    for (const partitions of [1, 3, 7, 100, 1_000])
      for (const given of [key, Buffer.from(key), new Uint8Array(Buffer.from(key))])
        expect(partitionOfKey(given, partitions)).toBe((hash & 0x7fffffff) % partitions);
  });

  it('hashes an empty key like any other, as text and as bytes', () => {
    // murmur2 of nothing in Java: 275646681.
    expect(partitionOfKey('', 1_000)).toBe(275646681 % 1_000);
    expect(partitionOfKey(Buffer.alloc(0), 1_000)).toBe(275646681 % 1_000);
  });

  it('hashes text by its UTF-8 bytes, however long', () => {
    for (const key of ['ключ', 'k€y', '🔑'.repeat(300), 'a'.repeat(2_000), 'a'.repeat(299) + 'é'])
      expect(partitionOfKey(key, 997)).toBe(partitionOfKey(Buffer.from(key), 997));
  });

  it('gives a partitioner of the user bytes, and null without a key', () => {
    expect(keyBytes('é')).toEqual(Buffer.from('é'));
    expect(keyBytes(null)).toBeNull();
  });
});

describe('StickyPartition', () => {
  it('stays until a batch of bytes is written, then goes elsewhere', () => {
    const sticky = new StickyPartition();
    const first = sticky.choose([0, 1, 2], 100, () => 0.5);
    expect(first).toBe(1);
    sticky.wrote(99);
    expect(sticky.choose([0, 1, 2], 100, () => 0)).toBe(1);
    sticky.wrote(1);
    expect(sticky.choose([0, 1, 2], 100, () => 0.5)).not.toBe(1);
  });

  it('leaves a partition that has lost its leader', () => {
    const sticky = new StickyPartition();
    expect(sticky.choose([0, 1], 100, () => 0.9)).toBe(1);
    sticky.keepTo([0]);
    expect(sticky.choose([0], 100, () => 0.9)).toBe(0);
  });

  it('spreads evenly', () => {
    const sticky = new StickyPartition();
    const hits = [0, 0, 0, 0];
    let seed = 1;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let i = 0; i < 4_000; i++) {
      hits[sticky.choose([0, 1, 2, 3], 1, random)]!++;
      sticky.wrote(1);
    }
    for (const count of hits) expect(count).toBeGreaterThan(800);
  });
});
