import { buf as javascript } from 'crc-32/crc32c';

type Checksum = (bytes: Uint8Array, seed?: number) => number;

const native = loadNative();

/** Which CRC-32C is in use: `native` when the optional `@node-rs/crc32` loads, else `javascript`. */
export const crc32cImplementation: 'native' | 'javascript' = native ? 'native' : 'javascript';

/**
 * CRC-32C (Castagnoli) as an unsigned number. `seed` is the checksum of the bytes before these, so that a checksum can
 * be continued: `crc32c(b, crc32c(a))` equals that of `a` and `b` together.
 */
export const crc32c: Checksum = native ?? javascriptCrc32c;

/** The implementation that always works. */
export function javascriptCrc32c(bytes: Uint8Array, seed = 0): number {
  return javascript(bytes, seed) >>> 0;
}

function loadNative(): Checksum | undefined {
  try {
    const loaded = (require('@node-rs/crc32') as { readonly crc32c: Checksum }).crc32c;
    // A binary that loads but computes something else would reject every batch: ask it one known answer.
    return loaded(Buffer.from('123456789')) === 0xe3069283 ? loaded : undefined;
  } catch {
    return undefined;
  }
}
