import { Observable, Subscription } from 'rxjs';
import { ConnectionError } from '../errors';
import type { Connection } from '../network/connection';
import type { BrokerAddress, Runtime } from '../types';
import type { BrokerPool } from './broker-pool';
import type { MetadataSnapshot } from './metadata';

/** Known brokers asked at once when none is connected; more would only make a thundering herd. */
const CANDIDATES = 3;
/** More than any connection is busy. */
const DOUBT = 1_000_000;

/**
 * A connection to whichever broker answers: the least busy live one of the client's own if there is one, else the first of a few
 * known brokers and, when those are failing or none is known, of the bootstrap addresses (KIP-899). All are tried at
 * once, so a dead address costs nothing while another one lives. `onRebootstrap` hears that no known broker is left to
 * try. Errors only when every candidate has failed.
 */
export function anyBroker(
  pool: BrokerPool,
  metadata: () => MetadataSnapshot,
  bootstrap: readonly BrokerAddress[],
  runtime: Runtime,
  onRebootstrap: () => void,
): Observable<Connection> {
  return new Observable(subscriber => {
    const nodes = shuffled([...metadata().brokers.keys()], runtime);
    const live = leastBusy(pool, nodes);
    if (live !== undefined) {
      subscriber.next(live);
      subscriber.complete();
      return undefined;
    }
    const failing = nodes.filter(nodeId => pool.clientSlot(nodeId)?.failing === true);
    const fresh = nodes.filter(nodeId => !failing.includes(nodeId));
    const candidates = [...fresh, ...failing]
      .slice(0, CANDIDATES)
      .map(nodeId => pool.connection(nodeId, 'client', 'client'));
    if (fresh.length === 0) {
      if (nodes.length > 0) onRebootstrap();
      candidates.push(...bootstrap.map(address => pool.bootstrap(address)));
    }
    return firstOf(candidates).subscribe(subscriber);
  });
}

/**
 * A request behind others waits for them, and for ever if they went to a broker that is dead without our knowing. So an idle
 * connection goes before a busy one, and a broker that can be reached before one that turned somebody else's connection down.
 */
function leastBusy(pool: BrokerPool, nodes: readonly number[]): Connection | undefined {
  let best: { readonly connection: Connection; readonly burden: number } | undefined;
  for (const nodeId of nodes) {
    const connection = pool.clientSlot(nodeId)?.connection;
    if (connection === undefined) continue;
    const burden = connection.inFlight + (pool.isDoubtful(nodeId) ? DOUBT : 0);
    if (best === undefined || burden < best.burden) best = { connection, burden };
  }
  return best?.connection;
}

/** The value of whichever source emits first; errors with the most telling error once all have failed. */
function firstOf<T>(sources: readonly Observable<T>[]): Observable<T> {
  return new Observable(subscriber => {
    const all = new Subscription();
    const errors: unknown[] = [];
    subscriber.add(all);
    for (const source of sources) {
      if (subscriber.closed) return;
      all.add(
        source.subscribe({
          next: value => {
            subscriber.next(value);
            subscriber.complete();
          },
          error: (error: unknown) => {
            errors.push(error);
            // One address that can never work (wrong port, refused credentials) is told, but only when no other works.
            if (errors.length === sources.length)
              subscriber.error(
                errors.every(one => one instanceof ConnectionError && one.retriable)
                  ? errors[0]
                  : (errors.find(one => !(one instanceof ConnectionError && one.retriable)) ?? errors[0]),
              );
          },
        }),
      );
    }
  });
}

function shuffled<T>(items: T[], runtime: Runtime): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(runtime.random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
