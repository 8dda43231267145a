import fc from 'fast-check';
import { FrameSplitter } from './frame-splitter';

const request = (apiKey: number, correlationId: number, body: number): Buffer => {
  const frame = Buffer.alloc(12 + body);
  frame.writeInt32BE(8 + body, 0);
  frame.writeInt16BE(apiKey, 4);
  frame.writeInt32BE(correlationId, 8);
  return frame;
};

describe('the frame splitter of the fault proxy', () => {
  it('gives every byte and finds every frame, wherever the stream is split', () => {
    const frames = fc.array(fc.tuple(fc.nat(80), fc.nat(1000), fc.nat(40)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (list, sizes) => {
        const stream = Buffer.concat(list.map(([key, id, body]) => request(key, id, body)));
        const splitter = new FrameSplitter('requests');
        const pieces = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length]!;
          pieces.push(...splitter.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(Buffer.concat(pieces.map(({ bytes }) => bytes))).toEqual(stream);
        const heads = pieces.flatMap(({ head }) => (head ? [[head.apiKey, head.correlationId, head.totalBytes]] : []));
        expect(heads).toEqual(list.map(([key, id, body]) => [key, id, 12 + body]));
      }),
    );
  });

  it('takes frames that are shorter than a head, and a length that is none for one frame without end', () => {
    const splitter = new FrameSplitter('replies');
    const heads = splitter.push(Buffer.from('00000002aaaa00000004000000070000000000000000', 'hex'));
    expect(heads.map(({ head }) => head?.correlationId)).toEqual([undefined, 7, undefined, undefined]);
    const lying = new FrameSplitter('replies');
    expect(lying.push(Buffer.from('ffffffff00000001aabbccddeeff', 'hex')).map(({ bytes }) => bytes.length)).toEqual([
      8, 6,
    ]);
  });
});
