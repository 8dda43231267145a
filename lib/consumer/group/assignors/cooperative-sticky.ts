import { DecodeError } from '../../../errors';
import { Reader } from '../../../bytes/reader';
import type { GroupAssignor, GroupMember } from './assignor';
import { stickyPlacement } from './sticky-placement';

/**
 * As `sticky`, but members keep what they have through a round (`CooperativeStickyAssignor`, KIP-429): a partition that moves is
 * first only taken from its owner; when that one has given it up and joins again, the next round gives it to the new one.
 */
export const cooperativeSticky: GroupAssignor = Object.freeze<GroupAssignor>({
  name: 'cooperative-sticky',
  protocol: 'cooperative',
  // For leaders from before KIP-792: the generation, which has a field of its own since.
  userData(_, generation) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(generation);
    return bytes;
  },
  assign: (partitions, members) => stickyPlacement(partitions, members.map(withGeneration), 'next-round'),
});

function withGeneration(member: GroupMember): GroupMember {
  const { generation, userData } = member;
  return generation >= 0 || userData === null ? member : { ...member, generation: generationIn(userData) };
}

function generationIn(userData: Buffer): number {
  try {
    return new Reader(userData).int32();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return -1;
  }
}
