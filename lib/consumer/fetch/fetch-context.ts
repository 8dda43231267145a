import type { Cluster } from '../../cluster/cluster';
import type { ResolvedConsumerOptions } from '../options';
import type { PartitionState } from '../partition-state';

/** What the parts of the fetching side share. */
export interface FetchContext {
  readonly cluster: Cluster;
  /** Whose connections to use. */
  readonly owner: string;
  readonly options: ResolvedConsumerOptions;
  /** Every partition by key; those that brought something move to the end, so that a full response does not always hold the same ones. */
  readonly states: Map<string, PartitionState>;
  /** The look-up of a partition's position is done. */
  place(state: PartitionState, offset: bigint): void;
  /** The log was truncated below the position, or it lies outside of the log: go on at `to`. */
  relocate(state: PartitionState, to: bigint): void;
  /** What no retry can change: the view errors. */
  fatal(error: unknown): void;
}
