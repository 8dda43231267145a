import { createSecureContext, type ConnectionOptions } from 'node:tls';
import type { BrokerAddress, Runtime, SaslOptions, Transport } from './types';

/** Options of a client. One `Kafka` per cluster and set of credentials. */
export interface KafkaOptions {
  /** Where to start: `host:port`, comma-separated or a list; the port defaults to 9092 (`bootstrap.servers`). All are tried at once. */
  readonly brokers: string | readonly string[];
  /** Named in the broker's logs and quotas (`client.id`). [kafka-rx] */
  readonly clientId?: string;
  /** `true` for the system's certificate authorities, or Node's TLS options. [false] */
  readonly tls?: boolean | ConnectionOptions;
  /** How to authenticate, on each connection and again before its session ends (`sasl.mechanism`). [not at all] */
  readonly sasl?: SaslOptions;
  /** TCP, TLS, ApiVersions and SASL together (`socket.connection.setup.timeout.ms`). [10 000] */
  readonly connectTimeoutMs?: number;
  /** One request, sent to answered (`request.timeout.ms`). A call with its retries gets twice as long. [30 000] */
  readonly requestTimeoutMs?: number;
  /** An unused connection is closed after this (`connections.max.idle.ms`). [540 000] */
  readonly connectionIdleMs?: number;
  /** Pause before the second attempt to connect; doubles, ±20 %, up to `reconnectBackoffMaxMs` (`reconnect.backoff.ms`). [50] */
  readonly reconnectBackoffMs?: number;
  /** `reconnect.backoff.max.ms` [1 000] */
  readonly reconnectBackoffMaxMs?: number;
  /** Pause before a request is repeated; doubles, ±20 %, up to `retryBackoffMaxMs` (`retry.backoff.ms`). [100] */
  readonly retryBackoffMs?: number;
  /** `retry.backoff.max.ms` [1 000] */
  readonly retryBackoffMaxMs?: number;
  /** Metadata older than this is refreshed unasked (`metadata.max.age.ms`). [300 000] */
  readonly metadataMaxAgeMs?: number;
  /** A longer response ends the connection instead of the process. [104 857 600] */
  readonly maxResponseBytes?: number;
  /** This client's rack (`client.rack`). */
  readonly rack?: string;
  /** Time, turns of I/O and chance. [the real ones] */
  readonly runtime?: Runtime;
  /** Opens the bytes to a broker. [`tcpTransport`] */
  readonly transport?: Transport;
}

/** `KafkaOptions` with every default filled in and checked. */
export interface ClientOptions {
  readonly bootstrap: readonly BrokerAddress[];
  readonly clientId: string;
  readonly tls: ConnectionOptions | undefined;
  /** A function, so that nothing which prints or copies these options comes upon a password. */
  readonly sasl: (() => SaslOptions) | undefined;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly connectionIdleMs: number;
  readonly reconnectBackoffMs: number;
  readonly reconnectBackoffMaxMs: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  readonly metadataMaxAgeMs: number;
  readonly maxResponseBytes: number;
  readonly rack: string | undefined;
  readonly runtime: Runtime;
  readonly transport: Transport;
}

/** The defaults of a client. */
export const CLIENT_DEFAULTS = Object.freeze({
  clientId: 'kafka-rx',
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  connectionIdleMs: 540_000,
  reconnectBackoffMs: 50,
  reconnectBackoffMaxMs: 1_000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1_000,
  metadataMaxAgeMs: 300_000,
  maxResponseBytes: 104_857_600,
});

const KAFKA_OPTIONS = [...Object.keys(CLIENT_DEFAULTS), 'brokers', 'tls', 'sasl', 'rack', 'runtime', 'transport'];

/** Checks the options of a client and fills in the defaults; throws `TypeError` or `RangeError` that names the option. */
export function resolveClientOptions(
  given: KafkaOptions,
  seams: { readonly runtime: Runtime; readonly transport: Transport },
): ClientOptions {
  checkOptions('Kafka', given, KAFKA_OPTIONS);
  const numbers = [
    'connectTimeoutMs',
    'requestTimeoutMs',
    'connectionIdleMs',
    'reconnectBackoffMs',
    'reconnectBackoffMaxMs',
    'retryBackoffMs',
    'retryBackoffMaxMs',
    'metadataMaxAgeMs',
    'maxResponseBytes',
  ] as const;
  for (const name of numbers) checkNumber('Kafka', name, given[name], { min: 1 });
  // A call gets twice as long.
  checkNumber('Kafka', 'requestTimeoutMs', given.requestTimeoutMs, { min: 1, max: Math.floor(LONGEST_MS / 2) });
  if (given.clientId !== undefined && typeof given.clientId !== 'string')
    throw new TypeError('Kafka: option "clientId" must be a string');
  if (given.transport !== undefined && typeof given.transport !== 'function')
    throw new TypeError('Kafka: option "transport" must be a function (broker, tls) => Observable<ByteStream>');
  return Object.freeze({
    ...CLIENT_DEFAULTS,
    ...defined(given),
    bootstrap: parseBrokers(given.brokers),
    sasl: given.sasl === undefined ? undefined : resolveSasl(given.sasl),
    tls: resolveTls(given.tls),
    rack: given.rack,
    runtime: given.runtime ?? seams.runtime,
    transport: given.transport ?? seams.transport,
  });
}

