import { EMPTY, ignoreElements, type Observable } from 'rxjs';
import type { ClientOptions } from '../../options';
import type { SaslOptions } from '../../types';
import type { Link } from '../link';
import { warnOfCleartext } from './cleartext-warning';
import type { Mechanism } from './mechanism';
import { oauthBearer } from './oauthbearer';
import { plain } from './plain';
import { scram } from './scram';
import { authenticator } from './session';

/**
 * What each connection of a client has to pass before it is offered: SASL, or nothing. Made once per client, so that
 * what is costly to compute from a password is computed once.
 */
export function authentication(client: ClientOptions): (link: Link) => Observable<never> {
  if (client.sasl === undefined) return () => EMPTY;
  const options = client.sasl();
  warnOfCleartext(options.mechanism, client.tls);
  const authenticate = authenticator(mechanismOf(options), client);
  return link => authenticate(link).pipe(ignoreElements());
}

function mechanismOf(options: SaslOptions): Mechanism {
  switch (options.mechanism) {
    case 'plain':
      return plain(options.username, options.password);
    case 'scram-sha-256':
      return scram('sha256', options.username, options.password);
    case 'scram-sha-512':
      return scram('sha512', options.username, options.password);
    case 'oauthbearer':
      return oauthBearer(options.token);
  }
}
