import { readUtf8 } from '../bytes/utf8';
import type { RecordHeaders } from '../types';

/** The headers of a record that has none: one object for all of them. */
export const NO_HEADERS: RecordHeaders = Object.freeze({
  get: () => undefined,
  getAll: () => [],
  text: () => undefined,
  *[Symbol.iterator]() {},
});

/** Headers as they stand in a record, parsed on first use. The bytes were checked when the record was stepped onto. */
export class WireHeaders implements RecordHeaders {
  private names: string[] | undefined;
  private values: (Buffer | null)[] = [];

  /** `position` is behind the count. */
  constructor(
    private readonly frame: Buffer,
    private readonly position: number,
    private readonly count: number,
  ) {}

  get(name: string): Buffer | null | undefined {
    const at = this.parsed().lastIndexOf(name);
    return at < 0 ? undefined : this.values[at];
  }

  getAll(name: string): readonly (Buffer | null)[] {
    const names = this.parsed();
    return this.values.filter((_, at) => names[at] === name);
  }

  text(name: string): string | undefined {
    return this.get(name)?.toString('utf8');
  }

  *[Symbol.iterator](): Iterator<readonly [string, Buffer | null]> {
    const names = this.parsed();
    for (let at = 0; at < names.length; at++) yield [names[at]!, this.values[at]!];
  }

  private parsed(): string[] {
    if (this.names !== undefined) return this.names;
    const { frame } = this;
    const names: string[] = [];
    let at = this.position;
    const length = (): number => {
      let bits = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = frame[at++]!;
        bits |= (byte & 0x7f) << shift;
        if (byte < 0x80) return (bits >>> 1) ^ -(bits & 1);
      }
    };
    for (let header = 0; header < this.count; header++) {
      const nameBytes = length();
      names.push(readUtf8(frame, at, nameBytes));
      at += nameBytes;
      const valueBytes = length();
      this.values.push(valueBytes < 0 ? null : frame.subarray(at, at + valueBytes));
      if (valueBytes > 0) at += valueBytes;
    }
    this.names = names;
    return names;
  }
}
