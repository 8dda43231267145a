import type { Reader } from '../../bytes/reader';
import { api } from '../api';
import { array, boolean, int16, int32, int64, string } from '../schema';

/** The code of a broker that does not know the version it was asked in. */
const UNSUPPORTED_VERSION = 35;

const declared = api({
  name: 'ApiVersions',
  key: 18,
  versions: [0, 5],
  flexible: 3,
  request: {
    clientSoftwareName: string.since(3).ignorable(),
    clientSoftwareVersion: string.since(3).ignorable(),
    clusterId: string.nullable().since(5).default(null).ignorable(),
    nodeId: int32.since(5).default(-1).ignorable(),
  },
  response: {
    errorCode: int16,
    apiKeys: array({ apiKey: int16, minVersion: int16, maxVersion: int16 }),
    throttleTimeMs: int32.since(1).default(0).ignorable(),
    supportedFeatures: array({ name: string, minVersion: int16, maxVersion: int16 }).tagged(0, 3).ignorable(),
    finalizedFeaturesEpoch: int64.tagged(1, 3).default(-1n).ignorable(),
    finalizedFeatures: array({ name: string, maxVersionLevel: int16, minVersionLevel: int16 }).tagged(2, 3).ignorable(),
    zkMigrationReady: boolean.tagged(3, 3).default(false).ignorable(),
  },
});

/**
 * The first request on every connection: which APIs the broker speaks, and its features (KIP-511, KIP-584; v5 says who we
 * think we talk to, KIP-1242). A broker that does not know the version answers error 35 in version 0, whatever was
 * asked: decoding looks at the code first, so that answer is read, too. `apiKeys` then lists what it does know, or nothing.
 */
export const ApiVersions: typeof declared = Object.freeze({
  ...declared,
  decodeResponse(version: number, reader: Reader) {
    const unsupported = reader.remaining >= 2 && reader.buffer.readInt16BE(reader.position) === UNSUPPORTED_VERSION;
    return declared.decodeResponse(unsupported ? 0 : version, reader);
  },
});
