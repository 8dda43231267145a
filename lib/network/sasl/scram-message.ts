import { RefusedError } from './refused-error';

/** Fewer protect a stolen credential badly (RFC 7677), and Kafka itself refuses to store them. */
export const MIN_ITERATIONS = 4_096;
/** More would let whoever answers for the broker burn our CPU. */
export const MAX_ITERATIONS = 1_000_000;

/** What the server's first message says. */
export interface ServerFirst {
  /** Ours, made longer by the server's. */
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** The first message without its header, which both sides sign later (RFC 5802 §7). */
export function clientFirstBare(username: string, nonce: string): string {
  return `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
}

/**
 * Reads `r=…,s=…,i=…`; what follows are extensions, which mean nothing to us. Throws a `RefusedError`, whose text never
 * repeats what was received.
 */
export function readServerFirst(message: Buffer, clientNonce: string): ServerFirst {
  const [nonceField = '', saltField = '', iterationsField = ''] = textOf(message).split(',');
  if (nonceField.startsWith('m='))
    throw new RefusedError('the broker demands a SCRAM extension that is not known here');
  const nonce = valueOf(nonceField, 'r');
  if (nonce.length <= clientNonce.length || !nonce.startsWith(clientNonce))
    throw new RefusedError("the broker's SCRAM nonce does not extend ours: the answer is not meant for us");
  const salt = base64Of(saltField, 's');
  const digits = valueOf(iterationsField, 'i');
  if (!/^[1-9]\d*$/.test(digits)) throw malformed();
  const iterations = Number(digits);
  if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS)
    throw new RefusedError(
      `the broker asks for ${digits.length > 10 ? 'more than 10^10' : digits} SCRAM iterations; from ${MIN_ITERATIONS} to ${MAX_ITERATIONS} are accepted`,
    );
  return { nonce, salt, iterations };
}

/** Reads `v=…`, the server's proof that it knows the credential too. `e=…` says why it refused us. Throws a `RefusedError`. */
export function readServerFinal(message: Buffer): Buffer {
  const [field = ''] = textOf(message).split(',');
  // The names of RFC 5802 are the only ones: free text of a server does not become ours.
  if (field.startsWith('e='))
    throw new RefusedError(/^e=[a-z-]{1,40}$/.test(field) ? `it says '${field.slice(2)}'` : 'it does not say why');
  return base64Of(field, 'v');
}

/** Longer is no message of SCRAM, and `split` is not free. */
const LONGEST = 8_192;

function textOf(message: Buffer): string {
  if (message.length > LONGEST) throw malformed();
  return message.toString('utf8');
}

function valueOf(field: string, name: string): string {
  if (!field.startsWith(`${name}=`) || field.length === 2) throw malformed();
  return field.slice(2);
}

function base64Of(field: string, name: string): Buffer {
  const text = valueOf(field, name);
  // Node skips what is no base64, so that much of what is wrong would pass for something else.
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) throw malformed();
  return Buffer.from(text, 'base64');
}

function malformed(): RefusedError {
  return new RefusedError('the broker sent something that is no SCRAM message');
}