/** What Node cannot use (a key that is no PEM or of another certificate, a version that is none) would fail again in each attempt to connect. */
function resolveTls(given: KafkaOptions['tls']): ConnectionOptions | undefined {
  if (given === undefined || given === false) return undefined;
  if (given === true) return {};
  const name = 'Kafka: option "tls"';
  if (given === null || typeof given !== 'object') throw new TypeError(`${name} must be true, false or TLS options`);
  if (given.servername !== undefined && typeof given.servername !== 'string')
    throw new TypeError(`${name}: "servername" must be a string`);
  if (given.secureContext !== undefined) return given;
  try {
    createSecureContext(given);
  } catch (error) {
    // Node repeats a value of the wrong type, which may be a passphrase.
    const why = String((error as Partial<Error>).message ?? error).replace(/\.? Received [^]*$/, '');
    throw new TypeError(`${name} cannot be used: ${why}`);
  }
  return given;
}

const PASSWORDS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const MECHANISMS = [...PASSWORDS, 'oauthbearer'] as const;

/** Checks the credentials and keeps a copy of them out of sight. What is thrown names options and never repeats a value. */
function resolveSasl(given: SaslOptions): () => SaslOptions {
  const name = 'Kafka: option "sasl"';
  if (given === null || typeof given !== 'object') throw new TypeError(`${name} must be an object`);
  const mechanism: unknown = given.mechanism;
  if (!(MECHANISMS as readonly unknown[]).includes(mechanism)) {
    const lower = typeof mechanism === 'string' ? mechanism.toLowerCase() : '';
    const meant = MECHANISMS.find(one => one === lower);
    throw new TypeError(
      `${name}: "mechanism" must be ${MECHANISMS.map(one => `'${one}'`).join(' or ')}${meant === undefined ? '' : `, in lower case: '${meant}'`}`,
    );
  }
  const known = mechanism === 'oauthbearer' ? ['mechanism', 'token'] : ['mechanism', 'username', 'password'];
  checkOptions(`${name} of '${given.mechanism}'`, given, known);
  if (given.mechanism === 'oauthbearer') {
    const { token } = given;
    if (typeof token !== 'function')
      throw new TypeError(`${name}: "token" must be a function that gives { value } as an Observable or a promise`);
    return () => ({ mechanism: 'oauthbearer', token });
  }
  const { username, password } = given;
  for (const [field, text] of Object.entries({ username, password })) {
    if (typeof text !== 'string' || text === '')
      throw new TypeError(`${name}: "${field}" must be a string that is not empty`);
    // They separate what PLAIN sends, and half of a surrogate pair has no UTF-8: another text would be sent than was given.
    if (text.includes('\0') || /\p{Surrogate}/u.test(text))
      throw new TypeError(`${name}: "${field}" must not contain NUL or half a character`);
  }
  return () => ({ mechanism: given.mechanism, username, password });
}

/** Options whose value is `undefined` count as not given. */
export function defined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}

/** `host:port` pairs of a bootstrap list; IPv6 in brackets; throws `TypeError` on what is none. */
export function parseBrokers(brokers: string | readonly string[]): readonly BrokerAddress[] {
  const list = (typeof brokers === 'string' ? brokers.split(',') : Array.isArray(brokers) ? brokers : [])
    .map(text => String(text).trim())
    .filter(text => text !== '');
  if (list.length === 0) throw new TypeError('Kafka: option "brokers" must name at least one broker as "host:port"');
  return list.map(text => {
    const match = /^(?:\w+:\/\/)?(?:\[([^\]]+)\]|([^:/\s]+))(?::(\d{1,5}))?$/.exec(text);
    const port = Number(match?.[3] ?? 9092);
    if (match === null || port < 1 || port > 65_535)
      throw new TypeError(`Kafka: option "brokers": "${text}" is not "host:port" with a port from 1 to 65535`);
    return { host: (match[1] ?? match[2])!, port };
  });
}

