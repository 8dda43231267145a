import { randomBytes, timingSafeEqual } from 'node:crypto';
import { defer, map, of, type Observable } from 'rxjs';
import type { Conversation, Mechanism } from './mechanism';
import { RefusedError } from './refused-error';
import { hmac, scramKeys, type ScramHash, type ScramKeys } from './scram-keys';
import { clientFirstBare, readServerFinal, readServerFirst } from './scram-message';

const NAMES = { sha256: 'SCRAM-SHA-256', sha512: 'SCRAM-SHA-512' } as const;
/** No channel binding, no user to act as. */
const GS2_HEADER = 'n,,';
const NONCE_BYTES = 24;

/**
 * Proves that we know the password without saying it, and has the server prove the same (RFC 5802, RFC 7677).
 *
 * Passwords are hashed as the UTF-8 bytes they are, without the normalisation that RFC 4013 asks for (SASLprep): Kafka
 * stores credentials that way (`ScramFormatter.normalize` does nothing else), in its tools and for every Admin client, so
 * a password that SASLprep would change could never be the right one. `nonce` is random but in tests.
 */
export function scram(
  hash: ScramHash,
  username: string,
  password: string,
  nonce: () => string = () => randomBytes(NONCE_BYTES).toString('base64url'),
): Mechanism {
  const keysOf = scramKeys(hash, password);
  return {
    name: NAMES[hash],
    begin: () => defer(() => of({ ...conversation(hash, username, nonce(), keysOf), secrets: [password] })),
  };
}

function conversation(
  hash: ScramHash,
  username: string,
  clientNonce: string,
  keysOf: (salt: Buffer, iterations: number) => Observable<ScramKeys>,
): Omit<Conversation, 'secrets'> {
  const bare = clientFirstBare(username, clientNonce);
  let expected: Buffer | undefined;
  return {
    first: Buffer.from(GS2_HEADER + bare, 'utf8'),
    answer: challenge =>
      defer(() => {
        if (expected !== undefined) {
          checkServer(challenge, expected);
          return of(undefined);
        }
        const { nonce, salt, iterations } = readServerFirst(challenge, clientNonce);
        return keysOf(salt, iterations).pipe(
          map(({ clientKey, storedKey, serverKey }) => {
            const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${nonce}`;
            const signed = `${bare},${challenge.toString('utf8')},${withoutProof}`;
            expected = hmac(hash, serverKey, signed);
            const proof = xor(clientKey, hmac(hash, storedKey, signed));
            return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`, 'utf8');
          }),
        );
      }),
  };
}

function checkServer(challenge: Buffer, expected: Buffer): void {
  const signature = readServerFinal(challenge);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
    throw new RefusedError(
      'the broker could not prove that it knows the credential (wrong SCRAM server signature): it is not who it claims to be',
    );
}

function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.alloc(a.length);
  for (let i = 0; i < a.length; i += 1) out[i] = a[i]! ^ b[i]!;
  return out;
}
