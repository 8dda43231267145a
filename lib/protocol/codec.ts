import type { Reader } from '../bytes/reader';
import { utf8Length } from '../bytes/utf8';
import type { Writer } from '../bytes/writer';
import type { PrimitiveKind } from './schema';

/** Reads and writes one value in one version. */
export interface Codec {
  read(reader: Reader): any;
  write(writer: Writer, value: any): void;
  /** The least that a value takes: what an array's count is checked against. */
  readonly minBytes: number;
}

/** What a codec is made for. `path` names the field in messages. */
export interface CodecContext {
  readonly api: string;
  readonly version: number;
  /** Compact lengths and tagged sections (KIP-482). */
  readonly flexible: boolean;
  readonly path: string;
}

/** The codec of a primitive in one version. */
export function primitiveCodec(kind: PrimitiveKind, nullable: boolean, context: CodecContext): Codec {
  switch (kind) {
    case 'string':
      return stringCodec(nullable, context);
    case 'bytes':
      return bytesCodec(nullable, context);
    case 'records':
      return recordsCodec(nullable, context);
    case 'int64':
      return int64Codec(context);
    case 'float64':
    case 'boolean':
    case 'uuid':
      return FIXED[kind];
    default:
      return numberCodec(kind, context);
  }
}

/** What the writer would cut down to size in silence: the first and last value of each kind. */
const LIMITS = {
  int8: [-0x80, 0x7f],
  int16: [-0x8000, 0x7fff],
  uint16: [0, 0xffff],
  int32: [-0x8000_0000, 0x7fff_ffff],
  uint32: [0, 0xffff_ffff],
  // The last double below 2^63.
  timestamp: [-(2 ** 63), 2 ** 63 - 1024],
} as const;

