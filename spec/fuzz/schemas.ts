import { Reader } from '../../lib/bytes/reader';
import { Writer } from '../../lib/bytes/writer';
import type { AnyApi } from '../../lib/protocol/api';
import { apis } from '../../lib/protocol/apis';
import { defaultOf, isDefault, type Field, type Fields, type Shape } from '../../lib/protocol/schema';
import type { Random } from './random';

/** One direction of one version of one API. */
export interface Schema {
  readonly api: AnyApi;
  readonly version: number;
  readonly direction: 'request' | 'response';
}

/** Every API × version × direction that is declared, so that a new one is fuzzed by being there. */
export const schemas: readonly Schema[] = (Object.values(apis) as AnyApi[]).flatMap(api =>
  Array.from({ length: api.versions[1] - api.versions[0] + 1 }, (_, i) => api.versions[0] + i).flatMap(version =>
    (['request', 'response'] as const).map(direction => ({ api, version, direction })),
  ),
);

export const nameOf = ({ api, version, direction }: Schema): string => `${api.name} v${version} ${direction}`;

export function encode({ api, version, direction }: Schema, value: unknown): Buffer {
  const writer = new Writer();
  if (direction === 'request') api.encodeRequest(version, value, writer);
  else api.encodeResponse(version, value, writer);
  return writer.toBuffer();
}

export function decode({ api, version, direction }: Schema, reader: Reader): unknown {
  return direction === 'request' ? api.decodeRequest(version, reader) : api.decodeResponse(version, reader);
}

/** A message with every field of its version set to something, and the others left at their defaults. */
export function randomValue(schema: Schema, random: Random, maxCount = 3): Record<string, unknown> {
  const value = randomStruct(schema.api.fields[schema.direction], schema.version, random, maxCount);
  // 35 says that the rest is version 0.
  if (schema.api.name === 'ApiVersions' && value['errorCode'] === 35) value['errorCode'] = 0;
  return value;
}

function randomStruct(fields: Fields, version: number, random: Random, maxCount: number): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) value[name] = randomField(field, version, random, maxCount);
  return value;
}

function randomField(field: Field<any, any, boolean>, version: number, random: Random, maxCount: number): unknown {
  const { rules, shape } = field;
  const standard = defaultOf(field);
  if (version < rules.since || version > rules.until || (rules.tag !== undefined && random.chance(0.4)))
    return standard;
  if (version >= rules.nullableSince && random.chance(0.2)) return null;
  const value = randomShape(shape, version, random, maxCount);
  // What a tagged field says of its own accord comes back as the default itself.
  return rules.tag !== undefined && isDefault(field, value) ? standard : value;
}

function randomShape(shape: Shape, version: number, random: Random, maxCount: number): unknown {
  switch (shape.kind) {
    case 'array':
      return Array.from({ length: random.below(maxCount + 1) }, () =>
        randomShape(shape.element, version, random, maxCount),
      );
    case 'struct':
      return randomStruct(shape.fields, version, random, maxCount);
    case 'string':
      return random.text(random.chance(0.02) ? 200 : 12);
    case 'bytes':
    case 'records':
      return random.bytes(random.below(random.chance(0.02) ? 300 : 20));
    case 'uuid':
      return random.bytes(16).toString('base64url');
    case 'boolean':
      return random.chance(0.5);
    case 'int64':
      return random.signed(64);
    case 'timestamp':
      return Number(random.signed(54));
    case 'float64':
      return random.uint32() / 1000;
    case 'uint16':
      return random.below(0x1_0000);
    case 'uint32':
      return random.uint32();
    default:
      return Number(random.signed(Number(shape.kind.slice(3))));
  }
}

/** Reads as `Reader` does, and keeps where each integer and varint began: the places of all lengths and counts, among others. */
export class TracingReader extends Reader {
  readonly numbers: { readonly at: number; readonly bytes: number; readonly varint: boolean }[] = [];

  override int16(): number {
    this.numbers.push({ at: this.position, bytes: 2, varint: false });
    return super.int16();
  }

  override int32(): number {
    this.numbers.push({ at: this.position, bytes: 4, varint: false });
    return super.int32();
  }

  override unsignedVarint(): number {
    const at = this.position;
    const value = super.unsignedVarint();
    this.numbers.push({ at, bytes: this.position - at, varint: true });
    return value;
  }
}
