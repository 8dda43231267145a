import type { GroupAssignor } from './assignor';
import { stickyPlacement } from './sticky-placement';
import { decodeStickyUserData, encodeStickyUserData } from './sticky-user-data';

/**
 * As even as can be, with as few moves as that allows (`StickyAssignor`, KIP-54). Eager: each member gives all up before the
 * round, so what it had travels in bytes of its own.
 */
export const sticky: GroupAssignor = Object.freeze<GroupAssignor>({
  name: 'sticky',
  protocol: 'eager',
  userData: (owned, generation) => encodeStickyUserData({ owned, generation }),
  assign: (partitions, members) =>
    stickyPlacement(
      partitions,
      members.map(member => ({ ...member, ...decodeStickyUserData(member.userData) })),
      'now',
    ),
});
