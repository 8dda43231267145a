import { murmur2 } from '../../lib/bytes/murmur2';

/** `Utils.murmur2` of kafka-clients 4.4.0 for the seven bytes ff 80 fe 81 ff 90 ff. */
const JAVA_HIGH_BYTES = 1376691643;

describe('murmur2', () => {
  // The vectors of Java's own UtilsTest.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('gives what Java gives for %p', (text, expected) => {
    expect(murmur2(Buffer.from(text))).toBe(expected);
  });

  it('takes the empty key, which is a key', () => {
    expect(murmur2(new Uint8Array(0))).toBe(275646681);
  });

  it('reads bytes as unsigned and does not care where in memory they stand', () => {
    const bytes = Buffer.from([9, 0xff, 0x80, 0xfe, 0x81, 0xff, 0x90, 0xff]);
    expect(murmur2(bytes.subarray(1))).toBe(murmur2(Uint8Array.from(bytes.subarray(1))));
    expect(murmur2(bytes.subarray(1))).toBe(JAVA_HIGH_BYTES);
  });
});
