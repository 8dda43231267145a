import { gunzipSync, gzipSync } from 'node:zlib';
import type { Codec } from './codec';

/** Gzip (RFC 1952). Several members in a row are read as one stream, as Java does; levels are 1–9, or -1 for zlib's own. */
export const gzip: Codec = {
  levels: { min: -1, max: 9, except: 0 },
  compress: (bytes, level = -1) => gzipSync(bytes, { level }),
  // `maxOutputLength` stops while inflating: a bomb costs no more memory than the limit. 0 is refused by zlib.
  decompress: (bytes, maxBytes) => gunzipSync(bytes, { maxOutputLength: Math.max(1, maxBytes) }),
};
