import { isDeepStrictEqual } from 'node:util';
import { inspect } from 'node:util';
import { Reader } from '../../../lib/bytes/reader';
import { type DecodeError } from '../../../lib/errors';
import type { FuzzTarget } from '../fuzz';
import type { Random } from '../random';
import { refusalOf } from '../refusal';
import { decode, encode, nameOf, randomValue, schemas, TracingReader, type Schema } from '../schemas';

/** Each case takes the next schema in turn. */
const cases = (each: { readonly quick: number; readonly change: number; readonly long: number }) => ({
  quick: each.quick * schemas.length,
  change: each.change * schemas.length,
  long: each.long * schemas.length,
});

/** What a message becomes when it is read back. */
export const roundTrip: FuzzTarget = {
  name: 'round-trip',
  property: 'a message of any version is read as it was written, whatever follows it',
  cases: cases({ quick: 20, change: 200, long: 100_000 }),
  run(random, seed) {
    const schema = schemaOf(seed);
    const value = randomValue(schema, random);
    const frame = encode(schema, value);
    const reader = new Reader(Buffer.concat([frame, random.bytes(random.below(3))]));
    const decoded = decode(schema, reader);
    if (reader.position !== frame.length)
      throw new Error(`${nameOf(schema)}: read ${reader.position} of ${frame.length}`);
    if (!isDeepStrictEqual(decoded, value))
      throw new Error(
        `${nameOf(schema)}: wrote ${inspect(value, { depth: 9 })}, read ${inspect(decoded, { depth: 9 })}`,
      );
  },
};

/** What a message becomes when its end is missing. */
export const truncation: FuzzTarget = {
  name: 'truncation',
  property: 'every strict prefix of a message is refused with api, version and position',
  cases: cases({ quick: 1, change: 3, long: 1_000 }),
  run(random, seed) {
    const { schema, frame } = sample(seed, random);
    for (let length = 0; length < frame.length; length++) {
      // Alone in its memory, so that a read past the end could not find the rest of the frame.
      const prefix = Buffer.from(frame.subarray(0, length));
      if (refused(schema, prefix) === undefined)
        throw new Error(`${nameOf(schema)}: ${length} of ${frame.length} bytes pass`);
    }
    return frame.length;
  },
};

/** What a message becomes when one bit of it is another. */
export const bitFlips: FuzzTarget = {
  name: 'bit-flips',
  property: 'a message with one bit flipped is a message, or refused with api, version and position',
  cases: cases({ quick: 1, change: 2, long: 200 }),
  run(random, seed) {
    const { schema, frame } = sample(seed, random, 512);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      frame[bit >> 3]! ^= 1 << (bit & 7);
      refused(schema, frame);
      frame[bit >> 3]! ^= 1 << (bit & 7);
    }
    return frame.length * 8;
  },
};

/** What a message becomes when a length, a count or any other number in it lies. */
export const lengthBombs: FuzzTarget = {
  name: 'length-bombs',
  property: 'a message in which a length or count lies is a message, or refused with api, version and position',
  cases: cases({ quick: 1, change: 4, long: 1_000 }),
  run(random, seed) {
    const { schema, frame } = sample(seed, random, 512);
    const bombs = bombsOf(schema, frame);
    for (const bomb of bombs) refused(schema, bomb);
    return bombs.length;
  },
};

/** What is read of bytes that nobody wrote. */
export const garbage: FuzzTarget = {
  name: 'garbage',
  property: 'random bytes are a message, or refused with api, version and position',
  cases: cases({ quick: 20, change: 200, long: 100_000 }),
  run(random, seed) {
    // Mostly small bytes, so that lengths and counts are often plausible and decoding gets deep.
    const most = random.pick([2, 4, 16, 256]);
    const frame = Buffer.from(Array.from({ length: random.below(300) }, () => random.below(most)));
    refused(schemaOf(seed), frame);
  },
};

/** Every number in the frame in turn becomes each of these, so that all lengths and counts do. */
export function bombsOf(schema: Schema, frame: Buffer): Buffer[] {
  const reader = new TracingReader(frame);
  decode(schema, reader);
  return reader.numbers.flatMap(({ at, bytes, varint }) => {
    const left = frame.length - at - bytes;
    const values = varint
      ? [
          [0],
          [1],
          uvarint(left + 1),
          uvarint(left + 2),
          uvarint(2 ** 31 - 1),
          uvarint(2 ** 31),
          uvarint(2 ** 32 - 1),
          OVERLONG,
          ENDLESS,
        ]
      : [-2, -1, 0, left, left + 1, 2 ** (8 * bytes - 1) - 1, -(2 ** (8 * bytes - 1))].map(value =>
          fixed(value, bytes),
        );
    return values.map(value => Buffer.concat([frame.subarray(0, at), Buffer.from(value), frame.subarray(at + bytes)]));
  });
}

/**
 * The same in frames that are large, so that high counts are plausible: each number claims as many elements or bytes as
 * follow it, and what follows is of no meaning.
 */
export function grownBombsOf(schema: Schema, frame: Buffer, bytes: number): Buffer[] {
  const reader = new TracingReader(frame);
  decode(schema, reader);
  const claims = [bytes, Math.floor(bytes / 2), Math.floor(bytes / 8), Math.floor(bytes / 16)];
  return reader.numbers.flatMap(number =>
    claims.flatMap(claim => {
      if (!number.varint && number.bytes < 4) return [];
      const value = number.varint ? uvarint(claim + 1) : fixed(claim, number.bytes);
      return [Buffer.concat([frame.subarray(0, number.at), Buffer.from(value), Buffer.alloc(bytes, 0x80)])];
    }),
  );
}

/** 1 in more bytes than it needs, and a varint that never ends. */
const OVERLONG = [0x81, 0x80, 0x80, 0x80, 0x00];
const ENDLESS = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

function uvarint(value: number): number[] {
  const groups: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) groups.push((value % 128) + 128);
  return [...groups, value];
}

function fixed(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * (bytes - 1 - i))) & 0xff);
}

/** A message of the seed's schema, small enough if `maxBytes` is given. */
export function sample(seed: number, random: Random, maxBytes = Infinity): { schema: Schema; frame: Buffer } {
  const schema = schemaOf(seed);
  for (let maxCount = 3; ; maxCount = Math.max(1, maxCount - 1)) {
    const frame = encode(schema, randomValue(schema, random, maxCount));
    if (frame.length <= maxBytes) return { schema, frame };
  }
}

function refused(schema: Schema, frame: Buffer): DecodeError | undefined {
  const { api, version } = schema;
  try {
    return refusalOf(() => decode(schema, new Reader(frame)), {
      frameBytes: frame.length,
      api: api.name,
      // An answer with error 35 is read as version 0, and says so.
      ...(api.name !== 'ApiVersions' && { version }),
    });
  } catch (error) {
    throw new Error(`${nameOf(schema)} of ${frame.toString('hex')}`, { cause: error });
  }
}

function schemaOf(seed: number): Schema {
  return schemas[seed % schemas.length]!;
}
