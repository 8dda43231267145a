import { utf8Length, writeUtf8 } from '../bytes/utf8';
import type { Bytes, HeadersInput } from '../types';

// The varints are in this file because they are half of the work: a call into another module costs more than one.

/**
 * Encodes one record at a time into a given buffer: `measure` computes every size, so that `write` needs no buffer of
 * its own and cannot fail half-way. One instance is enough for a thread, as nothing else runs in between.
 */
export class RecordEncoder {
  private keyBytes = -1;
  private valueBytes = -1;
  private timestampDelta = 0;
  private offsetDelta = 0;
  private bodyBytes = 0;
  // The headers of the record, side by side; kept and reused, so that a record with headers allocates none of it.
  private headerCount = 0;
  private readonly names: string[] = [];
  private readonly values: Bytes[] = [];
  private readonly nameBytes: number[] = [];
  private readonly headerBytes: number[] = [];

  /** The exact size of the record in bytes, its length prefix included. Throws a `TypeError` on what is no bytes. */
  measure(
    timestampDelta: number,
    offsetDelta: number,
    key: Bytes,
    value: Bytes,
    headers: HeadersInput | undefined,
  ): number {
    const listed = listHeaders(headers);
    const keyBytes = (this.keyBytes = sizeOf(key));
    const valueBytes = (this.valueBytes = sizeOf(value));
    this.timestampDelta = timestampDelta;
    this.offsetDelta = offsetDelta;
    this.headerCount = 0;
    const bytes =
      1 + // attributes
      varlongBytes(timestampDelta) +
      varintBytes(offsetDelta) +
      fieldBytes(keyBytes) +
      fieldBytes(valueBytes) +
      (listed === undefined ? 1 : this.measureHeaders(listed));
    this.bodyBytes = bytes;
    return varintBytes(bytes) + bytes;
  }

  /** Writes the record measured last, whose key and value these are, where the caller has made room; returns the position behind it. */
  write(buffer: Buffer, at: number, key: Bytes, value: Bytes): number {
    at = writeVarint(buffer, at, this.bodyBytes);
    buffer[at++] = 0;
    at = writeVarlong(buffer, at, this.timestampDelta);
    at = writeVarint(buffer, at, this.offsetDelta);
    at = writeField(buffer, at, key, this.keyBytes);
    at = writeField(buffer, at, value, this.valueBytes);
    if (this.headerCount === 0) {
      buffer[at++] = 0;
      return at;
    }
    at = writeVarint(buffer, at, this.headerCount);
    for (let header = 0; header < this.headerCount; header++) {
      at = writeField(buffer, at, this.names[header]!, this.nameBytes[header]!);
      at = writeField(buffer, at, this.values[header]!, this.headerBytes[header]!);
      this.values[header] = null; // or an idle producer would keep its last headers alive
    }
    return at;
  }

  private measureHeaders(headers: ListedHeaders): number {
    let bytes = 0;
    if (Array.isArray(headers)) {
      const pairs = headers as readonly (readonly [string, Bytes])[];
      for (let at = 0; at < pairs.length; at++) bytes += this.addHeader(pairs[at]![0], pairs[at]![1]);
    } else {
      const named = headers as Readonly<Record<string, Bytes>>;
      for (const name of Object.keys(named)) bytes += this.addHeader(name, named[name]!);
    }
    return varintBytes(this.headerCount) + bytes;
  }

  private addHeader(name: string, value: Bytes): number {
    if (typeof name !== 'string') throw new TypeError(`The name of a header is a string, not ${typeof name}`);
    const at = this.headerCount++;
    const nameBytes = utf8Length(name);
    const valueBytes = sizeOf(value);
    this.names[at] = name;
    this.values[at] = value;
    this.nameBytes[at] = nameBytes;
    this.headerBytes[at] = valueBytes;
    return fieldBytes(nameBytes) + fieldBytes(valueBytes);
  }
}

/** Headers that can be gone through more than once, without running a caller's code. */
export type ListedHeaders = readonly (readonly [string, Bytes])[] | Readonly<Record<string, Bytes>>;

/**
 * Arrays and objects as they are, any other iterable as an array. A generator can be walked only once, and what it runs
 * meanwhile may be a `send`: whoever needs the headers again, or has state half changed, lists them first.
 */
export function listHeaders(headers: HeadersInput | undefined): ListedHeaders | undefined {
  if (headers === undefined || headers === null) return undefined;
  if (Array.isArray(headers)) return headers as ListedHeaders;
  if (typeof headers !== 'object')
    throw new TypeError(`The headers of a record are an object or pairs of name and value, not ${typeof headers}`);
  if (!(Symbol.iterator in headers)) return headers as ListedHeaders;
  return Array.from(headers as Iterable<readonly [string, Bytes]>);
}

/** -1 for null, which is not the same as empty. `undefined` is null too: never its name as text. */
function sizeOf(bytes: Bytes | undefined): number {
  if (typeof bytes === 'string') return utf8Length(bytes);
  if (bytes === null || bytes === undefined) return -1;
  const { length } = bytes;
  // Rules out plain arrays and wider typed arrays, of which every element would lose its upper bytes.
  if (typeof length === 'number' && length === bytes.byteLength) return length;
  throw new TypeError(`A key, value or header value is a Uint8Array, a string or null, not ${typeof bytes}`);
}

function fieldBytes(bytes: number): number {
  return bytes > 0 ? varintBytes(bytes) + bytes : 1;
}

/** The bytes a zig-zag varint takes, as all in a record are: 1 to 5. */
function varintBytes(value: number): number {
  const bits = ((value << 1) ^ (value >> 31)) >>> 0;
  if (bits < 0x80) return 1;
  if (bits < 0x4000) return 2;
  if (bits < 0x20_0000) return 3;
  return bits < 0x1000_0000 ? 4 : 5;
}

/** 1 to 10, for any safe integer. */
function varlongBytes(value: number): number {
  if (value === (value | 0)) return varintBytes(value);
  let bytes = 1;
  for (let rest = zigzag(value) >> 7n; rest > 0n; rest >>= 7n) bytes++;
  return bytes;
}

function writeField(buffer: Buffer, at: number, bytes: Bytes, length: number): number {
  at = writeVarint(buffer, at, length);
  if (length <= 0) return at;
  if (typeof bytes === 'string') writeUtf8(buffer, at, bytes, length);
  else buffer.set(bytes!, at);
  return at + length;
}

function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest >= 0x80) {
    buffer[at++] = rest | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

function writeVarlong(buffer: Buffer, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(buffer, at, value);
  let rest = zigzag(value);
  while (rest >= 0x80n) {
    buffer[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  buffer[at++] = Number(rest);
  return at;
}

function zigzag(value: number): bigint {
  const wide = BigInt(value);
  return wide >= 0n ? wide << 1n : (-wide << 1n) - 1n;
}
