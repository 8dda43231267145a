import type { Cluster } from '../../cluster/cluster';
import { leaderOf } from '../../cluster/leader-of';
import type { BrokerError } from '../../errors';
import type { PartitionState } from '../partition-state';

/**
 * After a replica has failed the leader answers itself for so long: longer than it takes a cluster to notice that a broker is gone
 * (9 s), as until then it would send us back there.
 */
const LEADER_MS = 10_000;

/** The broker to fetch a partition from: the replica that its leader named (KIP-392), while the lease lasts, else the leader; or why there is none. */
export function sourceOf({ metadata }: Cluster, state: PartitionState, now: number): number | BrokerError {
  const leader = leaderOf(metadata, state);
  if (state.replica < 0 || typeof leader !== 'number') return leader;
  if (now < state.replicaUntil && metadata.brokers.has(state.replica)) return state.replica;
  state.replica = -1;
  return leader;
}

/** The leader names a replica in our rack. */
export function followReplica(
  { metadata, options, refresh }: Cluster,
  state: PartitionState,
  nodeId: number,
  now: number,
): void {
  if (now < state.leaderUntil) return;
  if (metadata.brokers.has(nodeId)) {
    state.replica = nodeId;
    state.replicaUntil = now + options.metadataMaxAgeMs;
  } else {
    // A broker that we do not know yet, or none any more.
    refresh();
    state.leaderUntil = now + options.retryBackoffMaxMs;
  }
}

/** `true` = it was a replica that failed us, and the leader is to be asked at once, before anything is made of it. */
export function backToLeader(state: PartitionState, nodeId: number, now: number): boolean {
  if (state.replica !== nodeId || nodeId < 0) return false;
  state.replica = -1;
  state.leaderUntil = now + LEADER_MS;
  return true;
}
