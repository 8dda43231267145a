import { ZERO_UUID } from '../bytes/reader';

/** The wire types of Kafka's protocol. `timestamp` is an int64 of milliseconds, read as a number. */
export type PrimitiveKind =
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'timestamp'
  | 'float64'
  | 'boolean'
  | 'string'
  | 'bytes'
  | 'records'
  | 'uuid';

/** What a field holds: a primitive, an array of something, or a structure of named fields. */
export type Shape =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: 'array'; readonly element: Shape }
  | { readonly kind: 'struct'; readonly fields: Fields };

/** Named fields in wire order. */
export type Fields = { readonly [name: string]: Field<any, any, boolean> };

/** What a decoded structure looks like: every field is there, whatever the version. */
export type Decoded<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T, any, boolean> ? T : never;
};

/** What may be encoded: fields that have a default, or that not every version has, may be left out. */
export type Encodable<F extends Fields> = Flat<
  { readonly [K in keyof F as F[K] extends Field<any, any, false> ? K : never]: InputOf<F[K]> } & {
    readonly [K in keyof F as F[K] extends Field<any, any, false> ? never : K]?: InputOf<F[K]> | undefined;
  }
>;

type InputOf<F> = F extends Field<any, infer I, boolean> ? I : never;
type Flat<T> = { readonly [K in keyof T]: T[K] };

/** What a field knows about itself beyond its shape. */
export interface FieldRules {
  /** First and last version that have the field. */
  readonly since: number;
  readonly until: number;
  /** First version in which it may be null; `Infinity` = never. */
  readonly nullableSince: number;
  /** Encoding a value into a version without the field drops it silently. */
  readonly ignorable: boolean;
  /** Its number in the tagged section, where it travels only when it differs from its default. */
  readonly tag: number | undefined;
  /** Stands for the field where it is absent; `undefined` = the zero of its type. */
  readonly default: unknown;
  /** It may be left out when encoding. */
  readonly optional: boolean;
}

const PLAIN: FieldRules = Object.freeze({
  since: 0,
  until: Infinity,
  nullableSince: Infinity,
  ignorable: false,
  tag: undefined,
  default: undefined,
  optional: false,
});

/**
 * One field of a request or response, for all versions. `T` is what decoding gives, `I` what encoding takes, and
 * `Optional` says whether it may be left out. Immutable: each method returns a new field.
 */
export class Field<T, I = T, Optional extends boolean = false> {
  /** Keeps the type parameters in the type; never set. */
  declare readonly types: { readonly decoded: T; readonly input: I; readonly optional: Optional };

  constructor(
    readonly shape: Shape,
    readonly rules: FieldRules = PLAIN,
  ) {}

  /** Null is allowed, from this version on. */
  nullable(since = 0): Field<T | null, I | null, Optional> {
    return this.with({ nullableSince: since });
  }

  /** The field exists from this version on. */
  since(version: number): Field<T, I, true> {
    return this.with({ since: version, optional: true });
  }

  /** The last version that has the field. */
  until(version: number): Field<T, I, true> {
    return this.with({ until: version, optional: true });
  }

  /** What stands for the field where it is absent or left out. */
  default(value: T): Field<T, I, true> {
    return this.with({ default: value, optional: true });
  }

  /** May be dropped silently where the version lacks it; without this, a value other than the default is refused there. */
  ignorable(): Field<T, I, Optional> {
    return this.with({ ignorable: true });
  }

  /** Travels in the tagged section under this number, from this version on (KIP-482). */
  tagged(tag: number, since = 0): Field<T, I, true> {
    return this.with({ tag, since, optional: true });
  }

  private with(rules: Partial<FieldRules>): Field<any, any, any> {
    return new Field(this.shape, Object.freeze({ ...this.rules, ...rules }));
  }
}

/** Signed, one byte. */
export const int8 = new Field<number>({ kind: 'int8' });
/** Signed, two bytes. */
export const int16 = new Field<number>({ kind: 'int16' });
/** Unsigned, two bytes: ports. */
export const uint16 = new Field<number>({ kind: 'uint16' });
/** Signed, four bytes. */
export const int32 = new Field<number>({ kind: 'int32' });
/** Unsigned, four bytes. */
export const uint32 = new Field<number>({ kind: 'uint32' });
/** Offsets and producer ids: they may exceed 2^53. */
export const int64 = new Field<bigint>({ kind: 'int64' });
/** Milliseconds in an int64. */
export const timestamp = new Field<number>({ kind: 'timestamp' });
/** IEEE 754, eight bytes: quotas. */
export const float64 = new Field<number>({ kind: 'float64' });
/** One byte; anything but 0 is true. */
export const boolean = new Field<boolean>({ kind: 'boolean' });
/** UTF-8, at most 32,767 bytes. */
export const string = new Field<string>({ kind: 'string' });
/** Decoded as a view of the frame, encoded by copying. */
export const bytes = new Field<Buffer, Uint8Array>({ kind: 'bytes' });
/** Record batches: decoded as a view of the frame, encoded by reference. */
export const records = new Field<Buffer, Uint8Array | readonly Uint8Array[]>({ kind: 'records' });
/** In Kafka's text form: base64url, 22 characters; all zero = none. */
export const uuid = new Field<string>({ kind: 'uuid' });

/** An array of one primitive, or of a structure given by its fields. */
export function array<T, I>(element: Field<T, I, boolean>): Field<readonly T[], readonly I[]>;
export function array<F extends Fields>(fields: F): Field<readonly Decoded<F>[], readonly Encodable<F>[]>;
export function array(element: Field<any, any, boolean> | Fields): Field<any, any> {
  const shape: Shape = element instanceof Field ? element.shape : { kind: 'struct', fields: element };
  return new Field({ kind: 'array', element: shape });
}

/** A structure inside another. */
export function struct<F extends Fields>(fields: F): Field<Decoded<F>, Encodable<F>> {
  return new Field({ kind: 'struct', fields });
}

const NO_BYTES = Buffer.alloc(0);
const NO_ELEMENTS: readonly never[] = Object.freeze([]);

/** The value of a field that is absent: its declared default, else the zero of its type. Shared and frozen where it is an object. */
export function defaultOf(field: Field<any, any, boolean>): unknown {
  return field.rules.default !== undefined ? field.rules.default : zeroOf(field.shape);
}

function zeroOf(shape: Shape): unknown {
  switch (shape.kind) {
    case 'boolean':
      return false;
    case 'int64':
      return 0n;
    case 'string':
      return '';
    case 'uuid':
      return ZERO_UUID;
    case 'bytes':
      return NO_BYTES;
    case 'records':
      return null;
    case 'array':
      return NO_ELEMENTS;
    case 'struct':
      return Object.freeze(
        Object.fromEntries(Object.entries(shape.fields).map(([name, field]) => [name, defaultOf(field)])),
      );
    default:
      return 0;
  }
}

/** Whether `value` says nothing that the field's default does not say. */
export function isDefault(field: Field<any, any, boolean>, value: unknown): boolean {
  const standard = defaultOf(field);
  if (value === undefined || value === standard) return true;
  if (value === null || standard === null) return false;
  switch (field.shape.kind) {
    case 'array':
    case 'bytes':
    case 'records':
      return (value as ArrayLike<unknown>).length === 0 && (standard as ArrayLike<unknown>).length === 0;
    case 'struct':
      return Object.entries(field.shape.fields).every(([name, inner]) =>
        isDefault(inner, (value as Record<string, unknown>)[name]),
      );
    default:
      return false;
  }
}
