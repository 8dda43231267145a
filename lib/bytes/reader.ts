import { DecodeError } from '../errors';
import { readUtf8 } from './utf8';

/** The text of the all-zero uuid, with which Kafka says "no topic id". */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA';

/**
 * A cursor over one contiguous buffer, big-endian as all of Kafka. Every read checks the bytes left first, so bad input
 * is a `DecodeError` with its position, never a `RangeError` and never an allocation the input merely claims to need.
 * Reads go through one `DataView`: `Buffer.read*` costs ten times as much for an int32.
 */
export class Reader {
  readonly buffer: Buffer;
  /** The next byte to read, counted from the start of `buffer`. */
  position: number;
  /** The first byte that may not be read. */
  readonly end: number;
  private readonly view: DataView;

  constructor(buffer: Buffer, offset = 0, end = buffer.length) {
    this.buffer = buffer;
    this.position = offset;
    this.end = end;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  get remaining(): number {
    return this.end - this.position;
  }

  int8(): number {
    return this.view.getInt8(this.take(1));
  }

  uint8(): number {
    return this.view.getUint8(this.take(1));
  }

  int16(): number {
    return this.view.getInt16(this.take(2));
  }

  uint16(): number {
    return this.view.getUint16(this.take(2));
  }

  int32(): number {
    return this.view.getInt32(this.take(4));
  }

  /** So many of them in a row, checked at once: a broker's answer about 100,000 partitions holds half a million. */
  int32s(count: number): number[] {
    let at = this.take(4 * count);
    const { view } = this;
    const values = new Array<number>(count);
    for (let i = 0; i < count; i++, at += 4) values[i] = view.getInt32(at);
    return values;
  }

  uint32(): number {
    return this.view.getUint32(this.take(4));
  }

  int64(): bigint {
    return this.view.getBigInt64(this.take(8));
  }

  /** An int64 as a number: for milliseconds. Exact up to 2^53, rounded beyond, so that an absurd timestamp fails nothing. */
  int64Number(): number {
    const at = this.take(8);
    return this.view.getInt32(at) * 0x1_0000_0000 + this.view.getUint32(at + 4);
  }

  float64(): number {
    return this.view.getFloat64(this.take(8));
  }

  /** Any byte but 0 is true, as in Java. */
  boolean(): boolean {
    return this.view.getInt8(this.take(1)) !== 0;
  }

  /** A length, count or tag: up to 32 bits, at most 5 bytes. */
  unsignedVarint(): number {
    const first = this.view.getUint8(this.take(1));
    return first < 0x80 ? first : this.longVarint(first & 0x7f);
  }

  /** Steps over the next byte if it is 0, the usual end of a structure: no tagged fields. */
  zero(): boolean {
    if (this.peek() !== 0) return false;
    this.position++;
    return true;
  }

  /** A zig-zag int32, at most 5 bytes. */
  varint(): number {
    const raw = this.unsignedVarint();
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** A zig-zag int64, at most 10 bytes. */
  varlong(): bigint {
    const [low, high] = this.longVarlong();
    const raw = (BigInt(high) << 32n) | BigInt(low);
    return BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n));
  }

  /** A zig-zag int64 as a number: for timestamp deltas. Exact up to 2^53, rounded beyond. */
  varlongNumber(): number {
    const first = this.peek();
    if (first < 0x80) {
      this.position++;
      return (first >>> 1) ^ -(first & 1);
    }
    const [low, high] = this.longVarlong();
    const half = (high >>> 1) * 0x1_0000_0000 + (((low >>> 1) | ((high & 1) << 31)) >>> 0);
    return (low & 1) === 0 ? half : -half - 1;
  }

  /** 16 bytes as Kafka prints them: base64url, 22 characters. */
  uuid(): string {
    const at = this.take(16);
    return this.buffer.toString('base64url', at, at + 16);
  }

  /** A view of the next `length` bytes; it keeps the whole buffer alive. */
  bytes(length: number): Buffer {
    const at = this.take(length);
    return this.buffer.subarray(at, at + length);
  }

  utf8(length: number): string {
    return readUtf8(this.buffer, this.take(length), length);
  }

  skip(length: number): void {
    this.take(length);
  }

  /** A `DecodeError` at the current position: for what is wrong on a level above single values. */
  error(message: string): DecodeError {
    return new DecodeError(`${message} at position ${this.position}`, { position: this.position });
  }

  /** Moves over `length` bytes and returns where they began. */
  private take(length: number): number {
    const at = this.position;
    if (length < 0 || length > this.end - at) throw this.short(length);
    this.position = at + length;
    return at;
  }

  private peek(): number {
    if (this.position >= this.end) throw this.short(1);
    return this.view.getUint8(this.position);
  }

  private short(length: number): DecodeError {
    return this.error(length < 0 ? `Negative length ${length}` : `${length} bytes needed but ${this.remaining} left`);
  }

  private longVarint(low: number): number {
    let value = low;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.uint8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.uint8();
    if (last > 0x0f) throw this.error('Varint of more than 32 bits');
    return (value | (last << 28)) >>> 0;
  }

  /** The raw 64 bits as two unsigned halves: 32-bit arithmetic over the whole range, no BigInt per byte. */
  private longVarlong(): readonly [low: number, high: number] {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = this.uint8();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) return [low >>> 0, high >>> 0];
    }
    const last = this.uint8();
    if (last > 1) throw this.error('Varlong of more than 64 bits');
    return [low >>> 0, (high | (last << 31)) >>> 0];
  }
}
