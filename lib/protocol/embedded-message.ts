import { Reader } from '../bytes/reader';
import { Writer } from '../bytes/writer';
import { DecodeError, UnsupportedVersionError } from '../errors';
import type { Codec } from './codec';
import { codecOf } from './codec-of';
import type { Decoded, Encodable, Fields } from './schema';

/** A message inside a `bytes` field of another: what members of a group tell each other through the broker. */
export interface EmbeddedMessage<T, I> {
  readonly name: string;
  readonly versions: readonly [min: number, max: number];
  /** Throws `UnsupportedVersionError` for a version that we do not speak; `TypeError` or `RangeError` for a value that does not fit its field. */
  encode(version: number, value: I): Buffer;
  /**
   * A version later than ours is read as the latest of ours: later ones only add at the end, and a member must not fail
   * over a newer one in its group. `version` is what was written. Throws `DecodeError` with name, version and position.
   */
  decode(bytes: Buffer): { readonly version: number; readonly value: T };
}

/** Declares an embedded message as `api` does a request: an int16 with the version stands before it, and none is flexible. */
export function embeddedMessage<const F extends Fields>(definition: {
  readonly name: string;
  readonly versions: readonly [min: number, max: number];
  readonly fields: F;
}): EmbeddedMessage<Decoded<F>, Encodable<F>> {
  const { name, versions, fields } = definition;
  const [min, max] = versions;
  const made: Codec[] = [];
  const codec = (version: number): Codec =>
    (made[version] ??= codecOf({ kind: 'struct', fields }, false, { api: name, version, flexible: false, path: '' }));
  return Object.freeze({
    name,
    versions,
    encode(version: number, value: Encodable<F>) {
      if (!Number.isInteger(version) || version < min || version > max) {
        throw new UnsupportedVersionError(`${name} v${version} is not supported: kafka-rx speaks ${min} to ${max}`);
      }
      const writer = new Writer();
      writer.int16(version);
      codec(version).write(writer, value);
      return writer.toBuffer();
    },
    decode(bytes: Buffer) {
      const reader = new Reader(bytes);
      let version: number | undefined;
      try {
        version = reader.int16();
        if (version < min) throw reader.error(`Version ${version} is older than any`);
        return { version, value: codec(Math.min(version, max)).read(reader) as Decoded<F> };
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        const { message, position } = error;
        throw new DecodeError(`${name}: ${message}`, {
          position,
          api: name,
          ...(version !== undefined && { version }),
          cause: error,
        });
      }
    },
  });
}
