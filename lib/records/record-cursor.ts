import { DecodeError } from '../errors';
import type { TopicPartition } from '../types';
import type { BatchHeader } from './batch-header';

/** The records of one batch, checked and inflated: bytes `start` to `end` of `frame`. */
export interface OpenBatch {
  readonly header: BatchHeader;
  readonly frame: Buffer;
  readonly start: number;
  readonly end: number;
  /** For the errors. */
  readonly where: TopicPartition;
}

/** More than a varint of 32 bits, or a varlong of 64, can take. */
const VARINT_BYTES = 5;
const VARLONG_BYTES = 10;

/**
 * Steps over the records of a batch and makes no object for any of them. Each step checks every length of its record,
 * the header names and values included, so that the fields can be read later, lazily, without a check.
 */
export class RecordCursor {
  /** Offset of the current record, relative to the batch's first. */
  offsetDelta = -1;
  /** Of the key's length in `frame`: what `readKey`, `readValue` and `readHeaders` take. */
  position = 0;
  /** Key, value and headers with their lengths. */
  bodyBytes = 0;

  /** Records not stepped onto yet. */
  private remaining: number;
  private at: number;
  private readonly frame: Buffer;
  private readonly end: number;
  private readonly baseTimestamp: number;
  private timestampDelta = 0;
  private readonly lastOffsetDelta: number;
  private readonly appended: boolean;

  constructor(private readonly batch: OpenBatch) {
    const { header } = batch;
    this.frame = batch.frame;
    this.at = batch.start;
    this.end = batch.end;
    this.remaining = header.recordCount;
    this.lastOffsetDelta = header.lastOffsetDelta;
    this.appended = header.timestampType === 'append';
    this.baseTimestamp = this.appended ? header.maxTimestamp : header.baseTimestamp;
  }

  /** Milliseconds; the batch's own in LogAppendTime. */
  get timestamp(): number {
    // Added up when asked for: a field would have a number put on the heap for every record.
    return this.baseTimestamp + this.timestampDelta;
  }

  /** Steps onto the next record; `false` at the end. Throws a `DecodeError` when the content is not what it says. */
  next(): boolean {
    if (this.remaining === 0) {
      if (this.at !== this.end) throw this.fault(`${this.end - this.at} bytes are left behind the last record`);
      return false;
    }
    this.remaining--;
    // The position is a local and varints of one and two bytes are read in place: with a method for each and the
    // position in a field a record took 27 ns instead of 15. Past the end of the frame a byte reads as 0; the checks
    // against the record's end find that out.
    const { frame } = this;
    let { at } = this;
    let bits = frame[at++]!;
    if (bits >= 0x80) {
      const second = frame[at++]!;
      bits = second < 0x80 ? (bits & 0x7f) | (second << 7) : this.longVarint(bits, second, at);
      if (second >= 0x80) at = this.at;
    }
    const length = (bits >>> 1) ^ -(bits & 1);
    const recordEnd = at + length;
    if (length < 0 || recordEnd > this.end)
      throw this.fault(`a record of ${length} bytes where ${this.end - at} are left`, at);

    at++; // attributes: none is defined
    bits = frame[at++]!;
    let timestampDelta = (bits >>> 1) ^ -(bits & 1);
    if (bits >= 0x80) {
      timestampDelta = this.longVarlong(bits, at);
      at = this.at;
    }
    if (!this.appended) this.timestampDelta = timestampDelta;

    bits = frame[at++]!;
    if (bits >= 0x80) {
      const second = frame[at++]!;
      bits = second < 0x80 ? (bits & 0x7f) | (second << 7) : this.longVarint(bits, second, at);
      if (second >= 0x80) at = this.at;
    }
    const offsetDelta = (bits >>> 1) ^ -(bits & 1);
    // Offsets only ever grow: a delta that goes back would deliver twice, one past the end would skip the next batch.
    if (offsetDelta <= this.offsetDelta || offsetDelta > this.lastOffsetDelta)
      throw this.fault(`offset delta ${offsetDelta} after ${this.offsetDelta} and up to ${this.lastOffsetDelta}`, at);
    this.offsetDelta = offsetDelta;
    this.position = at;
    this.bodyBytes = recordEnd - at;

    bits = frame[at++]!;
    if (bits >= 0x80) {
      const second = frame[at++]!;
      bits = second < 0x80 ? (bits & 0x7f) | (second << 7) : this.longVarint(bits, second, at);
      if (second >= 0x80) at = this.at;
    }
    const keyBytes = (bits >>> 1) ^ -(bits & 1);
    if (keyBytes > 0) at += keyBytes;
    if (keyBytes < -1 || at > recordEnd)
      throw this.fault(`a key of ${keyBytes} bytes in a record of ${length}`, at - Math.max(0, keyBytes));

    bits = frame[at++]!;
    if (bits >= 0x80) {
      const second = frame[at++]!;
      bits = second < 0x80 ? (bits & 0x7f) | (second << 7) : this.longVarint(bits, second, at);
      if (second >= 0x80) at = this.at;
    }
    const valueBytes = (bits >>> 1) ^ -(bits & 1);
    if (valueBytes > 0) at += valueBytes;
    if (valueBytes < -1 || at > recordEnd)
      throw this.fault(`a value of ${valueBytes} bytes in a record of ${length}`, at - Math.max(0, valueBytes));

    if (frame[at] === 0) at++;
    else at = this.skipHeaders(at, recordEnd);
    if (at !== recordEnd) throw this.fault(`a record of ${length} bytes holds ${length + at - recordEnd}`, at);
    this.at = at;
    return true;
  }

