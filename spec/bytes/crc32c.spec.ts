import type * as crc32cModule from '../../lib/bytes/crc32c';
import { crc32c, crc32cImplementation, javascriptCrc32c } from '../../lib/bytes/crc32c';

type Crc32c = typeof crc32cModule;

/** The module as it loads where the native one is missing, or is not what it should be. */
function loadWith(native: () => unknown): Crc32c {
  let loaded: Crc32c | undefined;
  jest.isolateModules(() => {
    jest.doMock('@node-rs/crc32', native, { virtual: true });
    loaded = require('../../lib/bytes/crc32c') as Crc32c;
  });
  jest.dontMock('@node-rs/crc32');
  return loaded!;
}

const missing = () => {
  throw new Error("Cannot find module '@node-rs/crc32'");
};

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
  const vectors: [string, Uint8Array, number][] = [
    ['the check string', Buffer.from('123456789'), 0xe3069283],
    ['nothing', Buffer.alloc(0), 0],
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['32 ascending bytes', ascending, 0x46dd794e],
    ['32 descending bytes', ascending.slice().reverse(), 0x113fdb5c],
  ];

  it.each(vectors)('gives the known checksum of %s, whichever implementation is in use', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
    expect(javascriptCrc32c(bytes)).toBe(expected);
  });

  it('continues from the checksum of the bytes before', () => {
    const bytes = Buffer.from('123456789');
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(0xe3069283);
      expect(javascriptCrc32c(bytes.subarray(cut), javascriptCrc32c(bytes.subarray(0, cut)))).toBe(0xe3069283);
    }
  });

  it('gives the same natively and in JavaScript at every length and alignment', () => {
    const bytes = Buffer.from(Array.from({ length: 600 }, (_, at) => (at * 131 + 7) & 0xff));
    for (let from = 0; from < 9; from++)
      for (let to = from; to < 90; to++)
        expect(crc32c(bytes.subarray(from, to))).toBe(javascriptCrc32c(bytes.subarray(from, to)));
    expect(crc32c(bytes)).toBe(javascriptCrc32c(bytes));
  });

  it('works in JavaScript when the native module does not load', () => {
    const { crc32c: checksum, crc32cImplementation: implementation } = loadWith(missing);
    expect(implementation).toBe('javascript');
    expect(checksum(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it('does not use a native module that computes something else', () => {
    expect(loadWith(() => ({ crc32c: () => 42 })).crc32cImplementation).toBe('javascript');
    expect(loadWith(() => ({})).crc32cImplementation).toBe('javascript');
  });

  it('uses the native module when it loads', () => {
    const installed = (() => {
      try {
        return require('@node-rs/crc32') !== undefined;
      } catch {
        return false; // optional: a platform may have no binary of it
      }
    })();
    expect(crc32cImplementation).toBe(installed ? 'native' : 'javascript');
  });
});
