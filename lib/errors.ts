import type { BrokerAddress, DisconnectReason, RecordMetadata, TopicPartition } from './types';

/** Every error of this library. `retriable` says whether the same call may succeed later without a change. */
export abstract class KafkaError extends Error {
  abstract override readonly name: string;
  readonly retriable: boolean;
  constructor(message: string, options: { readonly retriable?: boolean; readonly cause?: unknown } = {}) {
    super(message, 'cause' in options && options.cause !== undefined ? { cause: options.cause } : undefined);
    this.retriable = options.retriable ?? false;
  }
}

/** A broker answered with an error code; `error` is Kafka's name for it. `retriable` comes from Kafka's own table. */
export class BrokerError extends KafkaError {
  override readonly name = 'BrokerError';
  /** The code on the wire. */
  readonly code: number;
  /** Kafka's name for the code, such as `NOT_LEADER_OR_FOLLOWER`; `UNKNOWN_<code>` for one that this version does not know. */
  readonly error: string;
  /** The request that was refused, such as `Produce`. */
  readonly api: string;
  readonly topic?: string;
  readonly partition?: number;
  constructor(
    fields: {
      code: number;
      error: string;
      api: string;
      retriable: boolean;
      message?: string | null;
      hint?: string;
    } & Partial<TopicPartition>,
  ) {
    const where =
      fields.topic === undefined
        ? ''
        : ` for ${fields.topic}${fields.partition === undefined ? '' : `-${fields.partition}`}`;
    super(
      `${fields.api}${where} failed: ${fields.error} (${fields.code})${fields.message ? `: ${fields.message}` : ''}${fields.hint ? `. ${fields.hint}` : ''}`,
      { retriable: fields.retriable },
    );
    this.code = fields.code;
    this.error = fields.error;
    this.api = fields.api;
    if (fields.topic !== undefined) this.topic = fields.topic;
    if (fields.partition !== undefined) this.partition = fields.partition;
  }
}

/** `host:port`, with the node id where it is known: how errors and events name a broker. */
export function describeBroker(broker: BrokerAddress): string {
  return `${broker.host}:${broker.port}${broker.nodeId === undefined ? '' : ` (node ${broker.nodeId})`}`;
}

/** A connection could not be made or was lost. Retriable, unless the peer does not speak Kafka or refused us. */
export class ConnectionError extends KafkaError {
  override readonly name = 'ConnectionError';
  /** What ended the connection. */
  readonly reason: DisconnectReason;
  readonly broker: BrokerAddress;
  /** The request had been handed to the socket, so the broker may have executed it. */
  readonly sent: boolean;
  constructor(
    broker: BrokerAddress,
    reason: DisconnectReason,
    message: string,
    options: { readonly sent?: boolean; readonly cause?: unknown; readonly retriable?: boolean } = {},
  ) {
    super(`${describeBroker(broker)}: ${message}`, { retriable: options.retriable ?? true, cause: options.cause });
    this.broker = broker;
    this.reason = reason;
    this.sent = options.sent ?? false;
  }
}

/** Credentials or certificates were refused. Fatal: asking again would not help. */
export class AuthenticationError extends KafkaError {
  override readonly name = 'AuthenticationError';
}

/** No answer within the request's deadline. Retriable; the broker may have executed the request. */
export class RequestTimeoutError extends KafkaError {
  override readonly name = 'RequestTimeoutError';
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, { ...options, retriable: true });
  }
}

/**
 * The broker and this client share no version of an API, or the version lacks a field that was asked for; or this Node, or
 * installation, lacks what a codec takes. The message says what it would take. Fatal.
 */
export class UnsupportedVersionError extends KafkaError {
  override readonly name = 'UnsupportedVersionError';
}

/** Bytes that do not mean what they should: a response, a batch or a record. Fatal for what it names. */
export class DecodeError extends KafkaError {
  override readonly name = 'DecodeError';
  /** Where in the frame, batch or record, in bytes. */
  readonly position: number;
  readonly api?: string;
  readonly version?: number;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: bigint;
  constructor(
    message: string,
    at: {
      readonly position: number;
      readonly api?: string;
      readonly version?: number;
      readonly topic?: string;
      readonly partition?: number;
      readonly offset?: bigint;
      readonly cause?: unknown;
    },
  ) {
    const { cause, ...where } = at;
    super(message, { cause });
    this.position = where.position;
    Object.assign(this, where);
  }
}

/** The client, producer or consumer was closed. */
export class ClosedError extends KafkaError {
  override readonly name = 'ClosedError';
}

/** A second view of a consumer while the first is subscribed. Use `fanOut` for several branches over one stream. */
export class ConsumerBusyError extends KafkaError {
  override readonly name = 'ConsumerBusyError';
}

/** Records were delivered and not one was settled for `stall.errorMs`. */
export class StalledError extends KafkaError {
  override readonly name = 'StalledError';
}

/** Some records of a `send` failed; `results` holds the metadata or the error of each, in input order. */
export class SendError extends KafkaError {
  override readonly name = 'SendError';
  /** What became of each record: where it was stored, or why not. */
  readonly results: readonly (RecordMetadata | KafkaError)[];
  constructor(
    message: string,
    results: readonly (RecordMetadata | KafkaError)[],
    options: { readonly cause?: unknown; readonly retriable?: boolean } = {},
  ) {
    super(message, options);
    this.results = results;
  }
}

/** The producer's `bufferBytes` are in use. Retriable once `pressure` says so; `sendAll` waits by itself. */
export class BufferFullError extends KafkaError {
  override readonly name = 'BufferFullError';
  constructor(message: string) {
    super(message, { retriable: true });
  }
}

/** A record was not stored within `deliveryTimeoutMs`; it may have been written. */
export class DeliveryTimeoutError extends KafkaError {
  override readonly name = 'DeliveryTimeoutError';
}

/** Another producer or member took over this transactional id or instance id: fatal. */
export class FencedError extends KafkaError {
  override readonly name = 'FencedError';
}

/** A call that this state does not allow; the message says what to do. */
export class InvalidStateError extends KafkaError {
  override readonly name = 'InvalidStateError';
}
