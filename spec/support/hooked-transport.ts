import { defer, finalize, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import type { BrokerAddress, ByteStream, Transport } from '../../lib/types';

/** What a spec decides of one attempt to connect: `pass` to the transport below, fail like a socket, or whatever else. */
export type Decide = (broker: BrokerAddress, pass: () => Observable<ByteStream>) => Observable<ByteStream>;

/** A transport that counts and asks before each attempt. */
export class HookedTransport {
  readonly attempts: { readonly broker: BrokerAddress; readonly at: number }[] = [];
  /** Sockets open or opening, by `host:port`. */
  readonly open = new Map<string, number>();
  decide: Decide = (_, pass) => pass();

  constructor(
    private readonly below: Transport,
    private readonly now: () => number,
  ) {}

  readonly transport: Transport = (broker, tls) =>
    defer(() => {
      const key = `${broker.host}:${broker.port}`;
      this.attempts.push({ broker, at: this.now() });
      this.open.set(key, (this.open.get(key) ?? 0) + 1);
      const gone = finalize<ByteStream>(() => this.open.set(key, this.open.get(key)! - 1));
      return this.decide(broker, () => this.below(broker, tls)).pipe(gone);
    });
}

/** A socket that fails as Node's do. */
export function failing(code: string): Observable<never> {
  return throwError(() => Object.assign(new Error(`connect ${code}`), { code }));
}
