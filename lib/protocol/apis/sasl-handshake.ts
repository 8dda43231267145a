import { api } from '../api';
import { array, int16, string } from '../schema';

/** Chooses the SASL mechanism; v1 means that the tokens follow in SaslAuthenticate (KIP-152). */
export const SaslHandshake = api({
  name: 'SaslHandshake',
  key: 17,
  versions: [1, 1],
  flexible: Infinity,
  request: { mechanism: string },
  response: { errorCode: int16, mechanisms: array(string) },
});
