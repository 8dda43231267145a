import { gunzipSync, gzipSync } from 'node:zlib';
import { compress as snappyCompress, uncompress as snappyUncompress } from 'snappyjs';
import { codecOf } from '../../../lib/records/compression/codecs';
import type { Compression } from '../../../lib/types';
import type { FuzzTarget } from '../fuzz';
import type { Random } from '../random';

type Name = Exclude<Compression, 'none'>;

/** Those that this build has, on this Node, with the packages that are installed. */
export const codecNames: readonly Name[] = (['gzip', 'snappy', 'lz4', 'zstd'] as const).filter(name => {
  try {
    const codec = codecOf(name);
    return codec !== undefined && codec.decompress(codec.compress(Buffer.from('any')), 100).length === 3;
  } catch {
    return false;
  }
});

/** Other implementations of the same format, where one is at hand. */
const others: Partial<Record<Name, { compress(bytes: Buffer): Uint8Array; decompress(bytes: Buffer): Uint8Array }>> = {
  gzip: { compress: bytes => gzipSync(bytes), decompress: bytes => gunzipSync(bytes) },
  snappy: { compress: bytes => snappyCompress(bytes), decompress: bytes => snappyUncompress(bytes) },
};

/** What is compressed comes back, whoever does the one or the other. */
export const codecRoundTrip: FuzzTarget = {
  name: 'codecs',
  property: 'what a codec or another implementation compresses comes back, and one byte less than it is refused',
  cases: { quick: 2_000, change: 10_000, long: 1_000_000 },
  run(random, seed) {
    const name = codecNames[seed % codecNames.length]!;
    const codec = codecOf(name)!;
    const bytes = compressible(random);
    const packed = codec.compress(bytes);
    equal(name, codec.decompress(packed, bytes.length), bytes);
    if (bytes.length > 1 && outcome(() => codec.decompress(packed, bytes.length - 1)) !== 'too large')
      throw new Error(`${name}: ${bytes.length} bytes pass a limit of one less`);
    const other = others[name];
    if (other === undefined) return 2;
    equal(name, other.decompress(packed), bytes);
    equal(name, codec.decompress(Buffer.from(other.compress(bytes)), bytes.length), bytes);
    return 4;
  },
};

/** A stream that lies. */
export const hostileStreams: FuzzTarget = {
  name: 'streams',
  property: 'a compressed stream that was changed inflates to no more than the limit, or is refused with an error',
  cases: { quick: 4_000, change: 20_000, long: 1_000_000 },
  run(random, seed) {
    const name = codecNames[seed % codecNames.length]!;
    const codec = codecOf(name)!;
    const bytes = compressible(random);
    const limit = random.pick([0, 1, bytes.length, 2 * bytes.length, 1 << 16]);
    const changed = changedStream(Buffer.from(codec.compress(bytes)), random);
    let inflated: Buffer | undefined;
    const ended = outcome(() => (inflated = codec.decompress(changed, limit)));
    // zlib refuses a limit of 0: one byte may come out.
    if (ended === 'well' && inflated!.length > Math.max(1, limit))
      throw new Error(`${name}: ${inflated!.length} bytes with a limit of ${limit}`);
  },
};

/** How decompressing ends. A stream may be refused by any error that a caller can put a batch's name to. */
function outcome(run: () => unknown): 'well' | 'too large' | 'refused' {
  try {
    run();
    return 'well';
  } catch (error) {
    // Not `instanceof`: what zlib throws under Jest is an error of another realm.
    const { name, message } = error as Error;
    if (typeof message !== 'string') throw error;
    return name === 'RangeError' ? 'too large' : 'refused';
  }
}

function changedStream(bytes: Buffer, random: Random): Buffer {
  switch (random.below(4)) {
    case 0:
      return Buffer.from(bytes.subarray(0, random.below(bytes.length)));
    case 1:
      return Buffer.concat([bytes, random.bytes(1 + random.below(20))]);
    case 2:
      return random.bytes(random.below(200));
    default:
      for (let changes = 1 + random.below(4); changes > 0; changes--)
        bytes[random.below(random.pick([Math.min(20, bytes.length), bytes.length]))] = random.pick([
          0,
          0x7f,
          0x80,
          0xff,
          random.below(256),
        ]);
      return bytes;
  }
}

/** Chance alone cannot be compressed: words that come again, and stretches of one byte. */
function compressible(random: Random): Buffer {
  const words = Array.from({ length: 1 + random.below(6) }, () => random.bytes(1 + random.below(12)));
  const length = random.pick([0, 1, 20, 300, 300, 5_000]);
  const parts: Buffer[] = [];
  for (let bytes = 0; bytes < length; bytes += parts.at(-1)!.length)
    parts.push(random.chance(0.1) ? Buffer.alloc(random.below(100) + 1, random.below(256)) : random.pick(words));
  return Buffer.concat(parts).subarray(0, length);
}

function equal(name: string, actual: Uint8Array, expected: Buffer): void {
  if (!expected.equals(actual))
    throw new Error(`${name}: ${expected.toString('hex')} came back as ${Buffer.from(actual).toString('hex')}`);
}
