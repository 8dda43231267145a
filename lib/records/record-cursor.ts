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
  /** Milliseconds; the batch's own in LogAppendTime. */
  timestamp = -1;
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
  private readonly lastOffsetDelta: number;
  private readonly appended: boolean;

  constructor(private readonly batch: OpenBatch) {
    const { header } = batch;
    this.frame = batch.frame;
    this.at = batch.start;
    this.end = batch.end;
    this.remaining = header.recordCount;
    this.lastOffsetDelta = header.lastOffsetDelta;
    this.baseTimestamp = header.baseTimestamp;
    this.appended = header.timestampType === 'append';
    if (this.appended) this.timestamp = header.maxTimestamp;
  }

  /** Steps onto the next record; `false` at the end. Throws a `DecodeError` when the content is not what it says. */
  next(): boolean {
    if (this.remaining === 0) {
      if (this.at !== this.end) throw this.fault(`${this.end - this.at} bytes are left behind the last record`);
      return false;
    }
    this.remaining--;
    const length = this.varint();
    const recordEnd = this.at + length;
    if (length < 0 || recordEnd > this.end)
      throw this.fault(`a record of ${length} bytes where ${this.end - this.at} are left`);
    this.at++; // attributes: none is defined
    const timestampDelta = this.varlong();
    if (!this.appended) this.timestamp = this.baseTimestamp + timestampDelta;
    const offsetDelta = this.varint();
    // Offsets only ever grow: a delta that goes back would deliver twice, one past the end would skip the next batch.
    if (offsetDelta <= this.offsetDelta || offsetDelta > this.lastOffsetDelta)
      throw this.fault(
        `offset delta ${offsetDelta} after ${this.offsetDelta}, in a batch that ends at ${this.lastOffsetDelta}`,
      );
    this.position = this.at;
    this.skip('key', recordEnd);
    this.skip('value', recordEnd);
    const headers = this.varint();
    if (headers !== 0) this.skipHeaders(headers, recordEnd);
    if (this.at !== recordEnd) throw this.fault(`a record of ${length} bytes holds ${length + this.at - recordEnd}`);
    this.offsetDelta = offsetDelta;
    this.bodyBytes = recordEnd - this.position;
    return true;
  }

  private skip(field: string, recordEnd: number): number {
    const bytes = this.varint();
    if (bytes > 0) {
      if (bytes > recordEnd - this.at)
        throw this.fault(`a ${field} of ${bytes} bytes where ${recordEnd - this.at} are left`);
      this.at += bytes;
    } else if (bytes < -1) throw this.fault(`a ${field} of ${bytes} bytes`);
    return bytes;
  }

  private skipHeaders(count: number, recordEnd: number): void {
    // A header takes two bytes at least, which bounds the loop by what is really there.
    if (count < 0 || count > (recordEnd - this.at) / 2)
      throw this.fault(`${count} headers in ${recordEnd - this.at} bytes`);
    for (let header = 0; header < count; header++) {
      if (this.skip('header name', recordEnd) < 0) throw this.fault('a header without a name');
      this.skip('header value', recordEnd);
    }
  }

  // Past the end of the frame a byte reads as 0 and ends the varint; every caller then finds itself behind the end.
  private varint(): number {
    const { frame } = this;
    const first = frame[this.at++]!;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    const second = frame[this.at++]!;
    if (second < 0x80) {
      const bits = (first & 0x7f) | (second << 7);
      return (bits >>> 1) ^ -(bits & 1);
    }
    return this.longVarint((first & 0x7f) | ((second & 0x7f) << 7));
  }

  private longVarint(bits: number): number {
    for (let bytes = 2; bytes < VARINT_BYTES; bytes++) {
      const byte = this.frame[this.at++]! | 0;
      bits |= (byte & 0x7f) << (7 * bytes);
      if (byte < 0x80) return (bits >>> 1) ^ -(bits & 1);
    }
    throw this.fault(`a varint of more than ${VARINT_BYTES} bytes`);
  }

  private varlong(): number {
    const { frame } = this;
    const first = frame[this.at++]!;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let bits = first & 0x7f;
    // 49 bits are exact in a number, and enough for the distance of any two timestamps in use.
    for (let bytes = 1, scale = 0x80; bytes < 7; bytes++, scale *= 0x80) {
      const byte = frame[this.at++]! | 0;
      bits += (byte & 0x7f) * scale;
      if (byte < 0x80) return bits % 2 === 0 ? bits / 2 : -(bits + 1) / 2;
    }
    return this.wideVarlong(BigInt(bits));
  }

  private wideVarlong(bits: bigint): number {
    for (let bytes = 7; bytes < VARLONG_BYTES; bytes++) {
      const byte = this.frame[this.at++]! | 0;
      bits |= BigInt(byte & 0x7f) << BigInt(7 * bytes);
      if (byte >= 0x80) continue;
      bits = BigInt.asUintN(64, bits);
      return Number((bits >> 1n) ^ -(bits & 1n));
    }
    throw this.fault(`a varlong of more than ${VARLONG_BYTES} bytes`);
  }

  private fault(problem: string): DecodeError {
    const { header, where } = this.batch;
    const record = header.recordCount - this.remaining;
    return new DecodeError(
      `Record ${record} of ${header.recordCount} in the batch at offset ${header.baseOffset} of ${where.topic}-${where.partition} cannot be read: ${problem}`,
      { position: this.at, topic: where.topic, partition: where.partition, offset: header.baseOffset },
    );
  }
}
