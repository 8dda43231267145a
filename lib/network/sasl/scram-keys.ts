import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { AsyncSubject, Observable } from 'rxjs';

/** The hash functions that Kafka knows for SCRAM. */
export type ScramHash = 'sha256' | 'sha512';

/** What a password becomes with a salt: enough to prove that one knows it, and to check that the server does. */
export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const DIGEST_BYTES = { sha256: 32, sha512: 64 } as const;
/** All brokers of a cluster hold one salt for a user; a few more while it is changed. A hostile one may send a new one each time. */
const KEPT = 8;

/**
 * Makes the keys of one password, off the event loop. Kept per salt and iteration count, and shared while they are being
 * made: a hundred connections that come back at once after an outage cost one derivation.
 */
export function scramKeys(
  hash: ScramHash,
  password: string,
): (salt: Buffer, iterations: number) => Observable<ScramKeys> {
  const kept = new Map<string, AsyncSubject<ScramKeys>>();
  return (salt, iterations) => {
    const name = `${iterations}:${salt.toString('base64')}`;
    const known = kept.get(name);
    if (known !== undefined) return known;
    const keys = new AsyncSubject<ScramKeys>();
    kept.set(name, keys);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }
    // Goes on when whoever asked has left: the next attempt will ask the same.
    derive(hash, password, salt, iterations).subscribe({
      next: value => keys.next(value),
      error: (error: unknown) => {
        kept.delete(name);
        keys.error(error);
      },
      complete: () => keys.complete(),
    });
    return keys;
  };
}

function derive(hash: ScramHash, password: string, salt: Buffer, iterations: number): Observable<ScramKeys> {
  return new Observable(subscriber => {
    pbkdf2(password, salt, iterations, DIGEST_BYTES[hash], hash, (error, salted) => {
      if (error !== null) {
        subscriber.error(error);
        return;
      }
      const clientKey = hmac(hash, salted, 'Client Key');
      const storedKey = createHash(hash).update(clientKey).digest();
      subscriber.next({ clientKey, storedKey, serverKey: hmac(hash, salted, 'Server Key') });
      subscriber.complete();
    });
  });
}

/** HMAC of a text under a key. */
export function hmac(hash: ScramHash, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest();
}
