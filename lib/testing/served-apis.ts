import type { AnyApi } from '../protocol/api';
import { ApiVersions } from '../protocol/apis/api-versions';
import { Fetch } from '../protocol/apis/fetch';
import { Metadata } from '../protocol/apis/metadata';
import { Produce } from '../protocol/apis/produce';
import { apiVersions, type AdvertisedApi } from './handlers/api-versions';
import { fetch } from './handlers/fetch';
import { metadata } from './handlers/metadata';
import { produce } from './handlers/produce';
import type { Handler } from './request-context';

/** An API that the embedded brokers answer. */
export interface ServedApi {
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The codec for a version; `undefined` = not served. */
  apiOf(version: number): AnyApi | undefined;
  readonly handle: Handler<AnyApi>;
}

const served: ReadonlyMap<number, ServedApi> = new Map([
  serve(Produce, produce),
  serve(Fetch, fetch),
  serve(Metadata, metadata),
  serve(
    ApiVersions,
    apiVersions(() => ADVERTISED),
  ),
]);

/** What ApiVersions tells. */
export const ADVERTISED: readonly AdvertisedApi[] = [...served].map(([apiKey, { minVersion, maxVersion }]) => ({
  apiKey,
  minVersion,
  maxVersion,
}));

/** The API with this key; `undefined` = not served. */
export function servedApi(key: number): ServedApi | undefined {
  return served.get(key);
}

function serve<A extends AnyApi>(api: A, handle: Handler<A>): [number, ServedApi] {
  const [minVersion, maxVersion] = api.versions;
  return [
    api.key,
    {
      minVersion,
      maxVersion,
      apiOf: version => (version >= minVersion && version <= maxVersion ? api : undefined),
      handle: handle as Handler<AnyApi>,
    },
  ];
}
