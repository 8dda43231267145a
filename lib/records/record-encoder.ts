import { utf8Length, writeUtf8 } from '../bytes/utf8';
import type { Bytes, HeadersInput } from '../types';
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint';

/**
 * Encodes one record at a time into a given buffer: `measure` computes every size, so that `write` needs no buffer of
 * its own and cannot fail half-way. One instance is enough for a thread, as nothing happens in between.
 */
export class RecordEncoder {
  private key: Bytes = null;
  private value: Bytes = null;
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
    this.key = key;
    this.value = value;
    this.keyBytes = sizeOf(key);
    this.valueBytes = sizeOf(value);
    this.timestampDelta = timestampDelta;
    this.offsetDelta = offsetDelta;
    const bytes =
      1 + // attributes
      varlongBytes(timestampDelta) +
      varintBytes(offsetDelta) +
      fieldBytes(this.keyBytes) +
      fieldBytes(this.valueBytes) +
      (headers === undefined ? this.noHeaders() : this.measureHeaders(headers));
    this.bodyBytes = bytes;
    return varintBytes(bytes) + bytes;
  }

  /** Writes the record measured last at `at`, where the caller has made room, and returns the position behind it. */
  write(buffer: Buffer, at: number): number {
    at = writeVarint(buffer, at, this.bodyBytes);
    buffer[at++] = 0;
    at = writeVarlong(buffer, at, this.timestampDelta);
    at = writeVarint(buffer, at, this.offsetDelta);
    at = writeField(buffer, at, this.key, this.keyBytes);
    at = writeField(buffer, at, this.value, this.valueBytes);
    at = writeVarint(buffer, at, this.headerCount);
    for (let header = 0; header < this.headerCount; header++) {
      at = writeField(buffer, at, this.names[header]!, this.nameBytes[header]!);
      at = writeField(buffer, at, this.values[header]!, this.headerBytes[header]!);
    }
    // Not to keep the last record of an idle producer alive.
    this.key = this.value = null;
    if (this.headerCount > 0) this.values.fill(null, 0, this.headerCount);
    return at;
  }

  private noHeaders(): number {
    this.headerCount = 0;
    return 1;
  }

  private measureHeaders(headers: HeadersInput): number {
    this.headerCount = 0;
    let bytes = 0;
    if (Symbol.iterator in headers) {
      for (const [name, value] of headers as Iterable<readonly [string, Bytes]>) bytes += this.addHeader(name, value);
    } else {
      const named = headers as Readonly<Record<string, Bytes>>;
      for (const name of Object.keys(named)) bytes += this.addHeader(name, named[name]!);
    }
    return varintBytes(this.headerCount) + bytes;
  }

  private addHeader(name: string, value: Bytes): number {
    if (typeof name !== 'string') throw new TypeError(`The name of a header is a string, not ${typeof name}`);
    const at = this.headerCount++;
    this.names[at] = name;
    this.values[at] = value;
    return fieldBytes((this.nameBytes[at] = utf8Length(name))) + fieldBytes((this.headerBytes[at] = sizeOf(value)));
  }
}

/** -1 for null, which is not the same as empty. `undefined` is null too: never its name as text. */
function sizeOf(bytes: Bytes | undefined): number {
  if (bytes === null || bytes === undefined) return -1;
  if (typeof bytes === 'string') return utf8Length(bytes);
  if (ArrayBuffer.isView(bytes) && bytes.length !== undefined && bytes.length === bytes.byteLength) return bytes.length;
  throw new TypeError(`A key, value or header value is a Uint8Array, a string or null, not ${typeof bytes}`);
}

function fieldBytes(bytes: number): number {
  return bytes > 0 ? varintBytes(bytes) + bytes : 1;
}

function writeField(buffer: Buffer, at: number, bytes: Bytes, length: number): number {
  at = writeVarint(buffer, at, length);
  if (length <= 0) return at;
  if (typeof bytes === 'string') writeUtf8(buffer, at, bytes, length);
  else buffer.set(bytes!, at);
  return at + length;
}
