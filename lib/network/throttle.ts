import type { AnyApi } from '../protocol/api';

/** However long a broker asks us to wait: it mutes the channel for no longer than its quota window, 11 s by default. */
export const MAX_THROTTLE_MS = 60_000;

/**
 * From which version on the broker answers first and mutes the channel afterwards (KIP-219), so that waiting is up to
 * us. In earlier versions the answer itself was late, and waiting again would double the delay. APIs that are not
 * listed are younger than that.
 */
const SINCE: ReadonlyMap<number, number> = new Map([
  [0, 6], // Produce
  [1, 8], // Fetch
  [2, 3], // ListOffsets
  [3, 6], // Metadata
  [8, 4], // OffsetCommit
  [9, 4], // OffsetFetch
  [10, 2], // FindCoordinator
  [11, 3], // JoinGroup
  [12, 2], // Heartbeat
  [13, 2], // LeaveGroup
  [14, 2], // SyncGroup
  [15, 2], // DescribeGroups
  [16, 2], // ListGroups
  [18, 2], // ApiVersions
  [19, 3], // CreateTopics
  [20, 2], // DeleteTopics
  [21, 1], // DeleteRecords
  [22, 1], // InitProducerId
  [24, 1], // AddPartitionsToTxn
  [25, 1], // AddOffsetsToTxn
  [26, 1], // EndTxn
  [28, 1], // TxnOffsetCommit
  [29, 1], // DescribeAcls
  [30, 1], // CreateAcls
  [31, 1], // DeleteAcls
  [32, 2], // DescribeConfigs
  [33, 1], // AlterConfigs
  [34, 1], // AlterReplicaLogDirs
  [35, 1], // DescribeLogDirs
  [37, 1], // CreatePartitions
  [38, 1], // CreateDelegationToken
  [39, 1], // RenewDelegationToken
  [40, 1], // ExpireDelegationToken
  [41, 1], // DescribeDelegationToken
  [42, 1], // DeleteGroups
]);

/** For how long the broker will read nothing from this connection after this response, in ms. */
export function throttleOf(api: AnyApi, version: number, response: unknown): number {
  const { throttleTimeMs } = response as { readonly throttleTimeMs?: unknown };
  if (typeof throttleTimeMs !== 'number' || !(throttleTimeMs > 0)) return 0;
  return version >= (SINCE.get(api.key) ?? 0) ? Math.min(throttleTimeMs, MAX_THROTTLE_MS) : 0;
}
