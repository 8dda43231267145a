import type { TopicPartition } from '../../../types';
import type { GroupAssignor, GroupMember } from './assignor';
import { inOrder } from './member-order';
import { RackMatches } from './rack-matches';
import { subscribers } from './subscribers';
import { TopicShares } from './topic-shares';

/**
 * Each topic by itself: its partitions in ranges to its members in order, the first ones get one more (`RangeAssignor`). Topics
 * with as many partitions and the same members are divided alike, so that equal keys of two topics meet in one member.
 * Where members and replicas tell their racks, what can be read within a rack is given first (KIP-881).
 */
export const range: GroupAssignor = Object.freeze<GroupAssignor>({
  name: 'range',
  protocol: 'eager',
  assign(partitions, members, racksOf) {
    const ordered = inOrder(members);
    const assigned = new Map(ordered.map(({ memberId }) => [memberId, [] as TopicPartition[]]));
    const topics = [...subscribers(partitions, ordered)].map(
      ([topic, readers]) => new TopicShares(topic, partitions.get(topic)!, readers),
    );
    const racks = racksOf === undefined ? undefined : new RackMatches(topics, racksOf);
    if (racks?.matter) for (const alike of dividedAlike(topics)) racks.assign(alike);
    for (const shares of topics) {
      for (const reader of shares.readers) shares.giveRange(reader);
      shares.readers.forEach(({ memberId }, i) => {
        const { topic } = shares;
        for (const partition of shares.of(i)) assigned.get(memberId)!.push({ topic, partition });
      });
    }
    return assigned;
  },
});

/** Topics by their members and number of partitions. */
function dividedAlike(topics: readonly TopicShares[]): readonly (readonly TopicShares[])[] {
  const groups = new Map<string, TopicShares[]>();
  const numbers = new Map<GroupMember, number>();
  for (const shares of topics) {
    const ids = shares.readers.map(reader => {
      if (!numbers.has(reader)) numbers.set(reader, numbers.size);
      return numbers.get(reader);
    });
    const key = `${shares.partitions}:${ids.join()}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [shares]);
    else group.push(shares);
  }
  return [...groups.values()];
}
