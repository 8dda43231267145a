import { catchError, concatMap, defer, map, of, throwError, type Observable } from 'rxjs';
import { AuthenticationError, ConnectionError, DecodeError, KafkaError, describeBroker } from '../../errors';
import { SaslAuthenticate } from '../../protocol/apis/sasl-authenticate';
import { SaslHandshake } from '../../protocol/apis/sasl-handshake';
import { errorOf } from '../../protocol/error-table';
import type { BrokerAddress } from '../../types';
import type { Connection } from '../connection';
import type { RequestOptions } from '../pipeline';
import type { Conversation, Mechanism } from './mechanism';
import { RefusedError } from './refused-error';

/** What the broker granted. */
export interface Grant {
  /** For how long; 0 = for ever (KIP-368). */
  readonly lifetimeMs: number;
  /** When the last message of ours left: the broker's own clock began later. */
  readonly since: number;
}

const UNSUPPORTED_SASL_MECHANISM = 33;
const ILLEGAL_SASL_STATE = 34;

/** A broker may ask somebody else about us before it answers. */
const HOLD_MS = 10_000;
/** Ahead of whatever is held back, and within the deadline of the set-up, or of the session, not one of their own. */
const OPTIONS: RequestOptions = Object.freeze({ ahead: true, timeoutMs: Infinity, holdMs: HOLD_MS });

/**
 * Opens a conversation, which for a bearer token takes the user's function. Errors with an `AuthenticationError` when
 * nothing can be said, with a retriable `ConnectionError` when that function failed.
 */
export function beginConversation(broker: BrokerAddress, mechanism: Mechanism): Observable<Conversation> {
  return defer(() => mechanism.begin()).pipe(
    catchError((cause: unknown) =>
      throwError(() =>
        cause instanceof RefusedError
          ? failed(broker, mechanism, cause.message)
          : new ConnectionError(broker, 'authentication', 'the function `sasl.token` gave no token', { cause }),
      ),
    ),
  );
}

/**
 * Says it over a connection: SaslHandshake, then one SaslAuthenticate per message. Emits what the broker granted. Errors
 * with `AuthenticationError` when the broker refuses us, or we it; with what the connection errors with otherwise.
 */
export function authenticate(
  connection: Connection,
  mechanism: Mechanism,
  conversation: Conversation,
  now: () => number,
): Observable<Grant> {
  const { broker } = connection;
  const say = (message: Uint8Array): Observable<Grant> =>
    defer(() => {
      const since = now();
      return connection.request(SaslAuthenticate, { authBytes: Buffer.from(message) }, OPTIONS).pipe(
        concatMap(({ errorCode, errorMessage, authBytes, sessionLifetimeMs }) => {
          if (errorCode !== 0) throw failed(broker, mechanism, refusal(errorCode, errorMessage, conversation.secrets));
          return conversation
            .answer(authBytes)
            .pipe(concatMap(next => (next === undefined ? of({ lifetimeMs: sessionLifetimeMs, since }) : say(next))));
        }),
      );
    });
  return connection.request(SaslHandshake, { mechanism: mechanism.name }, OPTIONS).pipe(
    map(({ errorCode, mechanisms }) => {
      if (errorCode !== 0) throw failed(broker, mechanism, notPossible(errorCode, mechanisms));
    }),
    concatMap(() => say(conversation.first)),
    catchError((error: unknown) => throwError(() => publicError(broker, mechanism, error))),
  );
}

function publicError(broker: BrokerAddress, mechanism: Mechanism, error: unknown): unknown {
  if (error instanceof RefusedError) return failed(broker, mechanism, error.message);
  if (error instanceof DecodeError)
    return new ConnectionError(broker, 'protocol', `an answer of SASL cannot be read (${error.message})`);
  if (error instanceof KafkaError) return error;
  // From the crypto library, about the algorithm: a Node in FIPS mode, say.
  return failed(broker, mechanism, error instanceof Error ? error.message : 'it could not be computed');
}

function failed(broker: BrokerAddress, mechanism: Mechanism, why: string): AuthenticationError {
  return new AuthenticationError(`${describeBroker(broker)}: ${mechanism.name} authentication failed: ${why}`);
}

function notPossible(code: number, mechanisms: readonly string[]): string {
  if (code === ILLEGAL_SASL_STATE)
    return 'this listener does not use SASL. Leave out `sasl`, or use the port of a SASL listener';
  const offered = mechanisms.filter(name => /^[A-Z0-9_-]{1,20}$/.test(name)).join(', ') || 'none';
  return code === UNSUPPORTED_SASL_MECHANISM
    ? `the broker does not have this mechanism enabled; it offers ${offered}. Check \`sasl.mechanism\``
    : `SaslHandshake was answered with ${errorOf(code).name}`;
}

/** Longer is no explanation. */
const LONGEST_REFUSAL = 300;

function refusal(code: number, message: string | null, secrets: readonly string[]): string {
  const { name } = errorOf(code);
  if (!message) return name;
  let said = message;
  // A broker has no business to repeat them, but it may.
  for (const secret of secrets) if (secret.length >= 4) said = said.replaceAll(secret, '***');
  // eslint-disable-next-line no-control-regex -- they would forge lines of a log
  return `${said.slice(0, LONGEST_REFUSAL).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')} (${name})`;
}
