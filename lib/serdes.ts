import { DecodeError } from './errors';
import type { Serde } from './types';

/** Text as UTF-8. Bytes that are not UTF-8 become replacement characters; null is a `DecodeError`: see `nullable`. */
export const utf8: Serde<string> = Object.freeze({
  encode: (value: string) => Buffer.from(value, 'utf8'),
  decode: (bytes: Buffer | null) => notNull(bytes, 'utf8').toString('utf8'),
});

/** JSON as UTF-8. Text that is no JSON, and null (see `nullable`), are a `DecodeError`; the type is what you say it is. */
export function json<T>(): Serde<T> {
  return {
    encode(value: T) {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined) throw new TypeError(`json() cannot encode ${typeof value}: JSON has no text for it`);
      return Buffer.from(text, 'utf8');
    },
    decode(bytes: Buffer | null) {
      const text = notNull(bytes, 'json()').toString('utf8');
      try {
        return JSON.parse(text) as T;
      } catch (error) {
        // Not as the cause: its message quotes the payload, which has no place in a log.
        const position = Number(/position (\d+)/.exec(String(error))?.[1] ?? 0);
        throw new DecodeError(`not JSON (${text.length} characters, wrong at ${position})`, { position });
      }
    },
  };
}

/** `serde` for values that may be null: tombstones, and records without a key. */
export function nullable<T>(serde: Serde<T>): Serde<T | null> {
  return {
    encode: (value: T | null, topic: string) => (value === null ? null : serde.encode(value, topic)),
    decode: (bytes: Buffer | null, topic: string) => (bytes === null ? null : serde.decode(bytes, topic)),
  };
}

function notNull(bytes: Buffer | null, serde: string): Buffer {
  if (bytes !== null) return bytes;
  const message = `null (a tombstone, or a record without key), which ${serde} has no value for; wrap it: nullable(${serde})`;
  throw new DecodeError(message, { position: 0 });
}
