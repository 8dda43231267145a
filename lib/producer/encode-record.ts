import type { Bytes, Encoder, ProducerRecord } from '../types';

/** Throws a `TypeError` for what would harm others if it were taken over: the records of one batch share its base timestamp. */
export function checkRecord(record: ProducerRecord<unknown, unknown>): void {
  // Callers without types get this far with anything.
  const given: unknown = record;
  if (given === null || typeof given !== 'object') throw new TypeError(`A record is an object, not ${String(given)}`);
  const { topic, timestamp } = given as { readonly topic?: unknown; readonly timestamp?: unknown };
  if (typeof topic !== 'string') throw new TypeError(`The topic of a record is a string, not ${typeof topic}`);
  if (timestamp === undefined || timestamp === null) return;
  if (typeof timestamp !== 'number' || !(Math.abs(timestamp) <= Number.MAX_SAFE_INTEGER))
    throw new TypeError(`The timestamp of a record for ${topic} is a number of ms, not ${describe(timestamp)}`);
}

/** The bytes of a key or value: what the encoder makes, or without one the text or bytes that were given. */
export function encoded(
  encoder: Encoder<unknown> | undefined,
  given: unknown,
  topic: string,
  what: 'key' | 'value',
): Bytes {
  if (given === null || (given === undefined && what === 'key')) return null;
  if (encoder !== undefined && given !== undefined) {
    const made: Bytes | undefined = encoder.encode(given, topic);
    // Taken for null it would be a tombstone, and delete what it was meant to change.
    if (made === undefined) throw new TypeError(`The encoder of ${what}s made undefined of a record for ${topic}`);
    return made;
  }
  if (typeof given === 'string' || given instanceof Uint8Array) return given;
  throw new TypeError(
    given === undefined
      ? `The value of a record for ${topic} is undefined; null sends a tombstone`
      : `The ${what} of a record for ${topic} is a Uint8Array, a string or null, not ${typeof given}; give the producer an encoder: kafka.producer({ ${what}: json() })`,
  );
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : value instanceof Date ? 'a Date (use getTime())' : typeof value;
}
