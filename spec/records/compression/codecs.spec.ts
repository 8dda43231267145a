import { codecIdOf, codecOf, compressionOf } from '../../../lib/records/compression/codecs';

describe('the table of codecs', () => {
  it('knows the ids of Kafka, both ways', () => {
    const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
    expect(names.map(codecIdOf)).toEqual([0, 1, 2, 3, 4]);
    expect([0, 1, 2, 3, 4, 5, 7].map(compressionOf)).toEqual([...names, undefined, undefined]);
  });

  it('has all of them, with the levels that Java takes', () => {
    expect((['gzip', 'snappy', 'lz4', 'zstd'] as const).map(name => codecOf(name).levels)).toEqual([
      { min: -1, max: 9, except: 0 },
      undefined,
      { min: 1, max: 17 },
      { min: -131_072, max: 22 },
    ]);
  });
});
