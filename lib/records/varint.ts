// The zig-zag varints inside records. Written for hot loops: the caller makes room or checks the bounds.

/** The bytes a zig-zag varint takes: 1 to 5. */
export function varintBytes(value: number): number {
  return unsignedBytes((value << 1) ^ (value >> 31));
}

/** The bytes a zig-zag varlong takes: 1 to 10. Any safe integer, as a difference of two timestamps is one. */
export function varlongBytes(value: number): number {
  if (value === (value | 0)) return varintBytes(value);
  let bytes = 1;
  for (let rest = zigzag(value) >> 7n; rest > 0n; rest >>= 7n) bytes++;
  return bytes;
}

/** Writes a zig-zag varint and returns the position behind it. */
export function writeVarint(buffer: Uint8Array, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest >= 0x80) {
    buffer[at++] = rest | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

/** Writes a zig-zag varlong and returns the position behind it. */
export function writeVarlong(buffer: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(buffer, at, value);
  let rest = zigzag(value);
  while (rest >= 0x80n) {
    buffer[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  buffer[at++] = Number(rest);
  return at;
}

function unsignedBytes(bits: number): number {
  const value = bits >>> 0;
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

function zigzag(value: number): bigint {
  const wide = BigInt(value);
  return wide >= 0n ? wide << 1n : (-wide << 1n) - 1n;
}
