const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/** Murmur2 of the first `length` bytes as a signed 32-bit number, bit for bit what Java's `Utils.murmur2` gives: keys land on the same partition. */
export function murmur2(bytes: Uint8Array, length = bytes.length): number {
  const aligned = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < aligned; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const rest = length & 3;
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[aligned + 2]! << 16;
    if (rest > 1) hash ^= bytes[aligned + 1]! << 8;
    hash = Math.imul(hash ^ bytes[aligned]!, MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
