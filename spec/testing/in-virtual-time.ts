import { concatMap, take, tap, type Observable } from 'rxjs';
import type { Api } from '../../lib/protocol/api';
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../../lib/testing/embedded-cluster';
import { runVirtual, type VirtualHelpers } from '../../lib/testing/virtual';
import { rawClient, type RawClient } from './raw-client';

/** What a spec of one broker API works with. */
export interface Wire extends Omit<VirtualHelpers, 'cluster'> {
  readonly cluster: EmbeddedCluster;
  /** One request over a connection of its own. */
  ask<Q, R>(api: Api<any, Q, R, any>, version: number, body: Q, broker?: number): Observable<R>;
  /** A connection; it stays open as long as one subscribes. */
  connect(broker?: number): Observable<RawClient>;
  /** The virtual clock, in ms. */
  now(): number;
}

/** Runs `work` in virtual time; fails unless it completes before the horizon. */
export function inVirtualTime(
  options: EmbeddedClusterOptions,
  work: (wire: Wire) => Observable<unknown>,
  forMs?: number,
): void {
  let outcome: unknown = new Error('The spec did not complete before the horizon');
  runVirtual(
    t => {
      const cluster = new EmbeddedCluster({ ...options, runtime: t.runtime });
      const connect = (broker = 1) => rawClient(cluster.options.transport, `embedded-${broker}:9092`);
      work({
        ...t,
        cluster,
        connect,
        now: () => t.runtime.scheduler.now(),
        ask: (api, version, body, broker = 1) =>
          connect(broker).pipe(
            concatMap(client => client.request(api, version, body)),
            take(1),
          ),
      })
        .pipe(tap({ complete: () => (outcome = undefined) }))
        .subscribe({ error: error => (outcome = error) });
    },
    forMs === undefined ? {} : { forMs },
  );
  if (outcome !== undefined) throw outcome;
}
