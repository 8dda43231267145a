import { catchError, concatMap, of, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { ConnectionError, DecodeError, UnsupportedVersionError, describeBroker } from '../errors';
import type { ResponseOf } from '../protocol/api';
import { ApiVersions } from '../protocol/apis/api-versions';
import type { BrokerAddress } from '../types';
import type { Link } from './link';
import type { BrokerVersions, VersionRange } from './version-choice';

/** What a broker can do, as it says itself. */
export interface Negotiated {
  readonly versions: BrokerVersions;
  /** The finalized level of each feature, such as `transaction.version`. */
  readonly features: ReadonlyMap<string, number>;
}

/** How we introduce ourselves (KIP-511); a broker refuses other characters than letters, digits, dots and dashes. */
export const CLIENT_SOFTWARE = Object.freeze({ name: 'kafka-rx', version: '0.1.0' });

const NONE = 0;
const UNSUPPORTED_VERSION = 35;

/**
 * Asks a broker which APIs it speaks. A broker that does not know our version says so in version 0 and lists what it
 * knows of ApiVersions (or nothing); it is then asked once more, on the same connection. Errors with
 * `UnsupportedVersionError`, or a `ConnectionError` with reason `protocol`.
 */
export function negotiate(link: Link, version: number = ApiVersions.versions[1]): Observable<Negotiated> {
  return ask(link, version).pipe(
    concatMap(response => {
      if (response.errorCode !== UNSUPPORTED_VERSION) return of(response);
      const lower = lowerVersion(response, version);
      return lower === undefined ? throwError(() => refused(link.broker)) : ask(link, lower);
    }),
    concatMap(response => {
      if (response.errorCode === NONE) return of(read(response));
      const { errorCode } = response;
      return throwError(() =>
        errorCode === UNSUPPORTED_VERSION ? refused(link.broker) : failed(link.broker, errorCode),
      );
    }),
    catchError((error: unknown) =>
      throwError(() => (error instanceof DecodeError ? garbled(link.broker, error) : error)),
    ),
  );
}

function ask(link: Link, version: number): Observable<ResponseOf<typeof ApiVersions>> {
  const body = { clientSoftwareName: CLIENT_SOFTWARE.name, clientSoftwareVersion: CLIENT_SOFTWARE.version };
  // Set-up has one deadline for the whole of it.
  return link.exchange(ApiVersions, version, body, { timeoutMs: Infinity });
}

function lowerVersion(response: ResponseOf<typeof ApiVersions>, refusedVersion: number): number | undefined {
  const own = response.apiKeys.find(({ apiKey }) => apiKey === ApiVersions.key);
  const version = Math.min(own?.maxVersion ?? 0, ApiVersions.versions[1]);
  return version < refusedVersion && version >= ApiVersions.versions[0] ? version : undefined;
}

function read(response: ResponseOf<typeof ApiVersions>): Negotiated {
  const versions = new Map<number, VersionRange>();
  for (const { apiKey, minVersion, maxVersion } of response.apiKeys) versions.set(apiKey, [minVersion, maxVersion]);
  const features = new Map<string, number>();
  for (const { name, maxVersionLevel } of response.finalizedFeatures) features.set(name, maxVersionLevel);
  return { versions, features };
}

function refused(broker: BrokerAddress): UnsupportedVersionError {
  const [min, max] = ApiVersions.versions;
  return new UnsupportedVersionError(
    `${describeBroker(broker)} accepts none of the versions ${min}-${max} of ApiVersions that this client speaks`,
  );
}

function failed(broker: BrokerAddress, code: number): ConnectionError {
  return new ConnectionError(broker, 'protocol', `ApiVersions was answered with error ${code}`);
}

function garbled(broker: BrokerAddress, cause: DecodeError): ConnectionError {
  return new ConnectionError(broker, 'protocol', `the answer to ApiVersions cannot be read (${cause.message})`, {
    cause,
  });
}
