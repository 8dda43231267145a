/** Numbers of 64 bits as two halves: BigInt would take 20 times as long for each of the four words of a stripe. */
const PRIME_1 = { high: 0x9e3779b1 | 0, low: 0x85ebca87 | 0 };
const PRIME_2 = { high: 0xc2b2ae3d | 0, low: 0x27d4eb4f | 0 };
const [P1, P2, P3, P4, P5] = [
  0x9e37_79b1_85eb_ca87n,
  0xc2b2_ae3d_27d4_eb4fn,
  0x1656_67b1_9e37_79f9n,
  0x85eb_ca77_c2b2_ae63n,
  0x27d4_eb2f_1656_67c5n,
];
const STRIPE_BYTES = 32;

/** XXH64 with the seed 0, of which a zstd frame keeps the low 32 bits (RFC 8878, 3.1.1). */
export function xxhash64(bytes: Buffer): bigint {
  const stripes = Math.floor(bytes.length / STRIPE_BYTES);
  let hash = P5;
  if (stripes > 0) {
    // The lanes meet only here, so that each is a loop of its own with its two halves in registers.
    const lanes = [P1 + P2, P2, 0n, -P1].map((start, lane) => laneOf(bytes, lane * 8, stripes, start));
    hash = [1, 7, 12, 18].reduce((sum, bits, lane) => sum + rotated(lanes[lane]!, bits), 0n);
    for (const lane of lanes) hash = (hash ^ round(lane)) * P1 + P4;
  }
  hash += BigInt(bytes.length);
  let at = stripes * STRIPE_BYTES;
  for (; at + 8 <= bytes.length; at += 8) hash = rotated(hash ^ round(bytes.readBigUInt64LE(at)), 27) * P1 + P4;
  for (; at + 4 <= bytes.length; at += 4) hash = rotated(hash ^ (BigInt(bytes.readUInt32LE(at)) * P1), 23) * P2 + P3;
  for (; at < bytes.length; at++) hash = rotated(hash ^ (BigInt(bytes[at]!) * P5), 11) * P1;
  hash = BigInt.asUintN(64, hash);
  hash = BigInt.asUintN(64, (hash ^ (hash >> 33n)) * P2);
  hash = BigInt.asUintN(64, (hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}

/** Every fourth word goes through the same lane. */
function laneOf(bytes: Buffer, from: number, stripes: number, start: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let low = Number(BigInt.asIntN(32, start));
  let high = Number(BigInt.asIntN(32, start >> 32n));
  for (let at = from, left = stripes; left > 0; left--, at += STRIPE_BYTES) {
    const wordLow = view.getInt32(at, true);
    const wordHigh = view.getInt32(at + 4, true);
    const productLow = Math.imul(wordLow, PRIME_2.low);
    const productHigh = highOfProduct(wordLow, wordHigh, PRIME_2.low, PRIME_2.high);
    const sum = (low >>> 0) + (productLow >>> 0);
    const sumHigh = (high + productHigh + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    const turnedLow = (sum << 31) | (sumHigh >>> 1);
    const turnedHigh = (sumHigh << 31) | ((sum | 0) >>> 1);
    low = Math.imul(turnedLow, PRIME_1.low);
    high = highOfProduct(turnedLow, turnedHigh, PRIME_1.low, PRIME_1.high);
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Bits 32 to 63 of the product of two numbers: of the low halves by quarters, and what the high ones add. */
function highOfProduct(low: number, high: number, otherLow: number, otherHigh: number): number {
  const [a, b, c, d] = [low & 0xffff, low >>> 16, otherLow & 0xffff, otherLow >>> 16];
  const middle = b * c + (Math.imul(a, c) >>> 16);
  const rest = a * d + (middle % 0x1_0000);
  return (
    (Math.imul(b, d) + (middle >>> 16) + (rest >>> 16) + Math.imul(low, otherHigh) + Math.imul(high, otherLow)) | 0
  );
}

/** What a lane does with a word when it is new. */
function round(word: bigint): bigint {
  return rotated(word * P2, 31) * P1;
}

function rotated(value: bigint, bits: number): bigint {
  const word = BigInt.asUintN(64, value);
  return (word << BigInt(bits)) | (word >> BigInt(64 - bits));
}
