import { AuthenticationError, ConnectionError, KafkaError, describeBroker } from '../errors';
import type { BrokerAddress, DisconnectReason } from '../types';

/** Why a connection ended, and the error that says so; `undefined` when it ended in good order. */
export interface Fault {
  readonly reason: DisconnectReason;
  readonly error: KafkaError | undefined;
}

const CERTIFICATE =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|ERR_TLS_CERT|ERR_SSL_.*(CERTIFICATE|UNKNOWN_CA))/;
const NOT_TLS = /^(ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)|EPROTO)/;
/** Both speak TLS, but find no version or cipher in common; or, before TLS 1.3, our certificate is missing. */
const NO_HANDSHAKE = /^ERR_SSL_(.*ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|.*ALERT_HANDSHAKE_FAILURE|NO_.*CIPHER.*)/;

const ADVICE: Readonly<Record<string, string>> = Object.freeze({
  ECONNREFUSED: 'nothing listens there. Is the broker running, and is this its advertised address?',
  ENOTFOUND: "the host name is not known. Check `brokers` and the broker's `advertised.listeners`",
  EAI_AGAIN: 'the name server did not answer',
  ETIMEDOUT: 'the host did not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  EADDRNOTAVAIL: 'this host has no address or port left to connect from',
  EMFILE: 'this process has no file handle left',
  ECONNRESET: 'the peer reset the connection',
  EPIPE: 'the peer closed the connection',
});

const CERTIFICATE_ADVICE: Readonly<Record<string, string>> = Object.freeze({
  CERT_HAS_EXPIRED: '. Renew it, or check the clock of this host',
  CERT_NOT_YET_VALID: '. Check the clock of this host',
  ERR_TLS_CERT_ALTNAME_INVALID:
    ". The name in `brokers` or the broker's `advertised.listeners` must be in its certificate; `tls.servername` names another",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: '. Give its certificate authority as `tls.ca`',
  UNABLE_TO_GET_ISSUER_CERT: '. Give its certificate authority as `tls.ca`',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: '. Give its certificate authority as `tls.ca`',
  SELF_SIGNED_CERT_IN_CHAIN: '. Give its certificate authority as `tls.ca`',
  DEPTH_ZERO_SELF_SIGNED_CERT: '. Give it as `tls.ca` if it is to be trusted',
});

/** What a socket's error means. A refused certificate is fatal; the rest may heal. */
export function socketFault(
  broker: BrokerAddress,
  cause: unknown,
  context: { readonly tls: boolean; readonly spoken: boolean },
): Fault {
  if (cause instanceof ConnectionError) return { reason: cause.reason, error: cause };
  const code = codeOf(cause);
  const text = textOf(cause);
  if (context.tls && CERTIFICATE.test(code)) {
    // An alert comes from the peer: it is our certificate that was refused, or missed.
    const what = code.includes('ALERT')
      ? `the broker refused our certificate, or wants one (${text}). Check \`tls.cert\` and \`tls.key\``
      : `the broker's certificate was refused: ${text}${CERTIFICATE_ADVICE[code] ?? ''}`;
    return refusal(broker, what, cause);
  }
  if (context.tls && NO_HANDSHAKE.test(code)) {
    const what = /PROTOCOL/.test(code)
      ? 'the broker speaks no version of TLS that this client takes (`tls.minVersion`, TLSv1.2 unless given)'
      : 'the broker refused the TLS handshake. Check `tls.ciphers`; if it wants a certificate of ours, `tls.cert` and `tls.key`';
    return refusal(broker, `${what} (${text})`, cause);
  }
  if (context.tls && NOT_TLS.test(code)) {
    const message = `this port does not speak TLS (${text}). Leave out \`tls\`, or use the port of the TLS listener`;
    return { reason: 'protocol', error: new ConnectionError(broker, 'protocol', message, { cause, retriable: false }) };
  }
  const hint = context.spoken ? '' : setUpHint(context.tls);
  const message = `${ADVICE[code] ?? 'the connection broke'} (${text})${code === 'ECONNRESET' || code === 'EPIPE' ? hint : ''}`;
  return { reason: 'broken', error: new ConnectionError(broker, 'broken', message, { cause }) };
}

