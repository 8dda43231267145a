import type { RecordHeaders } from '../types';
import { NO_HEADERS, WireHeaders } from './record-headers';

// What a record object parses when it is first asked. `position` is that of a cursor which has checked every length of
// the record, so nothing here can fail or read past it. The buffers are views: whoever keeps one keeps the frame.

/** Behind the varint that was read last; valid until the next one is read. */
let next = 0;

/** The key, a view of the frame; `null` is Kafka's null. */
export function readKey(frame: Buffer, position: number): Buffer | null {
  const bytes = varintAt(frame, position);
  return bytes < 0 ? null : frame.subarray(next, next + bytes);
}

/** The value, a view of the frame; `null` is a tombstone. */
export function readValue(frame: Buffer, position: number): Buffer | null {
  skipBytes(frame, position);
  const bytes = varintAt(frame, next);
  return bytes < 0 ? null : frame.subarray(next, next + bytes);
}

/** The headers, which parse themselves when first read. */
export function readHeaders(frame: Buffer, position: number): RecordHeaders {
  skipBytes(frame, position);
  skipBytes(frame, next);
  const count = varintAt(frame, next);
  return count === 0 ? NO_HEADERS : new WireHeaders(frame, next, count);
}

function skipBytes(frame: Buffer, position: number): void {
  const bytes = varintAt(frame, position);
  if (bytes > 0) next += bytes;
}

function varintAt(frame: Buffer, position: number): number {
  let byte = frame[position++]!;
  let bits = byte & 0x7f;
  for (let shift = 7; byte >= 0x80; shift += 7) {
    byte = frame[position++]!;
    bits |= (byte & 0x7f) << shift;
  }
  next = position;
  return (bits >>> 1) ^ -(bits & 1);
}
