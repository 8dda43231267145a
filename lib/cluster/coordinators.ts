import { type Observable, finalize, map, of, share, tap } from 'rxjs';
import { brokerError } from '../protocol/error-table';
import { type FindCoordinator } from '../protocol/apis/find-coordinator';
import type { ResponseOf } from '../protocol/api';

/** What a broker coordinates: a consumer group, or a transactional id. */
export type CoordinatorKind = 'group' | 'transaction';
type Find = (
  body: (version: number) => {
    readonly keyType: number;
    readonly key?: string;
    readonly coordinatorKeys?: readonly string[];
  },
) => Observable<ResponseOf<typeof FindCoordinator>>;

/** Which broker coordinates which group or transaction: asked once, shared among callers, forgotten on any doubt. */
export class Coordinators {
  readonly #find: Find;
  readonly #known = new Map<string, number>();
  readonly #asking = new Map<string, Observable<number>>();

  constructor(find: Find) {
    this.#find = find;
  }

  /** The coordinator's node id. Errors are `BrokerError`s, retriable ones included: the caller's retry asks again. */
  nodeOf(kind: CoordinatorKind, key: string): Observable<number> {
    const cacheKey = `${kind}|${key}`;
    const known = this.#known.get(cacheKey);
    if (known !== undefined) return of(known);
    let asking = this.#asking.get(cacheKey);
    if (asking === undefined) {
      // Shared, so that many partitions committing at once make one look-up; gone when it ends, so a retry asks anew.
      asking = this.#find(version =>
        version >= 4
          ? { keyType: kind === 'group' ? 0 : 1, coordinatorKeys: [key] }
          : { keyType: kind === 'group' ? 0 : 1, key },
      ).pipe(
        map(response => {
          const answer = response.coordinators[0] ?? response;
          if (answer.errorCode !== 0)
            throw brokerError(answer.errorCode, {
              api: 'FindCoordinator',
              message: answer.errorMessage,
              hint: `No coordinator for ${kind} "${key}"`,
            });
          return answer.nodeId;
        }),
        tap(nodeId => this.#known.set(cacheKey, nodeId)),
        finalize(() => this.#asking.delete(cacheKey)),
        share(),
      );
      this.#asking.set(cacheKey, asking);
    }
    return asking;
  }

  forget(kind: CoordinatorKind, key: string): void {
    this.#known.delete(`${kind}|${key}`);
  }

  forgetAll(): void {
    this.#known.clear();
  }

  /** After a node was lost: what it coordinated may have moved. */
  forgetNode(nodeId: number): void {
    for (const [key, known] of this.#known) if (known === nodeId) this.#known.delete(key);
  }
}
