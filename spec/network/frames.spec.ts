import * as fc from 'fast-check';
import { FrameSplitter, type FrameSink } from '../../lib/network/frames';
import { print } from '../support/print';
import { frame } from './fake-broker';

class Collector implements FrameSink {
  readonly begun: [correlationId: number, length: number][] = [];
  readonly frames: Buffer[] = [];
  readonly violations: string[] = [];
  heads: Buffer[] = [];
  wanted: (correlationId: number) => boolean = () => true;
  onFrame: () => void = () => undefined;

  begin(correlationId: number, length: number): boolean {
    this.begun.push([correlationId, length]);
    return this.wanted(correlationId);
  }

  frame(bytes: Buffer): void {
    this.frames.push(bytes);
    this.onFrame();
  }

  violation(why: string, head: Buffer): void {
    this.violations.push(why);
    this.heads.push(head);
  }
}

function splitter(max = 1_000_000) {
  const sink = new Collector();
  return { sink, splitter: new FrameSplitter(max, sink) };
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const edges = [...new Set([0, ...at.map(edge => edge % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return edges.slice(1).map((edge, i) => Buffer.from(bytes.subarray(edges[i], edge)));
}

const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
const edges = fc.array(fc.nat(), { maxLength: 40 });
const stream = (all: readonly Uint8Array[]) => Buffer.concat(all.map((body, i) => frame(i, body)));
const expected = (all: readonly Uint8Array[]) => all.map((body, i) => frame(i, body).subarray(4).toString('hex'));
const hex = (frames: readonly Buffer[]) => frames.map(bytes => bytes.toString('hex'));

describe('FrameSplitter', () => {
  it('gives the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(bodies, edges, (all, at) => {
        const { sink, splitter: it } = splitter();
        for (const chunk of cut(stream(all), at)) it.push(chunk);
        expect(hex(sink.frames)).toEqual(expected(all));
        expect(sink.begun).toEqual(all.map((body, i) => [i, body.length + 4]));
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives the same frames when all bytes come alone', () => {
    const all = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three')];
    const { sink, splitter: it } = splitter();
    for (const byte of stream(all)) it.push(Uint8Array.of(byte));
    expect(hex(sink.frames)).toEqual(expected(all));
  });

  it('gives 1,000 frames of one chunk', () => {
    const all = Array.from({ length: 1_000 }, (_, i) => Buffer.alloc(i % 50, i));
    const { sink, splitter: it } = splitter();
    it.push(stream(all));
    expect(hex(sink.frames)).toEqual(expected(all));
  });

  it('is cut at any byte and leaves nothing for the next socket', () => {
    const all = [Buffer.from('first'), Buffer.alloc(70, 1), Buffer.from('third')];
    const bytes = stream(all);
    for (let at = 0; at <= bytes.length; at += 1) {
      const old = splitter();
      old.splitter.push(Buffer.from(bytes.subarray(0, at)));
      old.splitter.stop();
      old.splitter.push(Buffer.from(bytes.subarray(at)));
      const whole = hex(old.sink.frames);
      expect(whole).toEqual(expected(all).slice(0, whole.length));
      const fresh = splitter();
      fresh.splitter.push(bytes);
      expect(hex(fresh.sink.frames)).toEqual(expected(all));
    }
  });

  it('skips the bytes of a frame that nobody wants, however they are cut', () => {
    fc.assert(
      fc.property(bodies, edges, fc.nat(4), (all, at, every) => {
        const { sink, splitter: it } = splitter();
        sink.wanted = id => id % (every + 1) === 0;
        for (const chunk of cut(stream(all), at)) it.push(chunk);
        expect(hex(sink.frames)).toEqual(expected(all).filter((_, i) => i % (every + 1) === 0));
        expect(sink.begun.length).toBe(all.length);
      }),
      { numRuns: 1_000 },
    );
  });

  it('shows the correlation id before the rest has arrived', () => {
    const { sink, splitter: it } = splitter();
    it.push(frame(42, Buffer.alloc(100)).subarray(0, 8));
    expect(sink.begun).toEqual([[42, 104]]);
    expect(sink.frames).toEqual([]);
  });

  it('knows negative correlation ids', () => {
    const { sink, splitter: it } = splitter();
    it.push(frame(-2, Buffer.alloc(1)));
    expect(sink.begun[0]![0]).toBe(-2);
  });

  it.each([-1, 0, 1, 3, -(2 ** 31), 2 ** 31 - 1, 1_001])('refuses a length of %d at its fourth byte', length => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    const { sink, splitter: it } = splitter(1_000);
    it.push(bytes.subarray(0, 3));
    expect(sink.violations).toEqual([]);
    it.push(bytes.subarray(3));
    expect(sink.violations).toEqual([expect.stringContaining(String(length))]);
    it.push(frame(1, Buffer.from('behind')));
    expect(sink.frames).toEqual([]);
    expect(sink.violations.length).toBe(1);
  });

  it('gives frames up to the offending one, and none behind it', () => {
    const bad = Buffer.alloc(12, 0xff);
    const { sink, splitter: it } = splitter();
    it.push(Buffer.concat([frame(1, Buffer.from('good')), bad, frame(2, Buffer.from('behind'))]));
    expect(sink.frames.length).toBe(1);
    expect(sink.violations.length).toBe(1);
    expect(sink.heads[0]!.length).toBe(8);
  });

  it('hands over the complete frames of the chunk in hand when drained from inside, in order', () => {
    const all = [Buffer.from('a'), Buffer.from('b'), Buffer.from('c')];
    const { sink, splitter: it } = splitter();
    let inside: string[] | undefined;
    sink.onFrame = () => {
      if (inside !== undefined) return;
      inside = [];
      it.drain();
      inside = hex(sink.frames);
      it.stop();
    };
    it.push(Buffer.concat([stream(all), frame(9, Buffer.alloc(9)).subarray(0, 10)]));
    expect(inside).toEqual(expected(all));
    expect(hex(sink.frames)).toEqual(expected(all));
  });

  it('keeps the order when the next chunk comes inside the handling of a frame', () => {
    const all = [Buffer.from('a'), Buffer.from('b'), Buffer.from('c'), Buffer.from('d')];
    const bytes = stream(all);
    const { sink, splitter: it } = splitter();
    let pushed = false;
    sink.onFrame = () => {
      if (pushed) return;
      pushed = true;
      it.push(bytes.subarray(22));
    };
    it.push(bytes.subarray(0, 22));
    expect(hex(sink.frames)).toEqual(expected(all));
  });

  it('does not keep a large chunk alive for a small frame', () => {
    const small = frame(1, Buffer.from('small'));
    const chunk = new Uint8Array(Buffer.concat([small, frame(2, Buffer.alloc(60_000))]));
    const { sink, splitter: it } = splitter();
    it.push(chunk);
    expect(sink.frames[0]!.buffer).not.toBe(chunk.buffer);
    expect(sink.frames[1]!.buffer).toBe(chunk.buffer);
  });

  it('does work in proportion to its size for a large response in chunks of one byte', () => {
    const byte = Buffer.from([7]);
    const feed = (bytes: number): number => {
      const { sink, splitter: it } = splitter(64 << 20);
      const { user } = process.cpuUsage();
      it.push(frame(1, Buffer.alloc(bytes)).subarray(0, 8));
      for (let at = 0; at < bytes; at++) it.push(byte);
      const ms = (process.cpuUsage().user - user) / 1000;
      expect(sink.frames.map(({ length }) => length)).toEqual([bytes + 4]);
      return ms;
    };
    // 5 and 50 MiB with KAFKA_RX_FULL=true.
    const unit = process.env['KAFKA_RX_FULL'] === 'true' ? 5 << 20 : 1 << 20;
    const [small, large] = [Math.min(feed(unit), feed(unit)), feed(10 * unit)];
    print(
      `${unit >> 20} MiB in 1-byte chunks: ${small.toFixed(0)} ms, ${(10 * unit) >> 20} MiB: ${large.toFixed(0)} ms, ${(large / small).toFixed(1)} times`,
    );
    // Quadratic work would make it a hundred.
    expect(large / small).toBeLessThan(25);
  }, 60_000);
});
