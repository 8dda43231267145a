import { gzipSync } from 'node:zlib';
import { resolve } from 'node:path';
import { gzip } from '../../lib/records/compression/gzip';
import { runProgram } from '../support/run-program';
import { print } from '../support/print';
import type { BombFigures } from './bombs-child';
import type { InflateFigures } from './inflate-child';

const child = async <T>(script: string, flags: readonly string[], ...args: readonly string[]): Promise<T> => {
  const program = [...flags, '--import', 'tsx', resolve(__dirname, script), ...args];
  return JSON.parse(String(await runProgram(process.execPath, program, { timeoutMs: 110_000 }))) as T;
};
const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;

describe('a length bomb', () => {
  it('takes no more than twice its size and 64 KiB, and no time, in any number of any message', async () => {
    const figures = await child<BombFigures>(
      'bombs-child.ts',
      // So large a new space that nothing is collected while something is measured.
      ['--expose-gc', '--max-semi-space-size=64'],
      process.env['KAFKA_RX_FULL'] === 'true' ? '2' : '1',
    );
    print(
      `${figures.bombs} bombs, ${figures.refused} refused: at most ${kib(figures.worstBytes)} for ${figures.worstInputBytes} bytes; slowest ${figures.slowestMs.toFixed(1)} ms; ` +
        `elements that are really there take up to ${figures.perByteRead.toFixed(0)} times their bytes`,
    );
    expect(figures.errors).toEqual([]);
    expect(figures.refused).toBeGreaterThan(10_000);
    expect(figures.worstBytes).toBeLessThanOrEqual(2 * figures.worstInputBytes + (64 << 10));
    // The bar is 50 ms; a busy machine may take us the processor for longer than that.
    expect(figures.slowestMs).toBeLessThan(1_000);
    expect(figures.perByteRead).toBeLessThan(40);
  }, 120_000);
});

describe('a decompression bomb', () => {
  it('takes no more than the limit and 64 MiB in any codec', async () => {
    const limit = 1 << 20;
    const figures = await child<readonly InflateFigures[]>('inflate-child.ts', ['--expose-gc'], String(limit));
    expect(figures.map(({ codec }) => codec)).toEqual(expect.arrayContaining(['gzip', 'snappy']));
    for (const one of figures) {
      print(
        `${one.bomb}: ${kib(one.packedBytes)} that would be ${kib(one.inflatedBytes)} end after ${one.ms.toFixed(0)} ms and ${kib(one.grownBytes)} more memory: ${one.error}`,
      );
      expect(one.error).toMatch(/^DecodeError: The batch at offset 9 of orders-3 cannot be read/);
      expect(one.grownBytes).toBeLessThan(limit + (64 << 20));
      expect(one.ms).toBeLessThan(2_000);
    }
  }, 120_000);

  it('is refused in a gzip stream of many members, each of them small', () => {
    const member = gzipSync(Buffer.alloc(10_000));
    const many = Buffer.concat(Array.from({ length: 100 }, () => member));
    expect(gzip.decompress(many, 1_000_000).length).toBe(1_000_000);
    expect(() => gzip.decompress(many, 999_999)).toThrow('larger than 999999 bytes');
  });
});