  private skipHeaders(at: number, recordEnd: number): number {
    this.at = at;
    const count = this.varint();
    // A header takes two bytes at least, which bounds the loop by what is really there.
    if (count < 0 || count > (recordEnd - this.at) / 2)
      throw this.fault(`${count} headers in ${recordEnd - this.at} bytes`);
    for (let header = 0; header < count; header++) {
      const nameBytes = this.varint();
      if (nameBytes < 0 || nameBytes > recordEnd - this.at) throw this.fault(`a header name of ${nameBytes} bytes`);
      this.at += nameBytes;
      const valueBytes = this.varint();
      if (valueBytes < -1 || valueBytes > recordEnd - this.at)
        throw this.fault(`a header value of ${valueBytes} bytes`);
      if (valueBytes > 0) this.at += valueBytes;
    }
    return this.at;
  }

  private varint(): number {
    const first = this.frame[this.at++]!;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    const second = this.frame[this.at++]!;
    const bits = second < 0x80 ? (first & 0x7f) | (second << 7) : this.longVarint(first, second, this.at);
    return (bits >>> 1) ^ -(bits & 1);
  }

  /** The bits of a varint whose first two bytes do not end it; `this.at` is then behind it. */
  private longVarint(first: number, second: number, at: number): number {
    let bits = (first & 0x7f) | ((second & 0x7f) << 7);
    for (let bytes = 2; bytes < VARINT_BYTES; bytes++) {
      const byte = this.frame[at++]!;
      bits |= (byte & 0x7f) << (7 * bytes);
      if (byte >= 0x80) continue;
      this.at = at;
      return bits;
    }
    throw this.fault(`a varint of more than ${VARINT_BYTES} bytes`, at);
  }

  /** The value of a varlong whose first byte does not end it; `this.at` is then behind it. */
  private longVarlong(first: number, at: number): number {
    // 28 bits are an integer without a place on the heap, and 37 hours.
    let short = first & 0x7f;
    for (let bytes = 1; bytes < 4; bytes++) {
      const byte = this.frame[at++]!;
      short |= (byte & 0x7f) << (7 * bytes);
      if (byte >= 0x80) continue;
      this.at = at;
      return (short >>> 1) ^ -(short & 1);
    }
    let low = short;
    // 49 bits are exact in a number, and enough for the distance of any two timestamps in use.
    for (let bytes = 4, scale = 2 ** 28; bytes < 7; bytes++, scale *= 0x80) {
      const byte = this.frame[at++]!;
      low += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      this.at = at;
      return low % 2 === 0 ? low / 2 : -(low + 1) / 2;
    }
    let bits = BigInt(low);
    for (let bytes = 7; bytes < VARLONG_BYTES; bytes++) {
      const byte = this.frame[at++]!;
      bits |= BigInt(byte & 0x7f) << BigInt(7 * bytes);
      if (byte >= 0x80) continue;
      this.at = at;
      bits = BigInt.asUintN(64, bits);
      return Number((bits >> 1n) ^ -(bits & 1n));
    }
    throw this.fault(`a varlong of more than ${VARLONG_BYTES} bytes`, at);
  }

  private fault(problem: string, position = this.at): DecodeError {
    const { header, where } = this.batch;
    const record = header.recordCount - this.remaining;
    return new DecodeError(
      `Record ${record} of ${header.recordCount} in the batch at offset ${header.baseOffset} of ${where.topic}-${where.partition} cannot be read: ${problem}`,
      {
        // A length that is cut off was read as zeros behind the end.
        position: Math.min(position, this.end),
        topic: where.topic,
        partition: where.partition,
        offset: header.baseOffset,
      },
    );
  }
}
