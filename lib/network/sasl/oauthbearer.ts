import { defer, from, map, of, take, throwIfEmpty, type Observable, type ObservableInput } from 'rxjs';
import type { Conversation, Mechanism } from './mechanism';
import { RefusedError } from './refused-error';

/** A token as the user's function gives it. */
export interface BearerToken {
  readonly value: string;
  /** Further facts for the broker (KIP-342). */
  readonly extensions?: Readonly<Record<string, string>>;
}

const SEPARATOR = '\x01';

/** Shows a token that somebody else issued (RFC 7628, KIP-255). `token` is called anew for each authentication. */
export function oauthBearer(token: () => ObservableInput<BearerToken>): Mechanism {
  return {
    name: 'OAUTHBEARER',
    begin: () => tokenFrom(token).pipe(map(given => conversation(given))),
  };
}

function tokenFrom(token: () => ObservableInput<BearerToken>): Observable<BearerToken> {
  return defer(() => from(token())).pipe(
    take(1),
    throwIfEmpty(() => new Error('it completed without a token')),
  );
}

function conversation(token: BearerToken): Conversation {
  let complaint: string | undefined;
  return {
    first: clientMessage(token),
    secrets: [token.value],
    answer: challenge =>
      defer(() => {
        if (challenge.length === 0 && complaint === undefined) return of(undefined);
        if (complaint !== undefined) throw new RefusedError(complaint);
        complaint = complaintOf(challenge);
        // Without this byte the broker never says what it has against us, and waits (RFC 7628 §3.2.3).
        return of(Buffer.from(SEPARATOR));
      }),
  };
}

/** `n,,`, then the token and the extensions as pairs, each ended by 0x01, and one more. Throws a `RefusedError` on what cannot be sent. */
export function clientMessage(token: BearerToken): Buffer {
  const { value, extensions } = (token ?? {}) as Partial<BearerToken>;
  if (typeof value !== 'string' || !/^[-._~+/A-Za-z0-9]+=*$/.test(value))
    throw new RefusedError('what `sasl.token` gave has no `value` that is a bearer token (RFC 6750)');
  let pairs = `auth=Bearer ${value}${SEPARATOR}`;
  for (const [name, text] of Object.entries(extensions ?? {})) {
    if (!/^[A-Za-z]+$/.test(name) || name.toLowerCase() === 'auth')
      throw new RefusedError('an extension of the token needs a name of letters only, and not "auth"');
    if (typeof text !== 'string' || !/^[\x20-\x7e\t\r\n]+$/.test(text))
      throw new RefusedError(`the extension "${name}" of the token has a value that is not printable ASCII`);
    pairs += `${name}=${text}${SEPARATOR}`;
  }
  return Buffer.from(`n,,${SEPARATOR}${pairs}${SEPARATOR}`, 'utf8');
}

/** The `status` of the broker's JSON, such as `invalid_token`; free text of a broker does not become ours. */
export function complaintOf(challenge: Buffer): string {
  const none = 'it does not say why';
  if (challenge.length > 8_192) return none;
  try {
    const { status } = JSON.parse(challenge.toString('utf8')) as { readonly status?: unknown };
    return typeof status === 'string' && /^[\w-]{1,40}$/.test(status) ? `it says '${status}'` : none;
  } catch {
    return none;
  }
}
