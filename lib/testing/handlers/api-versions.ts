import type { ApiVersions } from '../../protocol/apis/api-versions';
import { CODE } from '../error-codes';
import type { Handler } from '../request-context';

/** An API and the versions that are advertised for it. */
export interface AdvertisedApi {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** What names of client software a broker accepts (KIP-511). */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/** Answers ApiVersions with the list, if the client names itself properly (v3) and means this cluster and broker (v5, KIP-1242). */
export function apiVersions(advertised: () => readonly AdvertisedApi[]): Handler<typeof ApiVersions> {
  return (request, context) => {
    const { version, cluster, broker } = context;
    const nameless = !SOFTWARE.test(request.clientSoftwareName) || !SOFTWARE.test(request.clientSoftwareVersion);
    const elsewhere =
      (request.clusterId !== null && request.clusterId !== cluster.clusterId) ||
      (request.nodeId >= 0 && request.nodeId !== broker);
    const errorCode =
      context.errorFor() ||
      (version >= 3 && nameless ? CODE.INVALID_REQUEST : 0) ||
      (elsewhere ? CODE.REBOOTSTRAP_REQUIRED : 0);
    return { errorCode, apiKeys: errorCode === 0 ? advertised() : [] };
  };
}

/** What a broker answers to a version of ApiVersions that it does not know, encoded in version 0: the error, and the versions to ask in. */
export function unknownApiVersions(advertised: readonly AdvertisedApi[]) {
  return { errorCode: CODE.UNSUPPORTED_VERSION, apiKeys: advertised.filter(({ apiKey }) => apiKey === 18) };
}