function refusal(broker: BrokerAddress, what: string, cause: unknown): Fault {
  return {
    reason: 'authentication',
    error: new AuthenticationError(`${describeBroker(broker)}: ${what}`, { cause }),
  };
}

/** The peer ended the stream. With set-up done and nothing in flight that is how a broker drops idle connections: no error. */
export function endFault(
  broker: BrokerAddress,
  context: { readonly tls: boolean; readonly spoken: boolean; readonly connected: boolean; readonly pending: number },
): Fault {
  if (context.connected && context.pending === 0) return { reason: 'idle', error: undefined };
  const message = context.connected
    ? `the broker closed the connection with ${context.pending} ${context.pending === 1 ? 'request' : 'requests'} in flight`
    : context.spoken
      ? 'the broker closed the connection during authentication'
      : `the peer closed the connection before it answered${setUpHint(context.tls)}`;
  return { reason: 'broken', error: new ConnectionError(broker, 'broken', message) };
}

/** Bytes that cannot be a Kafka frame; `head` holds the first of them. Not retriable when they tell that the peer speaks something else. */
export function frameFault(
  broker: BrokerAddress,
  why: string,
  head: Buffer | undefined,
  context: { readonly spoken: boolean },
): Fault {
  const hint = context.spoken || head === undefined ? undefined : whoIsIt(head);
  const message = hint ?? `the stream is out of step: ${why}`;
  return {
    reason: 'protocol',
    error: new ConnectionError(broker, 'protocol', message, { retriable: hint === undefined }),
  };
}

/** What it means that set-up, or a later authentication, errored. */
export function setUpFault(broker: BrokerAddress, error: unknown): Fault {
  if (error instanceof ConnectionError) return { reason: error.reason, error };
  if (error instanceof AuthenticationError) return { reason: 'authentication', error };
  if (error instanceof KafkaError) return { reason: 'protocol', error };
  const text = error instanceof Error ? error.message : String(error);
  return {
    reason: 'protocol',
    error: new ConnectionError(broker, 'protocol', `set-up failed: ${text}`, { cause: error }),
  };
}

function whoIsIt(head: Buffer): string {
  const text = head.toString('latin1');
  if (text.startsWith('HTTP')) return 'an HTTP server answered. This port is not a Kafka listener';
  if (text.startsWith('SSH-')) return 'an SSH server answered. This port is not a Kafka listener';
  // A TLS record: alert (21) or handshake (22), then the version 3.x.
  if ((head[0] === 0x15 || head[0] === 0x16) && head[1] === 3)
    return 'the peer answered with TLS. Set `tls`, or use the port of the plaintext listener';
  return `the answer is not Kafka's protocol (it begins with ${head.subarray(0, 4).toString('hex')}). Is this port a Kafka listener?`;
}

function setUpHint(tls: boolean): string {
  return tls ? '. Is this the port of a TLS listener?' : '. If the listener uses TLS, set `tls`';
}

/** OpenSSL hides its reason between addresses and file names. */
function textOf(error: unknown): string {
  const { message, name } = (error ?? {}) as { readonly message?: unknown; readonly name?: unknown };
  const text = String(message || name || error);
  return /:SSL routines:[^:]*:([^:]+):/.exec(text)?.[1] ?? text.replace(/[:\s]+$/, '');
}

function codeOf(error: unknown): string {
  const { code, errors } = (error ?? {}) as { readonly code?: unknown; readonly errors?: readonly unknown[] };
  if (typeof code === 'string') return code;
  // Several addresses of one name were tried (AggregateError).
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors[0]) : '';
}
