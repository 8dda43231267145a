import type { GroupMember } from './assignor';

/**
 * The members in the order in which Kafka's assignors serve them: static ones first, by their instance id, which outlives a
 * restart (KIP-345), then the others by member id.
 */
export function inOrder(members: readonly GroupMember[]): readonly GroupMember[] {
  return [...members].sort(compare);
}

function compare(a: GroupMember, b: GroupMember): number {
  if (a.groupInstanceId !== null && b.groupInstanceId !== null) return order(a.groupInstanceId, b.groupInstanceId);
  if (a.groupInstanceId !== null) return -1;
  if (b.groupInstanceId !== null) return 1;
  return order(a.memberId, b.memberId);
}

/** By UTF-16 units, as in Java: a locale would order ids differently on each machine. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
