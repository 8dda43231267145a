import { Buffer } from 'node:buffer';
import type { KafkaField, KafkaMessage } from './kafka-messages';

// Random messages written from Kafka's own definitions, with nothing in common with lib/: plain recursion over the JSON,
// bytes put together from small buffers.

// Under Jest each look at a global goes through an interceptor: that was two thirds of the time of a run.
const { imul, floor } = Math;
const { asIntN } = BigInt;

/** A random message: what it says, in our names, its bytes, and which fields its version lacks. */
export interface OracleMessage {
  readonly value: Record<string, unknown>;
  readonly bytes: Buffer;
  readonly absent: readonly AbsentField[];
  readonly defaulted: readonly DefaultedField[];
}

/** A field that the version lacks: where it would be, and a value that says something. */
export interface AbsentField {
  readonly container: Record<string, unknown>;
  readonly name: string;
  readonly ignorable: boolean;
  readonly sample: unknown;
}

/** A field that the version has and that Kafka gives a default. */
export interface DefaultedField {
  readonly container: Record<string, unknown>;
  readonly name: string;
  readonly standard: unknown;
}

export interface OracleOptions {
  /** Versions that the library declares: fields outside of them are not in its shapes. */
  readonly range: readonly [min: number, max: number];
  readonly random: () => number;
  /** Adds tagged fields that nobody knows. */
  readonly unknownTags?: boolean;
  /** All null or empty that may be, or nothing null and the first lengths at their limits; else a mixture. */
  readonly extreme?: 'least' | 'most';
}

/** Tags that no message of Kafka uses: of one, two, three and five bytes as varints. */
const UNKNOWN_TAGS = [100, 200, 16_000, 3_000_000, 0x7fff_ffff];

/** Around the lengths where a compact length, which is one more, takes another byte. */
const EDGE_LENGTHS = [0, 1, 126, 127, 128, 300, 16_382, 16_383];

/** The longest string, in ASCII and in characters of two, three and four bytes. */
const LONGEST = ['x'.repeat(32_767), `${'ß'.repeat(16_383)}x`, `${'日'.repeat(10_922)}x`, `${'😀'.repeat(8_191)}日`];

/** Usual and unusual: empty, with characters of one to four bytes, with a NUL, of both sides of a two-byte length. */
const STRINGS = ['', 'a', 'topic-name', 'größer → 日本 😀', '\u0000\uffff', 'x'.repeat(126), 'z'.repeat(127)];

/** Offsets at their edges, 2^53 and the first number that a double rounds among them. */
const INT64_EDGES = [0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];

/** Milliseconds at their edges: what a number can hold without rounding is what we promise. */
const MILLIS = [0, 1, -1, -6, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];

/** What an extreme message has of the longest strings: each is 32 KiB, and there may be many fields. */
const LONGEST_PER_MESSAGE = 3;

/** A repeatable source of chance (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The versions that a range of Kafka's notation means: `3+`, `0-7`, `5`, `none`. */
export function versionsOf(range = 'none'): readonly [number, number] {
  const known = ranges.get(range);
  if (known !== undefined) return known;
  const [from, to] = range
    .replace('none', 'Infinity--Infinity')
    .replace('+', '-Infinity')
    .split(/(?<=\w)-/);
  const made = [Number(from), Number(to ?? from)] as const;
  ranges.set(range, made);
  return made;
}

const ranges = new Map<string, readonly [number, number]>();

