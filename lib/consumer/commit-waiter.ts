import { InvalidStateError } from '../errors';
import type { KafkaError } from '../errors';
import type { TopicPartitionOffset } from '../types';
import type { OffsetToCommit } from './consumer-api';
import { partitionKey } from './partition-state';
import type { PartitionState } from './partition-state';

/** Somebody who waits for a commit. */
export interface CommitWaiter {
  /** The application asked; or partitions are being given up, and this is their last commit; or it is simply time. */
  readonly kind: 'asked' | 'last' | 'due';
  /** As given; `undefined` = the watermarks. */
  readonly offsets: readonly OffsetToCommit[] | undefined;
  /** Of a member: what it is about. Who has lost one of them since has nothing to commit there, even if it is ours again. */
  readonly about: readonly PartitionState[];
  /** By the runtime's clock: what is refused for a round of the group is not repeated after that. */
  readonly until: number;
  /** How long one request may take. */
  readonly timeoutMs?: number;
  /** Why it has to go out once more. */
  refusal?: KafkaError;
  readonly done: (offsets: readonly TopicPartitionOffset[]) => void;
  readonly failed: (error: unknown) => void;
}

/** What is wrong with offsets that the application gave, if anything. `owned` = only of these, for we are a member of a group. */
export function offsetsError(
  offsets: readonly OffsetToCommit[],
  owned: ReadonlyMap<string, PartitionState> | undefined,
): Error | undefined {
  for (const one of offsets) {
    const { topic, partition, offset } = one;
    if (typeof offset !== 'bigint' || offset < 0n)
      return new RangeError(`commit: the offset of ${topic}-${partition} must be a bigint of at least 0`);
    if (owned?.has(partitionKey(one)) === false)
      return new InvalidStateError(
        `commit: ${topic}-${partition} is not assigned to this consumer; as a member of a group it commits what it has, ` +
          'and a partition that was taken away is committed by its next owner',
      );
  }
  return undefined;
}

/** Why a commit that waited for a round cannot go out any more; `undefined` = all of it is still ours. */
export function lossOf(waiter: CommitWaiter, owned: ReadonlyMap<string, PartitionState>): KafkaError | undefined {
  const gone = waiter.about.find(state => owned.get(state.key) !== state);
  if (gone === undefined) return undefined;
  return (
    waiter.refusal ??
    new InvalidStateError(
      `commit: ${gone.topic}-${gone.partition} was lost to a rebalance before this could be committed; ` +
        'its next owner reads on from the last commit',
    )
  );
}
