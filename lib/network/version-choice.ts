import { UnsupportedVersionError, describeBroker } from '../errors';
import type { AnyApi } from '../protocol/api';
import type { BrokerAddress } from '../types';

/** Lowest and highest version, both included. */
export type VersionRange = readonly [min: number, max: number];

/** What a broker offers, by api key. Negotiated for each connection anew: the broker may have been up- or downgraded meanwhile. */
export type BrokerVersions = ReadonlyMap<number, VersionRange>;

/** The highest version that the client, the broker and the caller (`max`) can speak; `undefined` when there is none. */
export function chooseVersion(api: AnyApi, offered: VersionRange | undefined, max = Infinity): number | undefined {
  if (offered === undefined) return undefined;
  const version = Math.min(api.versions[1], offered[1], max);
  return version >= api.versions[0] && version >= offered[0] ? version : undefined;
}

/** Names the API, the broker and all ranges, so that the reader sees which side is too old. */
export function unsupportedVersion(
  broker: BrokerAddress,
  api: AnyApi,
  offered: VersionRange | undefined,
  max = Infinity,
): UnsupportedVersionError {
  const theirs = offered === undefined ? 'the broker does not offer it' : `the broker speaks ${range(offered)}`;
  const callers = max < api.versions[1] ? `, this call needs at most ${max}` : '';
  return new UnsupportedVersionError(
    `${api.name} cannot be sent to ${describeBroker(broker)}: ${theirs}, this client ${range(api.versions)}${callers}`,
  );
}

function range([min, max]: VersionRange): string {
  return min === max ? `version ${min}` : `versions ${min}-${max}`;
}
