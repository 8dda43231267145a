import * as zlib from 'node:zlib';
import { UnsupportedVersionError } from '../../lib/errors';
import { PRODUCER_DEFAULTS, resolveProducerOptions } from '../../lib/producer/options';

describe('producer options', () => {
  it('are idempotent with acks all, and only then', () => {
    expect(resolveProducerOptions({})).toMatchObject({ ...PRODUCER_DEFAULTS, idempotent: true });
    expect(resolveProducerOptions({ acks: 1 }).idempotent).toBe(false);
    expect(resolveProducerOptions({ acks: 0 }).idempotent).toBe(false);
    expect(resolveProducerOptions({ acks: 'all', idempotent: false }).idempotent).toBe(false);
  });

  it('take an option that is undefined as not given', () => {
    expect(resolveProducerOptions({ lingerMs: undefined as never }).lingerMs).toBe(0);
  });

  it.each([
    [{ batchSize: 1 }, /unknown option "batchSize".*batchBytes/],
    [{ linger: 1 }, /lingerMs/],
    [{ compresion: 'gzip' }, /did you mean "compression"/],
    [{ acks: -1 }, /"acks" must be 'all' or 1 or 0/],
    [{ acks: 1, idempotent: true }, /"idempotent" needs acks: 'all'/],
    [{ compression: 'brotli' }, /"compression"/],
    [{ compressionLevel: 3 }, /"compressionLevel" means nothing with compression: 'none'/],
    [{ compression: 'snappy', compressionLevel: 3 }, /"compressionLevel" means nothing with compression: 'snappy'/],
    [{ compression: 'gzip', compressionLevel: '3' }, /"compressionLevel" must be a number/],
    [
      { compression: 'gzip', compressionLevel: 0 },
      /with compression: 'gzip', .*"compressionLevel".*from -1 to 9 other than 0; it is 0/,
    ],
    [{ compression: 'gzip', compressionLevel: 10 }, /"compressionLevel".*from -1 to 9/],
    [{ compression: 'gzip', compressionLevel: 1.5 }, /"compressionLevel" must be a whole number/],
    [{ compression: 'lz4', compressionLevel: 0 }, /"compressionLevel".*from 1 to 17/],
    [{ compression: 'lz4', compressionLevel: 18 }, /"compressionLevel".*from 1 to 17/],
    [{ compression: 'zstd', compressionLevel: 23 }, /"compressionLevel".*from -131072 to 22/],
    [{ compression: 'zstd', compressionLevel: -131_073 }, /"compressionLevel".*from -131072 to 22/],
    [{ lingerMs: -1 }, /"lingerMs"/],
    [{ bufferBytes: 0 }, /"bufferBytes"/],
    [{ lingerMs: 200, deliveryTimeoutMs: 100 }, /"lingerMs" \(200\) must be less than deliveryTimeoutMs \(100\)/],
    [{ partitioner: 'murmur2' }, /"partitioner" must be a function/],
    [{ value: JSON.stringify }, /"value" must have an encode method/],
  ])('%p is refused by name', (given, message) => {
    expect(() => resolveProducerOptions(given as never)).toThrow(message);
  });

  it('take the levels that Java takes', () => {
    for (const level of [-1, 1, 9])
      expect(resolveProducerOptions({ compression: 'gzip', compressionLevel: level }).compressionLevel).toBe(level);
    for (const level of [1, 17])
      expect(resolveProducerOptions({ compression: 'lz4', compressionLevel: level }).compressionLevel).toBe(level);
  });

  it('refuse zstd at once where Node cannot write it', () => {
    const zstd = () => resolveProducerOptions({ compression: 'zstd', compressionLevel: -131_072 });
    if ('zstdCompressSync' in zlib) expect(zstd().compression).toBe('zstd');
    else expect(zstd).toThrow(UnsupportedVersionError);
  });

  it('refuse lz4 at once where its package is not installed, and name it', () => {
    jest.isolateModules(() => {
      jest.doMock('lz4-napi', () => {
        throw new Error("Cannot find module 'lz4-napi'");
      });
      const without = jest.requireActual<typeof import('../../lib/producer/options')>('../../lib/producer/options');
      expect(() => without.resolveProducerOptions({ compression: 'lz4' })).toThrow(/optional package lz4-napi/);
      jest.dontMock('lz4-napi');
    });
  });

  it('do not write to what they are given, and cannot be changed', () => {
    const given = Object.freeze({ lingerMs: 5 });
    expect(Object.isFrozen(resolveProducerOptions(given))).toBe(true);
    expect(given).toEqual({ lingerMs: 5 });
  });
});
