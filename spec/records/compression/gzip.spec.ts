import { gunzipSync, gzipSync } from 'node:zlib';
import { gzip } from '../../../lib/records/compression/gzip';

const text = Buffer.from('to be or not to be, '.repeat(200));

describe('gzip', () => {
  it('writes what zlib reads, at every level, and reads what zlib writes', () => {
    for (const level of [undefined, -1, 1, 9]) expect(gunzipSync(gzip.compress(text, level)).equals(text)).toBe(true);
    expect(gzip.decompress(gzipSync(text), text.length).equals(text)).toBe(true);
    expect(gzip.compress(text, 0).length).toBeGreaterThan(text.length);
  });

  it('reads several members as one stream', () => {
    expect(gzip.decompress(Buffer.concat([gzipSync('one '), gzipSync('two')]), 100).toString()).toBe('one two');
  });

  it('refuses more than the limit with a RangeError, and a stream that is cut off', () => {
    const error = errorOf(() => gzip.decompress(gzipSync(text), text.length - 1));
    expect(error.name).toBe('RangeError');
    expect(errorOf(() => gzip.decompress(gzipSync(text).subarray(0, 40), text.length)).name).toBe('Error');
  });
});

function errorOf(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
