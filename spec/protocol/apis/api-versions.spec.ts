import { Reader } from '../../../lib/bytes/reader';
import { DecodeError } from '../../../lib/errors';
import { ApiVersions } from '../../../lib/protocol/apis/api-versions';

function decode(version: number, hex: string): unknown {
  return ApiVersions.decodeResponse(version, new Reader(Buffer.from(hex, 'hex')));
}

describe('ApiVersions', () => {
  it('never has tagged fields in its response header', () => {
    expect([0, 3, 5].map(ApiVersions.responseHeaderVersion)).toEqual([0, 0, 0]);
    expect([0, 3, 5].map(ApiVersions.requestHeaderVersion)).toEqual([1, 2, 2]);
  });

  it('reads the answer of a broker that does not know the version, which is in version 0 whatever was asked', () => {
    const expected = {
      errorCode: 35,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 2 }],
      throttleTimeMs: 0,
      finalizedFeatures: [],
    };
    for (const version of [0, 3, 5]) expect(decode(version, '00230000000100120000' + '0002')).toMatchObject(expected);
    expect(decode(5, '002300000000')).toMatchObject({ errorCode: 35, apiKeys: [] });
  });

  it('refuses an answer that is cut off', () => {
    expect(() => decode(5, '00')).toThrow(DecodeError);
    expect(() => decode(3, '0000')).toThrow(DecodeError);
  });
});
