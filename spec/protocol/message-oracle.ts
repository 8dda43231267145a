import type { KafkaField, KafkaMessage } from './kafka-messages';

// Random messages written from Kafka's own definitions, with nothing in common with lib/: plain recursion over the JSON,
// bytes put together from small buffers.

/** A random message: what it says, in our names, its bytes, and which fields its version lacks. */
export interface OracleMessage {
  readonly value: Record<string, unknown>;
  readonly bytes: Buffer;
  readonly absent: readonly AbsentField[];
}

/** A field that the version lacks: where it would be, and a value that says something. */
export interface AbsentField {
  readonly container: Record<string, unknown>;
  readonly name: string;
  readonly ignorable: boolean;
  readonly sample: unknown;
}

export interface OracleOptions {
  /** Versions that the library declares: fields outside of them are not in its shapes. */
  readonly range: readonly [min: number, max: number];
  readonly random: () => number;
  /** Adds tagged fields that nobody knows. */
  readonly unknownTags?: boolean;
}

/** A repeatable source of chance (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The versions that a range of Kafka's notation means: `3+`, `0-7`, `5`, `none`. */
export function versionsOf(range: string | undefined): readonly [number, number] {
  if (range === undefined || range === 'none') return [Infinity, -Infinity];
  const [from, to] = range.replace('+', '-Infinity').split('-');
  return [Number(from), Number(to ?? from)];
}

export function randomMessage(message: KafkaMessage, version: number, options: OracleOptions): OracleMessage {
  const { random, range } = options;
  const flexible = has(message.flexibleVersions, version);
  const absent: AbsentField[] = [];
  const structs = new Map(message.commonStructs?.map(({ name, fields }) => [name, fields]));
  const { value, bytes } = struct(message.fields);
  return { value, bytes, absent };

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
      const tagged = has(field.taggedVersions, version);
      if (tagged && random() < 0.3) {
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
    if (options.unknownTags)
      for (const tag of [100, 16_000]) if (random() < 0.5) tags.push([tag, randomBytes(pick(20))]);
    tags.sort(([a], [b]) => a - b);
    return Buffer.concat([
      uvarint(tags.length),
      ...tags.flatMap(([tag, bytes]) => [uvarint(tag), uvarint(bytes.length), bytes]),
    ]);
  }

  function fieldContent(field: KafkaField): { value: unknown; bytes: Buffer } {
    const nullable = has(field.nullableVersions, version);
    if (nullable && random() < 0.25) return { value: null, bytes: nullBytes(field.type) };
    if (!field.type.startsWith('[]')) return single(field.type, field, nullable);
    const simple = /^\[\](u?int\d+|string|uuid|bool)$/.test(field.type);
    const count = simple && random() < 0.1 ? 130 : pick(4);
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
        const value = randomInt(Number(type.slice(3)));
        return { value: Number(value), bytes: int(Number(type.slice(3)) / 8, value) };
      }
      case 'int64': {
        const millis = isMillis(field);
        const value = millis ? BigInt(Math.floor(random() * 2 ** 53)) * (random() < 0.2 ? -1n : 1n) : randomInt(64);
        return { value: millis ? Number(value) : value, bytes: int(8, value) };
      }
      case 'uuid': {
        const bytes = randomBytes(16);
        return { value: bytes.toString('base64url'), bytes };
      }
      case 'string': {
        const value = ['', 'a', 'topic-name', 'größer → 日本 😀', 'x'.repeat(126), 'y'.repeat(300)][pick(6)]!;
        const bytes = Buffer.from(value);
        return { value, bytes: Buffer.concat([flexible ? uvarint(bytes.length + 1) : int(2, bytes.length), bytes]) };
      }
      case 'bytes':
      case 'records': {
        const value = randomBytes(pick(200));
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

  function randomInt(bits: number): bigint {
    const value = BigInt(Math.floor(random() * 2 ** 32)) * 2n ** 32n + BigInt(Math.floor(random() * 2 ** 32));
    const edges = [0n, 1n, -1n, 2n ** BigInt(bits - 1) - 1n, -(2n ** BigInt(bits - 1))];
    return random() < 0.4 ? edges[pick(edges.length)]! : BigInt.asIntN(bits, value);
  }

  function randomBytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => pick(256)));
  }

  function pick(count: number): number {
    return Math.floor(random() * count);
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

function int(bytes: number, value: number | bigint): Buffer {
  const hex = BigInt.asUintN(bytes * 8, BigInt(value)).toString(16);
  return Buffer.from(hex.padStart(bytes * 2, '0'), 'hex');
}

function uvarint(value: number): Buffer {
  const groups = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    groups[groups.length - 1]! += 128;
    groups.push(rest % 128);
  }
  return Buffer.from(groups);
}
