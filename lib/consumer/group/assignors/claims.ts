import type { GroupMember } from './assignor';
import type { PartitionIndex } from './partition-index';

/** Nobody: what stands for a member's place where there is none. */
export const NOBODY = -1;

const SEVERAL = -2;

/** Who has which partition, by what the members say of themselves; members are their places in the list. */
export class Claims {
  /** Whom each partition belongs to, or `NOBODY`. */
  readonly owners: Int32Array;
  readonly #claimants: Int32Array;

  /**
   * The latest generation is right: a member that slept through a rebalance claims what others got since. Two claims of one
   * generation cannot both be true, so neither holds (KIP-792). What a member no longer subscribes to is not its own.
   */
  constructor(index: PartitionIndex, members: readonly Pick<GroupMember, 'topics' | 'owned' | 'generation'>[]) {
    const owners = new Int32Array(index.size).fill(NOBODY);
    const claimants = new Int32Array(index.size).fill(NOBODY);
    const generations = new Float64Array(index.size).fill(-Infinity);
    const seen = new Int32Array(index.size).fill(NOBODY);
    members.forEach(({ topics, owned, generation }, member) => {
      const subscribed = new Set(topics);
      for (const claim of owned) {
        const number = index.find(claim);
        if (number < 0 || seen[number] === member) continue;
        seen[number] = member;
        claimants[number] = claimants[number] === NOBODY ? member : SEVERAL;
        if (generation < generations[number]!) continue;
        owners[number] = generation > generations[number]! && subscribed.has(claim.topic) ? member : NOBODY;
        generations[number] = generation;
      }
    });
    this.owners = owners;
    this.#claimants = claimants;
  }

  /** Whether somebody may still be reading what `member` is to get. */
  heldByAnother(number: number, member: number): boolean {
    const claimant = this.#claimants[number]!;
    return claimant !== NOBODY && claimant !== member && this.owners[number] !== member;
  }
}
