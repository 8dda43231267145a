import type { Subscriber } from 'rxjs';
import { Reader } from '../bytes/reader';
import { DecodeError } from '../errors';
import type { AnyApi } from '../protocol/api';
import { decodeResponseHeader } from '../protocol/header';
import type { Deadline } from './deadlines';

/** What a request needs of its connection. */
export interface RequestHost {
  /** Nobody waits for the request any more. */
  abandoned(request: PendingRequest): void;
  /** Its time is up. */
  expired(request: PendingRequest): void;
}

/** One request from its encoding until its subscriber was told: a place in the pipeline, and a deadline. */
export class PendingRequest implements Deadline {
  at = 0;
  slot = -1;
  /** It was handed to the socket, so the broker may execute it. */
  sent = false;
  sentAt = 0;
  /** Bytes that the connection had received when it was sent, or when its deadline was last put off. */
  heard = 0;
  /** Somebody still waits for the reply. */
  live = true;
  /** The bytes to write; dropped once they were. */
  chunks: readonly Uint8Array[];
  readonly api: AnyApi;
  readonly version: number;
  readonly correlationId: number;
  readonly timeoutMs: number;
  /** For how long the broker may hold its reply. */
  readonly holdMs: number;
  /** Produce with acks=0 has no reply, so it takes no place in the pipeline. */
  readonly expectReply: boolean;
  readonly #host: RequestHost;
  readonly #subscriber: Subscriber<unknown>;

  constructor(
    host: RequestHost,
    subscriber: Subscriber<unknown>,
    request: {
      readonly api: AnyApi;
      readonly version: number;
      readonly correlationId: number;
      readonly chunks: readonly Uint8Array[];
    },
    terms: { readonly timeoutMs: number; readonly holdMs: number; readonly expectReply: boolean },
  ) {
    this.#host = host;
    this.#subscriber = subscriber;
    this.api = request.api;
    this.version = request.version;
    this.correlationId = request.correlationId;
    this.chunks = request.chunks;
    this.timeoutMs = terms.timeoutMs;
    this.holdMs = terms.holdMs;
    this.expectReply = terms.expectReply;
    subscriber.add(() => this.#abandon());
  }

  due(): void {
    if (this.live) this.#host.expired(this);
  }

  /** The value of a reply. Throws DecodeError: this reply is then lost, but not the step of the stream. */
  decode(frame: Buffer): unknown {
    const reader = new Reader(frame);
    try {
      decodeResponseHeader(this.api, this.version, reader);
      return this.api.decodeResponse(this.version, reader);
    } catch (error) {
      if (error instanceof DecodeError && error.api !== undefined) throw error;
      const { api, version } = this;
      const position = error instanceof DecodeError ? error.position : reader.position;
      const text = error instanceof Error ? error.message : String(error);
      throw new DecodeError(`${api.name} v${version}: ${text}`, { position, api: api.name, version, cause: error });
    }
  }

  succeed(value: unknown): void {
    this.live = false;
    this.#subscriber.next(value);
    this.#subscriber.complete();
  }

  fail(error: unknown): void {
    this.live = false;
    this.#subscriber.error(error);
  }

  #abandon(): void {
    if (!this.live) return;
    this.live = false;
    this.#host.abandoned(this);
  }
}