export function randomMessage(message: KafkaMessage, version: number, options: OracleOptions): OracleMessage {
  const { random, range, extreme } = options;
  let longest = 0;
  const flexible = has(message.flexibleVersions, version);
  const absent: AbsentField[] = [];
  const defaulted: DefaultedField[] = [];
  const structs = new Map(message.commonStructs?.map(({ name, fields }) => [name, fields]));
  const { value, bytes } = struct(message.fields);
  return { value, bytes, absent, defaulted };

  function struct(fields: readonly KafkaField[]): { value: Record<string, unknown>; bytes: Buffer } {
    const value: Record<string, unknown> = {};
    const parts: Buffer[] = [];
    const tags: [number, Buffer][] = [];
    for (const field of fields) {
      const [since, until] = versionsOf(field.versions);
      if (since > range[1] || until < range[0]) continue;
      const name = field.name[0]!.toLowerCase() + field.name.slice(1);
      const standard = defaultOf(field);
      if (!has(field.versions, version)) {
        value[name] = standard;
        absent.push({ container: value, name, ignorable: field.ignorable === true, sample: sampleOf(field, standard) });
        continue;
      }
      if (field.default !== undefined) defaulted.push({ container: value, name, standard });
      const tagged = has(field.taggedVersions, version);
      if (tagged && extreme !== 'most' && (extreme === 'least' || random() < 0.3)) {
        value[name] = standard;
        continue;
      }
      const content = fieldContent(field);
      value[name] = content.value;
      if (!tagged) parts.push(content.bytes);
      else if (!same(content.value, standard)) tags.push([field.tag!, content.bytes]);
    }
    if (flexible) parts.push(tagSection(tags));
    return { value, bytes: Buffer.concat(parts) };
  }

  function tagSection(tags: [number, Buffer][]): Buffer {
    if (options.unknownTags) {
      for (const tag of UNKNOWN_TAGS) if (random() < 0.4) tags.push([tag, randomBytes(pick(8) === 0 ? 300 : pick(20))]);
    }
    tags.sort(([a], [b]) => a - b);
    return Buffer.concat([
      uvarint(tags.length),
      ...tags.flatMap(([tag, bytes]) => [uvarint(tag), uvarint(bytes.length), bytes]),
    ]);
  }

  function fieldContent(field: KafkaField): { value: unknown; bytes: Buffer } {
    const nullable = has(field.nullableVersions, version);
    if (nullable && extreme !== 'most' && (extreme === 'least' || random() < 0.25))
      return { value: null, bytes: nullBytes(field.type) };
    if (!field.type.startsWith('[]')) return single(field.type, field, nullable);
    const simple = /^\[\](u?int\d+|string|uuid|bool)$/.test(field.type);
    const count = extreme === 'least' ? 0 : simple && random() < 0.1 ? 125 + pick(6) : pick(4);
    const elements = Array.from({ length: count }, () => single(field.type.slice(2), field, false));
    return {
      value: elements.map(element => element.value),
      bytes: Buffer.concat([flexible ? uvarint(count + 1) : int(4, count), ...elements.map(element => element.bytes)]),
    };
  }

  function single(type: string, field: KafkaField, nullable: boolean): { value: unknown; bytes: Buffer } {
    switch (type) {
      case 'bool': {
        const value = random() < 0.5;
        return { value, bytes: int(1, value ? 1 : 0) };
      }
      case 'int8':
      case 'int16':
      case 'int32': {
        const bits = Number(type.slice(3));
        const value = randomInt(bits);
        return { value, bytes: int(bits / 8, value) };
      }
      case 'int64': {
        if (!isMillis(field)) {
          const value = randomInt64();
          return { value, bytes: int(8, value) };
        }
        const value = random() < 0.3 ? MILLIS[pick(MILLIS.length)]! : floor(random() * 2 ** 53);
        return { value, bytes: int(8, value) };
      }
      case 'uuid': {
        const bytes = randomBytes(16);
        return { value: bytes.toString('base64url'), bytes };
      }
      case 'string': {
        const value = randomString();
        const bytes = Buffer.from(value);
        return { value, bytes: Buffer.concat([flexible ? uvarint(bytes.length + 1) : int(2, bytes.length), bytes]) };
      }
      case 'bytes':
      case 'records': {
        const value = randomBytes(lengthOfBytes());
        return { value, bytes: Buffer.concat([flexible ? uvarint(value.length + 1) : int(4, value.length), value]) };
      }
      default: {
        const inner = struct(field.fields ?? structs.get(type)!);
        return nullable ? { value: inner.value, bytes: Buffer.concat([int(1, 1), inner.bytes]) } : inner;
      }
    }
  }

  function nullBytes(type: string): Buffer {
    if (!/^\[\]|^(string|bytes|records)$/.test(type)) return int(1, -1);
    return flexible ? uvarint(0) : int(type === 'string' ? 2 : 4, -1);
  }

  function defaultOf(field: KafkaField): unknown {
    if (field.default === 'null') return null;
    if (field.type.startsWith('[]')) return [];
    const given = field.default === undefined || field.default === '' ? undefined : String(field.default);
    switch (field.type) {
      case 'bool':
        return given === 'true';
      case 'int8':
      case 'int16':
      case 'int32':
        return Number(given ?? 0);
      case 'int64':
        return isMillis(field) ? Number(given ?? 0) : BigInt(given ?? 0);
      case 'uuid':
        return Buffer.alloc(16).toString('base64url');
      case 'string':
        return given ?? '';
      case 'bytes':
        return Buffer.alloc(0);
      case 'records':
        return null;
      default: {
        const fields = field.fields ?? structs.get(field.type)!;
        return Object.fromEntries(
          fields.map(inner => [inner.name[0]!.toLowerCase() + inner.name.slice(1), defaultOf(inner)]),
        );
      }
    }
  }

  /** Something that is not the default, of the right type on its outside. */
  function sampleOf(field: KafkaField, standard: unknown): unknown {
    if (field.type.startsWith('[]')) return [{}];
    if (typeof standard === 'object' && standard !== null && !(standard instanceof Uint8Array)) {
      const [name, inner] = Object.entries(standard)[0]!;
      return { ...standard, [name]: typeof inner === 'bigint' ? inner + 3n : Number(inner) + 3 };
    }
    if (field.type === 'uuid') return randomBytes(16).toString('base64url');
    if (typeof standard === 'number') return standard + 1;
    if (typeof standard === 'bigint') return standard - 1n;
    if (typeof standard === 'boolean') return !standard;
    return field.type === 'string' ? 'something' : Buffer.from('something');
  }

  function randomInt(bits: number): number {
    const half = 2 ** (bits - 1);
    return random() < 0.4 ? [0, 1, -1, half - 1, -half][pick(5)]! : floor((random() * 2 - 1) * half);
  }

  function randomInt64(): bigint {
    if (random() < 0.4) return INT64_EDGES[pick(INT64_EDGES.length)]!;
    return asIntN(64, (BigInt(floor(random() * 2 ** 32)) << 32n) | BigInt(floor(random() * 2 ** 32)));
  }

  function randomString(): string {
    if (extreme === 'least') return '';
    if (extreme === 'most' && longest < LONGEST_PER_MESSAGE) return LONGEST[longest++]!;
    if (random() < 0.03) return 'y'.repeat(EDGE_LENGTHS[pick(EDGE_LENGTHS.length)]!);
    return STRINGS[pick(STRINGS.length)]!;
  }

  function lengthOfBytes(): number {
    if (extreme === 'least') return 0;
    return random() < 0.1 ? EDGE_LENGTHS[pick(EDGE_LENGTHS.length)]! : pick(40);
  }

  function randomBytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = pick(256);
    return bytes;
  }

  function pick(count: number): number {
    return floor(random() * count);
  }
}

function has(range: string | undefined, version: number): boolean {
  const [from, to] = versionsOf(range);
  return version >= from && version <= to;
}

/** Milliseconds are numbers in our shapes, all other int64 bigints. */
function isMillis(field: KafkaField): boolean {
  return /(Ms|Timestamp)$/.test(field.name);
}

function same(a: unknown, b: unknown): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner));
  return text(a) === text(b);
}

function int(size: number, value: number | bigint): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  if (size === 8) bytes.writeBigInt64BE(BigInt(value));
  else bytes.writeIntBE(Number(value), 0, size);
  return bytes;
}

function uvarint(value: number): Buffer {
  const groups = [value % 128];
  for (let rest = floor(value / 128); rest > 0; rest = floor(rest / 128)) {
    groups[groups.length - 1]! += 128;
    groups.push(rest % 128);
  }
  return Buffer.from(groups);
}
