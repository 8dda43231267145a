import { codecIdOf, codecOf, compressionOf } from '../../../lib/records/compression/codecs';

describe('the table of codecs', () => {
  it('knows the ids of Kafka, both ways', () => {
    const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
    expect(names.map(codecIdOf)).toEqual([0, 1, 2, 3, 4]);
    expect([0, 1, 2, 3, 4, 5, 7].map(compressionOf)).toEqual([...names, undefined, undefined]);
  });

  it('has gzip and snappy, and says of the others that it has them not', () => {
    expect(codecOf('gzip')).toBeDefined();
    expect(codecOf('snappy')).toBeDefined();
    expect([codecOf('lz4'), codecOf('zstd')]).toEqual([undefined, undefined]);
  });
});
