import type { Reader } from '../bytes/reader';
import { utf8Length } from '../bytes/utf8';
import { Writer } from '../bytes/writer';
import type { Api } from './api';
import { apiByKey } from './apis';

/** What precedes every request. */
export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

/**
 * A whole request frame, its length in front, as chunks for one gathered write: records are in it by reference.
 * Throws what `encodeRequest` throws; nothing has been sent then.
 */
export function encodeRequestFrame<Q>(
  api: Api<any, Q, any, any>,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: Q,
): Uint8Array[] {
  const writer = new Writer();
  const frameLength = writer.reserveInt32();
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(correlationId);
  // The client id keeps its old form in header v2: a broker must be able to read it before it knows the version.
  if (clientId === null) writer.int16(-1);
  else {
    const length = utf8Length(clientId);
    writer.int16(length);
    writer.utf8(clientId, length);
  }
  if (api.requestHeaderVersion(version) === 2) writer.unsignedVarint(0);
  api.encodeRequest(version, body, writer);
  writer.patchInt32(frameLength, writer.length - 4);
  return writer.chunks();
}

/** A whole response frame, its length in front: the broker's side. */
export function encodeResponseFrame<R>(
  api: Api<any, any, any, R>,
  version: number,
  correlationId: number,
  body: R,
): Uint8Array[] {
  const writer = new Writer();
  const frameLength = writer.reserveInt32();
  writer.int32(correlationId);
  if (api.responseHeaderVersion(version) === 1) writer.unsignedVarint(0);
  api.encodeResponse(version, body, writer);
  writer.patchInt32(frameLength, writer.length - 4);
  return writer.chunks();
}

/** Reads a request's header and leaves the reader at its body. An API that we do not know is taken to have header v1. */
export function decodeRequestHeader(reader: Reader): RequestHeader {
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  const length = reader.int16();
  if (length < -1) throw reader.error(`Client id of length ${length}`);
  const clientId = length === -1 ? null : reader.utf8(length);
  if (apiByKey(apiKey)?.requestHeaderVersion(apiVersion) === 2) skipTags(reader);
  return { apiKey, apiVersion, correlationId, clientId };
}

/** Reads a response's header and leaves the reader at its body. */
export function decodeResponseHeader(
  api: Api<any, any, any, any>,
  version: number,
  reader: Reader,
): { readonly correlationId: number } {
  const correlationId = reader.int32();
  if (api.responseHeaderVersion(version) === 1) skipTags(reader);
  return { correlationId };
}

function skipTags(reader: Reader): void {
  for (let count = reader.unsignedVarint(); count > 0; count--) {
    reader.unsignedVarint();
    reader.skip(reader.unsignedVarint());
  }
}
