import { utf8Length, writeUtf8 } from './utf8';

/** Turns a bigint or a double into two int32 without a `DataView` per writer. */
const scratch = new DataView(new ArrayBuffer(8));

/**
 * Grows as it is written to, big-endian. Foreign chunks are spliced in by reference, so that record batches go from
 * the producer's buffers to the socket without a copy; the result is a list of chunks for one gathered write.
 */
export class Writer {
  private buffer: Buffer;
  /** Where the open piece, not yet in `sealed`, begins in `buffer`. */
  private start = 0;
  private position = 0;
  private readonly sealed: Uint8Array[] = [];
  private sealedBytes = 0;

  constructor(capacityBytes = 256) {
    this.buffer = Buffer.allocUnsafe(capacityBytes);
  }

  /** All bytes so far, spliced ones included. */
  get length(): number {
    return this.sealedBytes + this.position - this.start;
  }

  int8(value: number): void {
    const at = this.make(1);
    this.buffer[at] = value;
  }

  uint8(value: number): void {
    this.int8(value);
  }

  int16(value: number): void {
    const at = this.make(2);
    this.buffer[at] = value >>> 8;
    this.buffer[at + 1] = value;
  }

  uint16(value: number): void {
    this.int16(value);
  }

  int32(value: number): void {
    const at = this.make(4);
    put32(this.buffer, at, value);
  }

  uint32(value: number): void {
    this.int32(value);
  }

  int64(value: bigint): void {
    scratch.setBigInt64(0, value);
    this.scratched();
  }

  /** A number as an int64: for milliseconds. The fraction is dropped. */
  int64Number(value: number): void {
    const at = this.make(8);
    const whole = Math.trunc(value);
    put32(this.buffer, at, Math.floor(whole / 0x1_0000_0000));
    put32(this.buffer, at + 4, whole % 0x1_0000_0000);
  }

  float64(value: number): void {
    scratch.setFloat64(0, value);
    this.scratched();
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  unsignedVarint(value: number): void {
    let at = this.make(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[at++] = rest;
    this.position = at;
  }

  varint(value: number): void {
    this.unsignedVarint((value << 1) ^ (value >> 31));
  }

  varlong(value: bigint): void {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest > 0x7fn) {
      this.int8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.int8(Number(rest));
  }

  /** Kafka's text form of a uuid: base64url, 22 characters. */
  uuid(text: string): void {
    const at = this.make(16);
    if (text.length !== 22 || this.buffer.write(text, at, 16, 'base64url') !== 16) {
      throw new TypeError(`Not a uuid in Kafka's text form (22 characters of base64url): ${JSON.stringify(text)}`);
    }
  }

  utf8(text: string, length = utf8Length(text)): void {
    const at = this.make(length);
    writeUtf8(this.buffer, at, text, length);
  }

  /** Copies the bytes in. */
  bytes(bytes: Uint8Array): void {
    const at = this.make(bytes.length);
    this.buffer.set(bytes, at);
  }

  /** Appends the chunks by reference: they must not change until the result has been written. */
  splice(chunks: readonly Uint8Array[]): void {
    this.seal();
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      this.sealed.push(chunk);
      this.sealedBytes += chunk.length;
    }
  }

  /** Leaves room for an int32 and returns where, for `patchInt32`. */
  reserveInt32(): number {
    const at = this.length;
    this.make(4);
    return at;
  }

  /** Fills in an int32 reserved before, also when splices came in between. */
  patchInt32(at: number, value: number): void {
    if (at >= this.sealedBytes) {
      put32(this.buffer, this.start + at - this.sealedBytes, value);
      return;
    }
    let offset = at;
    for (const chunk of this.sealed) {
      if (offset < chunk.length) {
        put32(chunk, offset, value);
        return;
      }
      offset -= chunk.length;
    }
  }

  /** The result, for one gathered write. Writing may go on afterwards, but not into these chunks. */
  chunks(): Uint8Array[] {
    this.seal();
    return this.sealed.slice();
  }

  /** The result in one piece. */
  toBuffer(): Buffer {
    return Buffer.concat(this.chunks());
  }

  private seal(): void {
    if (this.position === this.start) return;
    this.sealed.push(this.buffer.subarray(this.start, this.position));
    this.sealedBytes += this.position - this.start;
    this.start = this.position;
  }

  /** Makes room for `length` bytes, moves past them and returns where they begin in `buffer`. */
  private make(length: number): number {
    const at = this.position;
    if (at + length > this.buffer.length) return this.grow(length);
    this.position = at + length;
    return at;
  }

  /** Sealed pieces stay where they are: only the open one moves. */
  private grow(length: number): number {
    const open = this.position - this.start;
    const next = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, 2 * (open + length)));
    this.buffer.copy(next, 0, this.start, this.position);
    this.buffer = next;
    this.start = 0;
    this.position = open + length;
    return open;
  }

  private scratched(): void {
    const at = this.make(8);
    put32(this.buffer, at, scratch.getInt32(0));
    put32(this.buffer, at + 4, scratch.getInt32(4));
  }
}

function put32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}
