/** A repeatable source of chance (mulberry32) with what fuzzing asks of it: one seed makes one case, again and again. */
export class Random {
  private state: number;

  constructor(seed: number) {
    // Neighbouring seeds begin far apart.
    this.state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  /** 0 up to, without, `count`. */
  below(count: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * count);
  }

  uint32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** True in `probability` of all cases. */
  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at++) bytes[at] = this.uint32();
    return bytes;
  }

  /** A signed integer of so many bits; every third one is at an edge of some width. */
  signed(bits: number): bigint {
    if (this.chance(1 / 3)) {
      const edge = 1n << BigInt(this.below(bits));
      return BigInt.asIntN(bits, this.pick([edge, edge - 1n, -edge, ~edge]));
    }
    const wide = (BigInt(this.uint32()) << 32n) | BigInt(this.uint32());
    return BigInt.asIntN(bits, wide >> BigInt(this.below(64)));
  }

  /** Text of up to `length` characters, with names among them that objects have of their own. */
  text(length = 20): string {
    if (this.chance(0.1)) return this.pick(HOSTILE_NAMES);
    const characters = Array.from({ length: this.below(length + 1) }, () => this.pick(CHARACTERS));
    return characters.join('');
  }
}

/** What an object answers to though nobody put it there. */
export const HOSTILE_NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
] as const;

const CHARACTERS = [...'abcxyz019._-', 'é', 'ß', '日', '本', '😀', '\u0000', '\u007f', '\u0080', '\uffff'];
