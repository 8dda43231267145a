import type { GroupMember } from './assignor';

/**
 * Who wants each topic that exists, by topic in order of their names. Members are in the order given; one that names a topic
 * twice counts once.
 */
export function subscribers(
  partitions: ReadonlyMap<string, number>,
  members: readonly GroupMember[],
): ReadonlyMap<string, readonly GroupMember[]> {
  const wanted = new Map<string, GroupMember[]>();
  for (const member of members) {
    for (const topic of new Set(member.topics)) {
      if ((partitions.get(topic) ?? 0) <= 0) continue;
      const known = wanted.get(topic);
      if (known === undefined) wanted.set(topic, [member]);
      else known.push(member);
    }
  }
  return new Map([...wanted].sort(([a], [b]) => (a < b ? -1 : 1)));
}
