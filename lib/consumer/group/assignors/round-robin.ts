import type { TopicPartition } from '../../../types';
import type { GroupAssignor } from './assignor';
import { inOrder } from './member-order';
import { subscribers } from './subscribers';

/**
 * Deals all partitions of all topics, in order, to the members in turn; whoever does not read the topic is passed over
 * (`RoundRobinAssignor`). Even where all read the same; the set of a member changes widely with each join.
 */
export const roundRobin: GroupAssignor = Object.freeze<GroupAssignor>({
  name: 'roundrobin',
  protocol: 'eager',
  assign(partitions, members) {
    const ring = inOrder(members);
    const assigned = new Map(ring.map(({ memberId }) => [memberId, [] as TopicPartition[]]));
    let at = 0;
    for (const [topic, readers] of subscribers(partitions, ring)) {
      const readsIt = new Set(readers);
      const count = partitions.get(topic)!;
      for (let partition = 0; partition < count; partition++) {
        while (!readsIt.has(ring[at]!)) at = (at + 1) % ring.length;
        assigned.get(ring[at]!.memberId)!.push({ topic, partition });
        at = (at + 1) % ring.length;
      }
    }
    return assigned;
  },
});
