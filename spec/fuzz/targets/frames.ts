import { FrameSplitter, type FrameSink } from '../../../lib/network/frames';
import type { FuzzTarget } from '../fuzz';
import type { Random } from '../random';

const MAX_BYTES = 10_000;

class Collected implements FrameSink {
  readonly frames: Buffer[] = [];
  readonly violations: string[] = [];
  begin(correlationId: number): boolean {
    return correlationId % 5 !== 0;
  }
  frame(frame: Buffer): void {
    this.frames.push(frame);
  }
  violation(message: string): void {
    this.violations.push(message);
  }
}

/** However a stream is cut the frames are the same; what a cut-off stream leaves behind never reaches the next one. */
export const frames: FuzzTarget = {
  name: 'frames',
  property: 'the same frames come out however the bytes are cut, and a cut stream leaves nothing to the next',
  cases: { quick: 10_000, change: 100_000, long: 10_000_000 },
  run(random) {
    const { bytes, wanted, violated } = stream(random);
    const sink = feed(bytes, random);
    if (sink.violations.length !== (violated ? 1 : 0)) throw new Error(`violations: ${sink.violations.join()}`);
    same(sink.frames, wanted);
    const cut = random.below(bytes.length + 1);
    const until = feed(bytes.subarray(0, cut), random);
    same(until.frames, wanted.slice(0, until.frames.length));
    same(feed(bytes, random).frames, wanted);
    return 3;
  },
};

function feed(bytes: Buffer, random: Random): Collected {
  const sink = new Collected();
  const splitter = new FrameSplitter(MAX_BYTES, sink);
  const most = random.pick([1, 3, 9, 200, bytes.length + 1]);
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + random.below(most));
    // A chunk of its own: the splitter may keep it.
    splitter.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  if (random.chance(0.5)) splitter.stop();
  return sink;
}

/** A few frames, those that nobody wants among them, and in some streams a length that cannot be. */
function stream(random: Random): { bytes: Buffer; wanted: Buffer[]; violated: boolean } {
  const count = random.below(6);
  const bad = random.chance(0.2) ? random.below(count + 1) : -1;
  const chunks: Buffer[] = [];
  const wanted: Buffer[] = [];
  for (let frame = 0; frame < count; frame++) {
    if (frame === bad) {
      const head = random.bytes(12);
      head.writeInt32BE(random.pick([-1, 0, 3, MAX_BYTES + 1, 2 ** 31 - 1, -(2 ** 31)]));
      chunks.push(head);
      return { bytes: Buffer.concat(chunks), wanted, violated: true };
    }
    const length = 4 + random.below(random.pick([1, 8, 60]));
    const bytes = random.bytes(4 + length);
    bytes.writeInt32BE(length);
    chunks.push(bytes);
    if (bytes.readInt32BE(4) % 5 !== 0) wanted.push(bytes.subarray(4));
  }
  return { bytes: Buffer.concat(chunks), wanted, violated: false };
}

function same(actual: readonly Buffer[], expected: readonly Buffer[]): void {
  if (actual.length !== expected.length) throw new Error(`${actual.length} frames instead of ${expected.length}`);
  actual.forEach((frame, at) => {
    if (!frame.equals(expected[at]!)) throw new Error(`frame ${at} is another one`);
  });
}
