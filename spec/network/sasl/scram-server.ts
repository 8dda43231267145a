import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import type { SaslReply } from './sasl-front';

/** What a dishonest, or a broken, server says instead of the truth. */
export interface ScramLies {
  readonly nonce?: (clientNonce: string) => string;
  readonly iterations?: string;
  readonly salt?: string;
  readonly signature?: (honest: string) => string;
  /** Instead of the whole of a message. */
  readonly first?: string;
  readonly final?: string;
  readonly lifetimeMs?: number;
}

/** The server's half of SCRAM as RFC 5802 §3 has it, for one user. */
export function scramServer(hash: 'sha256' | 'sha512', username: string, password: string, lies: ScramLies = {}) {
  const salt = lies.salt ?? 'W22ZaJ0SNY7soEsUEjb6gQ==';
  const iterations = lies.iterations ?? '4096';
  /** Conversations by their nonce: several connections may be at it. */
  const begun = new Map<string, string>();
  return (message: Buffer, step: number): SaslReply => {
    const text = message.toString('utf8');
    const refused = { code: 58, message: 'Authentication failed: invalid credentials' };
    if (step === 0) {
      const [, user, clientNonce] = /^n,,n=([^,]*),r=([^,]+)$/.exec(text)!;
      if (user !== username) return refused;
      const nonce = (lies.nonce ?? (own => `${own}3rfcNHYJY1ZVvWVs7j`))(clientNonce!);
      const first = lies.first ?? `r=${nonce},s=${salt},i=${iterations}`;
      begun.set(nonce, `${text.slice(3)},${first}`);
      return { bytes: Buffer.from(first) };
    }
    const [, withoutProof, nonce, proof] = /^(c=biws,r=([^,]+)),p=(.*)$/.exec(text)!;
    const signed = `${begun.get(nonce!)},${withoutProof}`;
    const bytes = hash === 'sha256' ? 32 : 64;
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), bytes, hash);
    const mac = (key: Buffer, of: string) => createHmac(hash, key).update(of).digest();
    const storedKey = createHash(hash).update(mac(salted, 'Client Key')).digest();
    const clientKey = Buffer.from(proof!, 'base64').map((byte, i) => byte ^ mac(storedKey, signed)[i]!);
    if (!createHash(hash).update(clientKey).digest().equals(storedKey)) return refused;
    const honest = mac(mac(salted, 'Server Key'), signed).toString('base64');
    const final = lies.final ?? `v=${(lies.signature ?? (own => own))(honest)}`;
    return { bytes: Buffer.from(final), lifetimeMs: lies.lifetimeMs ?? 0 };
  };
}
