import { RequestFrames } from '../../lib/testing/request-frames';

const stream = Buffer.from('00000003010203' + '00000000' + '0000000101' + '00000002ffff', 'hex');
const frames = ['010203', '', '01', 'ffff'];

describe('RequestFrames', () => {
  test.each([1, 2, 3, 4, 5, 7, 100])('cuts the same frames from pieces of %i bytes', size => {
    const splitter = new RequestFrames();
    const cut: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const frame of splitter.push(stream.subarray(at, at + size))) cut.push(frame.toString('hex'));
    }
    expect(cut).toEqual(frames);
  });

  test.each(['ffffffff', '7fffffff', '48545450'])('refuses the length %s', hex => {
    expect(() => new RequestFrames().push(Buffer.from(hex, 'hex'))).toThrow(RangeError);
  });
});
