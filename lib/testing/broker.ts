import { defer, delay, isObservable, map, of, type Observable } from 'rxjs';
import { Reader } from '../bytes/reader';
import { DecodeError } from '../errors';
import type { AnyApi } from '../protocol/api';
import { ApiVersions } from '../protocol/apis/api-versions';
import { decodeRequestHeader, encodeResponseFrame, type RequestHeader } from '../protocol/header';
import type { Answer } from './broker-session';
import type { ClusterState } from './cluster-state';
import type { FaultScript, RequestFaults } from './faults';
import { unknownApiVersions } from './handlers/api-versions';
import type { Endpoint, Reply, RequestContext } from './request-context';
import { ADVERTISED, servedApi } from './served-apis';

/** A request as a broker decoded it. */
export interface JournalEntry {
  /** The runtime's clock, in ms. */
  readonly at: number;
  readonly broker: number;
  readonly api: string;
  readonly version: number;
  readonly clientId: string | null;
  /** The decoded request; `records` are views that the broker has let go of. */
  readonly body: unknown;
}

/** What the brokers of a cluster share. */
export interface BrokerEnvironment {
  readonly cluster: ClusterState;
  readonly faults: FaultScript;
  journal(entry: JournalEntry): void;
}

const NOTHING: readonly Uint8Array[] = [];
/** How a broker reacts to what it does not understand. */
const HANG_UP: Answer = { chunks: NOTHING, then: 'end' };
const SILENCE: Answer = { chunks: NOTHING, then: 'silence' };

/**
 * Answers one request frame as broker `broker` would: decodes it, writes it into the journal, lets the faults that match have
 * their way, and asks the API's handler. Emits once; hangs up on APIs, versions and bytes that it does not know.
 */
export function answerRequest(
  environment: BrokerEnvironment,
  broker: number,
  frame: Buffer,
  connection: { endpointOf(broker: number): Endpoint; readonly gone: Observable<unknown> },
): Observable<Answer> {
  const { cluster, faults } = environment;
  return defer(() => {
    const request = decode(frame);
    if (request === undefined) return of(HANG_UP);
    const { header, api, body } = request;
    if (api === undefined) return of(unknownVersion(header));
    const { apiVersion: version, clientId } = header;
    environment.journal({ at: cluster.runtime.scheduler.now(), broker, api: api.name, version, clientId, body });
    const hit = faults.meet(broker, api.name, body, id => cluster.topicById(id)?.name);
    if (hit.drop === 'request') return of(SILENCE);
    const context: RequestContext = { cluster, broker, version, clientId, ...connection, errorFor: hit.errorFor };
    const reply = servedApi(header.apiKey)!.handle(body, context);
    const replies: Observable<Reply<unknown>> = isObservable(reply) ? reply : of(reply);
    const answers = replies.pipe(map(value => damage(encode(api, header, value), hit)));
    return hit.delayMs > 0 ? answers.pipe(delay(hit.delayMs, cluster.runtime.scheduler)) : answers;
  });
}

interface DecodedRequest {
  readonly header: RequestHeader;
  /** `undefined` = an API or version that is not served. */
  readonly api: AnyApi | undefined;
  readonly body: unknown;
}

/** `undefined` when the bytes are no request. */
function decode(frame: Buffer): DecodedRequest | undefined {
  try {
    const reader = new Reader(frame);
    const header = decodeRequestHeader(reader);
    const api = servedApi(header.apiKey)?.apiOf(header.apiVersion);
    return { header, api, body: api?.decodeRequest(header.apiVersion, reader) };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** ApiVersions is how clients learn the versions, so it alone may be asked in an unknown one: the answer is in version 0. */
function unknownVersion(header: RequestHeader): Answer {
  if (header.apiKey !== ApiVersions.key) return HANG_UP;
  return { chunks: encodeResponseFrame(ApiVersions, 0, header.correlationId, unknownApiVersions(ADVERTISED)) };
}

function encode(api: AnyApi, header: RequestHeader, reply: Reply<unknown>): Answer {
  if (reply === 'close') return HANG_UP;
  if (reply === 'no-reply') return { chunks: NOTHING };
  return { chunks: encodeResponseFrame(api, header.apiVersion, header.correlationId, reply) };
}

function damage(answer: Answer, hit: RequestFaults): Answer {
  if (hit.drop === 'response') return SILENCE;
  if (hit.cutAfterBytes === undefined) return answer;
  return { chunks: firstBytes(answer.chunks, hit.cutAfterBytes), then: 'reset' };
}

function firstBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const whole = Buffer.concat(chunks);
  return count <= 0 ? [] : [whole.subarray(0, count)];
}
