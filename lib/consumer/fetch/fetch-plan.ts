import type { PartitionState } from '../partition-state';

/** What to ask of a broker. */
export interface FetchPlan {
  readonly partitions: readonly PartitionState[];
  /** For the response as a whole; reserved in the buffer while the request is under way. */
  readonly maxBytes: number;
  /** The broker may hold the request until there are records. */
  readonly maxWaitMs: number;
  /** Lets a leader send us to a replica nearby (KIP-392); empty = it is to answer itself. */
  readonly rackId: string;
}
