import type { Reader } from '../bytes/reader';
import type { Writer } from '../bytes/writer';
import { DecodeError, UnsupportedVersionError } from '../errors';
import type { ApiDefinition } from '../types';
import type { Codec } from './codec';
import { codecOf } from './codec-of';
import type { Decoded, Encodable, Fields } from './schema';

/**
 * A request and its response in all the versions that we speak. `Q` and `R` are what decoding gives (every field
 * present), `QIn` and `RIn` what encoding takes (fields with a default may be left out). The client encodes requests and
 * decodes responses; the embedded cluster does the other two.
 */
export interface Api<Q, QIn, R, RIn> extends ApiDefinition<QIn, R> {
  readonly versions: readonly [min: number, max: number];
  /** The first version with compact lengths and tagged fields (KIP-482); `Infinity` = none. */
  readonly flexible: number;
  /** The declarations, for code that walks them. */
  readonly fields: { readonly request: Fields; readonly response: Fields };
  /** Throws `UnsupportedVersionError` for a version that we do not speak, or a value the version cannot carry; `TypeError` for a missing field. */
  encodeRequest(version: number, body: QIn, writer: Writer): void;
  /** Throws `DecodeError` with api, version and position. Reads up to what the version defines; bytes behind it are left. */
  decodeResponse(version: number, reader: Reader): R;
  decodeRequest(version: number, reader: Reader): Q;
  encodeResponse(version: number, body: RIn, writer: Writer): void;
  requestHeaderVersion(version: number): 1 | 2;
  responseHeaderVersion(version: number): 0 | 1;
}

/** Any API, where its types do not matter. */
export type AnyApi = Api<any, any, any, any>;
/** What one may encode as a request: fields with defaults are optional. */
export type RequestOf<A> = A extends Api<any, infer QIn, any, any> ? QIn : never;
/** A decoded request: all fields present. */
export type DecodedRequestOf<A> = A extends Api<infer Q, any, any, any> ? Q : never;
/** A decoded response: all fields present. */
export type ResponseOf<A> = A extends Api<any, any, infer R, any> ? R : never;
/** What one may encode as a response: fields with defaults are optional. */
export type ResponseInputOf<A> = A extends Api<any, any, any, infer RIn> ? RIn : never;

/** The key of ApiVersions, whose response header never has a tagged section: a client must read it before it knows anything. */
const API_VERSIONS = 18;

/**
 * Declares an API: Kafka's own field names in camelCase, one declaration for all versions. The types are inferred; codecs
 * are made per version at first use.
 */
export function api<const Q extends Fields, const R extends Fields>(definition: {
  readonly name: string;
  readonly key: number;
  readonly versions: readonly [min: number, max: number];
  readonly flexible: number;
  readonly request: Q;
  readonly response: R;
}): Api<Decoded<Q>, Encodable<Q>, Decoded<R>, Encodable<R>> {
  const { name, key, versions, flexible, request, response } = definition;
  const requests = codecs(`${name} request`, request);
  const responses = codecs(`${name} response`, response);
  return Object.freeze({
    name,
    key,
    versions,
    flexible,
    fields: { request, response },
    encodeRequest: (version: number, body: Encodable<Q>, writer: Writer) => requests(version).write(writer, body),
    decodeRequest: (version: number, reader: Reader) => decode<Decoded<Q>>(requests(version), version, reader),
    encodeResponse: (version: number, body: Encodable<R>, writer: Writer) => responses(version).write(writer, body),
    decodeResponse: (version: number, reader: Reader) => decode<Decoded<R>>(responses(version), version, reader),
    requestHeaderVersion: (version: number) => (version >= flexible ? 2 : 1),
    responseHeaderVersion: (version: number) => (version >= flexible && key !== API_VERSIONS ? 1 : 0),
  });

  function codecs(what: string, fields: Fields): (version: number) => Codec {
    const made: Codec[] = [];
    return version => (made[version] ??= make(what, fields, version));
  }

  function make(what: string, fields: Fields, version: number): Codec {
    const [min, max] = versions;
    if (!Number.isInteger(version) || version < min || version > max) {
      throw new UnsupportedVersionError(`${name} v${version} is not supported: kafka-rx speaks ${min} to ${max}`);
    }
    return codecOf({ kind: 'struct', fields }, false, { api: what, version, flexible: version >= flexible, path: '' });
  }

  function decode<T>(codec: Codec, version: number, reader: Reader): T {
    try {
      return codec.read(reader);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw new DecodeError(`${name} v${version}: ${error.message}`, {
        position: error.position,
        api: name,
        version,
        cause: error,
      });
    }
  }
}