/** What the options of other clients are called here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  ssl: 'tls',
  bootstrapservers: 'brokers',
  bootstrapbrokers: 'brokers',
  metadatabrokerlist: 'brokers',
  connectiontimeout: 'connectTimeoutMs',
  requesttimeout: 'requestTimeoutMs',
  connectionsmaxidlems: 'connectionIdleMs',
  metadatamaxage: 'metadataMaxAgeMs',
  retry: 'retryBackoffMs and retryBackoffMaxMs; retriable faults are retried until their deadline',
  loglevel: 'none; subscribe to kafka.events',
  logcreator: 'none; subscribe to kafka.events',
  clientrack: 'rack',
  rackid: 'rack',
  frombeginning: "offsetReset: 'earliest'",
  autooffsetreset: 'offsetReset',
  isolationlevel: 'isolation',
  readuncommitted: "isolation: 'read_uncommitted'",
  groupinstanceid: 'groupInstanceId',
  autocommit: "commit ('manual' turns it off)",
  enableautocommit: "commit ('manual' turns it off)",
  autocommitinterval: 'commit: { everyMs }',
  autocommitintervalms: 'commit: { everyMs }',
  autocommitthreshold: 'commit: { everyRecords }',
  maxbytes: 'fetch: { maxBytes }',
  fetchmaxbytes: 'fetch: { maxBytes }',
  maxbytesperpartition: 'fetch: { partitionBytes }',
  maxpartitionfetchbytes: 'fetch: { partitionBytes }',
  minbytes: 'fetch: { minBytes }',
  fetchminbytes: 'fetch: { minBytes }',
  maxwaittimeinms: 'fetch: { maxWaitMs }',
  fetchmaxwaitms: 'fetch: { maxWaitMs }',
  maxpollrecords: 'window: { records }',
  maxpollintervalms: 'stall: { errorMs }',
  partitionsconsumedconcurrently: 'none; use handle(project, { concurrency })',
  keydeserializer: 'key',
  valuedeserializer: 'value',
  keyserializer: 'key',
  valueserializer: 'value',
  deserializers: 'key and value',
  serializers: 'key and value',
  sessiontimeout: 'sessionTimeoutMs',
  heartbeatinterval: 'heartbeatIntervalMs',
  rebalancetimeout: 'rebalanceTimeoutMs',
  partitionassigners: 'assignors',
  enableidempotence: 'idempotent',
  linger: 'lingerMs',
  batchsize: 'batchBytes',
  buffermemory: 'bufferBytes',
  maxrequestsize: 'maxRequestBytes',
  deliverytimeout: 'deliveryTimeoutMs',
  compressiontype: 'compression',
  createpartitioner: 'partitioner',
  requiredacks: 'acks',
  maxinflightrequests: 'none; up to five requests per broker are in flight, in order',
};

/** Throws a `TypeError` for an option that nobody reads, with what was probably meant. */
export function checkOptions(what: string, given: object, known: readonly string[]): void {
  if (given === null || typeof given !== 'object') throw new TypeError(`${what}: options must be an object`);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const elsewhere = ELSEWHERE[name.replace(/[^a-z0-9]/gi, '').toLowerCase()];
    const close = elsewhere ?? nearest(name, known);
    throw new TypeError(
      `${what}: unknown option "${name}"${close === undefined ? `; known are ${[...known].sort().join(', ')}` : elsewhere === undefined ? `; did you mean "${close}"?` : `; here it is ${close}`}`,
    );
  }
}

/** No timer can be set for longer: what is beyond would end at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Throws a `TypeError` or `RangeError` for a number out of its range; `undefined` is fine. A duration (`…Ms`) is at most what a timer takes. */
export function checkNumber(
  what: string,
  name: string,
  value: unknown,
  range: { readonly min: number; readonly max?: number },
): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(`${what}: option "${name}" must be a number`);
  const max = range.max ?? (name.endsWith('Ms') ? LONGEST_MS : Infinity);
  if (value < range.min || value > max)
    throw new RangeError(
      `${what}: option "${name}" must be ${max === Infinity ? `at least ${range.min}` : `from ${range.min} to ${max}`}, not ${value}`,
    );
}

/** Checks the options that every `close` takes. */
export function checkClose(options: { readonly drainMs?: number }): void {
  checkOptions('close', options, ['drainMs']);
  checkNumber('close', 'drainMs', options.drainMs, { min: 0 });
}

/** Throws a `TypeError` for a value that is none of the allowed ones; `undefined` is fine. */
export function checkOneOf(what: string, name: string, value: unknown, allowed: readonly unknown[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new TypeError(
    `${what}: option "${name}" must be ${allowed.map(one => (typeof one === 'string' ? `'${one}'` : String(one))).join(' or ')}`,
  );
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map(candidate => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0] !== undefined && ranked[0].distance <= Math.max(2, Math.floor(name.length / 3))
    ? ranked[0].candidate
    : undefined;
}

/** Levenshtein: insertions, deletions and replacements that make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
