import { Reader } from '../../../lib/bytes/reader';
import { Writer } from '../../../lib/bytes/writer';
import type { FuzzTarget } from '../fuzz';
import { refusalOf } from '../refusal';

const MAX_UINT64 = 2n ** 64n - 1n;

/** Integers of variable length over their whole range, in more bytes than they need, and in more than they may have. */
export const varints: FuzzTarget = {
  name: 'varints',
  property: 'a varint is read as it was written and as long division reads it, overlong or refused beyond its width',
  cases: { quick: 20_000, change: 100_000, long: 10_000_000 },
  run(random) {
    const wide = random.signed(64);
    const narrow = Number(BigInt.asIntN(32, wide));
    const writer = new Writer(32);
    writer.varlong(wide);
    writer.varint(narrow);
    writer.unsignedVarint(narrow >>> 0);
    const reader = new Reader(writer.toBuffer());
    equal(reader.varlong(), wide);
    equal(reader.varint(), narrow);
    equal(reader.unsignedVarint(), narrow >>> 0);
    equal(reader.remaining, 0);

    const length = 1 + random.below(12);
    const bytes = random.bytes(length);
    for (let at = 0; at < length - 1; at++) bytes[at]! |= 0x80;
    bytes[length - 1]! &= random.pick([0x7f, 1, 0, 0xff]);
    let [value, ended] = [0n, -1];
    for (let at = 0; at < length && ended < 0; at++) {
      value |= BigInt(bytes[at]! & 0x7f) << BigInt(7 * at);
      if (bytes[at]! < 0x80) ended = at;
    }
    check(
      bytes,
      reader => BigInt(reader.unsignedVarint()),
      ended >= 0 && ended < 5 && value < 2n ** 32n ? value : undefined,
    );
    const long = ended >= 0 && ended < 10 && value <= MAX_UINT64 ? (value >> 1n) ^ -(value & 1n) : undefined;
    check(bytes, reader => reader.varlong(), long);
    // The nearest number, not one that is a little less far off.
    check(bytes, reader => BigInt(reader.varlongNumber()), long === undefined ? undefined : BigInt(nearest(long)));
    return 7;
  },
};

/** As `varlongNumber` rounds: exact up to 2^53. */
function nearest(value: bigint): number {
  return value >= 0n ? Number(value) : -Number(-value - 1n) - 1;
}

function check(bytes: Buffer, read: (reader: Reader) => bigint, expected: bigint | undefined): void {
  let actual: bigint | undefined;
  const refusal = refusalOf(() => (actual = read(new Reader(bytes))), { frameBytes: bytes.length });
  if (expected === undefined ? refusal === undefined : actual !== expected)
    throw new Error(`${bytes.toString('hex')} is ${String(expected)}, read as ${String(actual ?? refusal)}`);
}

function equal(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}
