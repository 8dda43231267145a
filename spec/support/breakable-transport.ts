import { Subject, merge, mergeMap, throwError } from 'rxjs';
import { tcpTransport } from '../../lib';
import type { Transport } from '../../lib';

/** TCP whose connections can all be cut at once, as by a pulled cable; new ones can be made right after. */
export function breakableTransport(): { readonly transport: Transport; cut(): void } {
  const cuts = new Subject<void>();
  const pulled = cuts.pipe(mergeMap(() => throwError(() => new Error('cable pulled'))));
  return {
    transport: (broker, tls) => merge(tcpTransport(broker, tls), pulled),
    cut: () => cuts.next(),
  };
}