function numberCodec(kind: keyof typeof LIMITS, context: CodecContext): Codec {
  const { read, write, minBytes } = FIXED[kind];
  const [min, max] = LIMITS[kind];
  return {
    read,
    minBytes,
    write(writer, value: number) {
      if (typeof value !== 'number') throw wrongType(value, 'a number', context);
      // Written so that NaN is refused, too.
      if (!(value >= min && value <= max)) throw outOfRange(value, kind, context);
      write(writer, value);
    },
  };
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

function int64Codec(context: CodecContext): Codec {
  const { read, write, minBytes } = FIXED.int64;
  return {
    read,
    minBytes,
    write(writer, value: bigint) {
      if (typeof value !== 'bigint') throw wrongType(value, 'a bigint', context);
      if (value < INT64_MIN || value > INT64_MAX) throw outOfRange(value, 'int64', context);
      write(writer, value);
    },
  };
}

const FIXED: { readonly [K in Exclude<PrimitiveKind, 'string' | 'bytes' | 'records'>]: Codec } = {
  int8: { read: r => r.int8(), write: (w, value) => w.int8(value), minBytes: 1 },
  int16: { read: r => r.int16(), write: (w, value) => w.int16(value), minBytes: 2 },
  uint16: { read: r => r.uint16(), write: (w, value) => w.uint16(value), minBytes: 2 },
  int32: { read: r => r.int32(), write: (w, value) => w.int32(value), minBytes: 4 },
  uint32: { read: r => r.uint32(), write: (w, value) => w.uint32(value), minBytes: 4 },
  int64: { read: r => r.int64(), write: (w, value) => w.int64(value), minBytes: 8 },
  timestamp: { read: r => r.int64Number(), write: (w, value) => w.int64Number(value), minBytes: 8 },
  float64: { read: r => r.float64(), write: (w, value) => w.float64(value), minBytes: 8 },
  boolean: { read: r => r.boolean(), write: (w, value) => w.boolean(value), minBytes: 1 },
  uuid: { read: r => r.uuid(), write: (w, value) => w.uuid(value), minBytes: 16 },
};

/** How long something is, or -1 for null: compact lengths are an unsigned varint of one more, with 0 for null. */
export interface LengthCodec {
  read(reader: Reader): number;
  write(writer: Writer, length: number): void;
  readonly bytes: number;
}

/** Of everything in flexible versions. */
export const COMPACT: LengthCodec = {
  read: r => r.unsignedVarint() - 1,
  write: (w, length) => w.unsignedVarint(length + 1),
  bytes: 1,
};
/** Of strings before flexible versions. */
const SHORT: LengthCodec = { read: r => r.int16(), write: (w, length) => w.int16(length), bytes: 2 };
/** Of arrays and bytes before flexible versions. */
export const LONG: LengthCodec = { read: r => r.int32(), write: (w, length) => w.int32(length), bytes: 4 };

/** Also of compact strings, whose length could be longer. */
const MAX_STRING_BYTES = 0x7fff;

function stringCodec(nullable: boolean, context: CodecContext): Codec {
  const prefix = context.flexible ? COMPACT : SHORT;
  return {
    minBytes: prefix.bytes,
    read(reader) {
      const length = prefix.read(reader);
      if (length < 0) return readNull(reader, length, nullable, context);
      if (length > MAX_STRING_BYTES) throw reader.error(`${describe(context)} has the length ${length}`);
      return reader.utf8(length);
    },
    write(writer, value: string | null) {
      if (value === null) return writeNull(writer, prefix, nullable, context);
      if (typeof value !== 'string') throw wrongType(value, 'a string', context);
      const length = utf8Length(value);
      if (length > MAX_STRING_BYTES) {
        throw new RangeError(
          `${context.api} v${context.version}: ${context.path} has ${length} bytes, at most ${MAX_STRING_BYTES} are allowed`,
        );
      }
      prefix.write(writer, length);
      writer.utf8(value, length);
    },
  };
}

function bytesCodec(nullable: boolean, context: CodecContext): Codec {
  const prefix = context.flexible ? COMPACT : LONG;
  return {
    minBytes: prefix.bytes,
    read(reader) {
      const length = prefix.read(reader);
      return length < 0 ? readNull(reader, length, nullable, context) : reader.bytes(length);
    },
    write(writer, value: Uint8Array | null) {
      if (value === null) return writeNull(writer, prefix, nullable, context);
      if (!(value instanceof Uint8Array)) throw wrongType(value, 'a Uint8Array', context);
      prefix.write(writer, value.length);
      writer.bytes(value);
    },
  };
}

function recordsCodec(nullable: boolean, context: CodecContext): Codec {
  const prefix = context.flexible ? COMPACT : LONG;
  return {
    ...bytesCodec(nullable, context),
    write(writer, value: Uint8Array | readonly Uint8Array[] | null) {
      if (value === null) return writeNull(writer, prefix, nullable, context);
      const chunks = value instanceof Uint8Array ? [value] : value;
      let length = 0;
      for (const chunk of chunks) length += chunk.length;
      prefix.write(writer, length);
      writer.splice(chunks);
    },
  };
}

/** Null where it is allowed, else the error that says what was there instead. */
export function readNull(reader: Reader, length: number, nullable: boolean, context: CodecContext): null {
  if (length === -1 && nullable) return null;
  throw reader.error(length === -1 ? `${describe(context)} is null` : `${describe(context)} has the length ${length}`);
}

/** Writes null where it is allowed. */
export function writeNull(writer: Writer, prefix: LengthCodec, nullable: boolean, context: CodecContext): void {
  if (!nullable) throw new TypeError(`${context.api} v${context.version}: ${context.path} must not be null`);
  prefix.write(writer, -1);
}

/** For a caller without types: the value would be written as something else. */
export function wrongType(value: unknown, expected: string, { api, version, path }: CodecContext): TypeError {
  return new TypeError(
    `${api} v${version}: ${path} must be ${expected}, not ${value === null ? 'null' : typeof value}`,
  );
}

function outOfRange(value: unknown, kind: PrimitiveKind, { api, version, path }: CodecContext): RangeError {
  return new RangeError(`${api} v${version}: ${path} = ${String(value)} is out of the range of ${kind}`);
}

/** How messages of errors name a field. */
export function describe(context: CodecContext): string {
  return `Field ${context.path}`;
}
