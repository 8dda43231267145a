import type { Observable } from 'rxjs';
import type { BrokerError } from '../../errors';
import type { TopicPartition } from '../../types';

/** Who we are in the group: what a commit must carry. */
export interface GroupIdentity {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** The generation of a classic group, the member epoch of the newer protocol. */
  readonly epoch: number;
  readonly protocol: 'classic' | 'consumer';
}

/** Whether the same topics are meant, in whatever order. */
export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  const names = new Set(a);
  return a.length === b.length && b.every(name => names.has(name));
}

/** What a group protocol asks of the consumer that takes part in it. */
export interface MembershipHost {
  /** Ours now, without those that are being given up. */
  readonly owned: readonly TopicPartition[];
  /** A round has begun. */
  assigning(): void;
  /** These are ours from now on, in all. What is not among them was given up before, or is being given up. */
  assigned(partitions: readonly TopicPartition[]): void;
  /** Gives partitions up: stop, drain, final commit, release. Completes when they are free, `limitMs` later at the latest; never errors. */
  revoke(partitions: readonly TopicPartition[], limitMs: number): Observable<never>;
  /** All are gone without us: no waiting, no commit. */
  lost(error: unknown): void;
  /** Membership came to doubt or certainty: `certain` changed. */
  certainty(): void;
  /** Nothing can be done about it: the view errors, and nobody is a member any more. */
  fatal(error: unknown): void;
}

/**
 * Membership in a group, by one of its protocols: joins, keeps alive, takes part in rebalances, leaves. Begins with the
 * first `topics`. Its requests never wait behind a fetch or the application.
 */
export interface Membership {
  /** `undefined` = not a member at the moment: nothing may be committed as one. */
  readonly identity: GroupIdentity | undefined;
  /** False when the group has not been heard of for so long that it may have given our partitions away: nothing is delivered then. */
  readonly certain: boolean;
  /** The names of all topics that are subscribed to, for the first time or because they changed. */
  topics(topics: readonly string[]): void;
  /** A commit as `identity` was refused because of who that is. */
  doubt(error: BrokerError, identity: GroupIdentity): void;
  /** Takes part in no further round; stays alive for the drain that follows. */
  retire(): void;
  /** Tells the group, where the protocol wants it, and ends. Completes within `limitMs`, whatever happens. */
  leave(limitMs: number): Observable<never>;
  /** Ends at once, without a word to anybody. */
  stop(): void;
}
