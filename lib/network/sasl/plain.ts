import { of } from 'rxjs';
import type { Mechanism } from './mechanism';

/** User and password in clear (RFC 4616): only TLS keeps them from whoever listens on the way. */
export function plain(username: string, password: string): Mechanism {
  return {
    name: 'PLAIN',
    begin: () =>
      of({
        // The first field would be a user to act as, which Kafka does not know.
        first: Buffer.from(`\0${username}\0${password}`, 'utf8'),
        secrets: [password],
        answer: () => of(undefined),
      }),
  };
}
