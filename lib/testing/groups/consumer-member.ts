import type { Unsubscribable } from 'rxjs';
import type { PartitionKey } from './server-assignors';

/** The epoch that a static member has while it is away for a moment. */
export const AWAY_EPOCH = -2;

/**
 * How far a member is on its way to what it is to have (KIP-848):
 * - `stable`: it has it.
 * - `unrevoked`: it was told to give partitions up, and still names them in its heartbeats.
 * - `unreleased`: it waits for partitions that others have not given up yet.
 */
export type ConsumerMemberState = 'stable' | 'unrevoked' | 'unreleased';

/** A member of a KIP-848 group. */
export interface ConsumerMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  rackId: string | null;
  rebalanceTimeoutMs: number;
  /** Names. */
  topics: readonly string[];
  regex: string | null;
  assignor: string | null;
  epoch: number;
  /** That before the last step, which the member still believes in if the answer was lost. */
  previousEpoch: number;
  state: ConsumerMemberState;
  assigned: ReadonlySet<PartitionKey>;
  revoking: ReadonlySet<PartitionKey>;
  session: Unsubscribable | undefined;
  rebalanceTimer: Unsubscribable | undefined;
}

/**
 * Moves a member one step towards its target, given what it says it owns (`undefined` = as before). `isFree` tells whether
 * nobody else has a partition. A member stays in its epoch until all that it is to give up is given up.
 */
export function reconcile(
  member: ConsumerMember,
  target: ReadonlySet<PartitionKey>,
  targetEpoch: number,
  owned: ReadonlySet<PartitionKey> | undefined,
  isFree: (key: PartitionKey) => boolean,
): void {
  if (member.state === 'stable' && member.epoch === targetEpoch) return;
  if (member.state === 'unrevoked') {
    if (owned === undefined || [...member.revoking].some(key => owned.has(key))) return;
  }
  const kept = [...member.assigned].filter(key => target.has(key));
  const revoking = [...member.assigned].filter(key => !target.has(key));
  const wanted = [...target].filter(key => !member.assigned.has(key));
  const free = wanted.filter(isFree);
  if (revoking.length > 0 && (owned === undefined || revoking.some(key => owned.has(key)))) {
    member.state = 'unrevoked';
    member.assigned = new Set(kept);
    member.revoking = new Set(revoking);
    return;
  }
  member.state = free.length < wanted.length ? 'unreleased' : 'stable';
  member.assigned = new Set([...kept, ...free]);
  member.revoking = new Set();
  if (member.epoch === targetEpoch) return;
  member.previousEpoch = member.epoch;
  member.epoch = targetEpoch;
}
