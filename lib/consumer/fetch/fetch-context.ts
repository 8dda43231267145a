import type { Cluster } from '../../cluster/cluster';
import type { GroupIdentity } from '../group/membership';
import type { ResolvedConsumerOptions } from '../options';
import type { PartitionState } from '../partition-state';

/** What the parts of the fetching side share. */
export interface FetchContext {
  readonly cluster: Cluster;
  /** Whose connections to use. */
  readonly owner: string;
  readonly options: ResolvedConsumerOptions;
  /** Who we are in the group, as a member of it. */
  readonly identity?: () => GroupIdentity | undefined;
  /** Every partition by key; those that brought something move to the end, so that a full response does not always hold the same ones. */
  readonly states: Map<string, PartitionState>;
  /** The look-up of a partition's position is done. */
  place(state: PartitionState, offset: bigint): void;
  /** The log ends at `end` now, before the position: go on with what comes next there, at the latest at `end`. */
  truncate(state: PartitionState, end: bigint): void;
  /** What no retry can change: the view errors. */
  fatal(error: unknown): void;
}
