import { api } from '../api';
import { bytes, int16, string, timestamp } from '../schema';

/** One SASL token there and back (KIP-152). v1 says for how long the session is good, 0 = for ever (KIP-368). */
export const SaslAuthenticate = api({
  name: 'SaslAuthenticate',
  key: 36,
  versions: [0, 2],
  flexible: 2,
  request: { authBytes: bytes },
  response: {
    errorCode: int16,
    errorMessage: string.nullable(),
    authBytes: bytes,
    sessionLifetimeMs: timestamp.since(1).default(0).ignorable(),
  },
});
