import type { GroupMember } from '../../../../lib/consumer/group/assignors/assignor';
import { sticky } from '../../../../lib/consumer/group/assignors/sticky';
import { encodeStickyUserData } from '../../../../lib/consumer/group/assignors/sticky-user-data';
import type { TopicPartition } from '../../../../lib/types';
import type { Random } from '../../../fuzz/random';

/** A group before a round: what its topics have, and what its members say. */
export interface RandomGroup {
  readonly partitions: ReadonlyMap<string, number>;
  readonly members: readonly GroupMember[];
}

/** A member that says the same to each of the sticky assignors. */
export function memberSaying(told: Omit<GroupMember, 'userData'>): GroupMember {
  return { ...told, userData: encodeStickyUserData(told) };
}

/**
 * Up to 20 members and 10 topics of up to 30 partitions; some ask for topics that do not exist; half of the groups have one subscription.
 * What members had is nothing, what is left of a round with other members, or anything at all, in several generations.
 */
export function randomGroup(random: Random): RandomGroup {
  const partitions = new Map(
    Array.from({ length: 1 + random.below(10) }, (_, i) => [`topic-${i}`, random.below(31)] as const),
  );
  const ids = Array.from({ length: 1 + random.below(20) }, (_, i) => `member-${i}-${random.uint32()}`);
  const instances = ids.map((_, i) => (random.chance(0.3) ? `instance-${random.below(100)}-${i}` : null));
  const subscriptions = randomSubscriptions(random, [...partitions.keys(), 'absent'], ids.length);
  const fresh = ids.map((memberId, i) =>
    memberSaying({
      ...{ memberId, groupInstanceId: instances[i]!, topics: subscriptions[i]! },
      ...{ owned: [], generation: -1, rack: null },
    }),
  );
  const history = random.below(10);
  if (history < 2) return { partitions, members: fresh };
  if (history < 7) return { partitions, members: afterOneRound(random, partitions, fresh) };
  return { partitions, members: fresh.map(member => withAnyClaims(random, partitions, member)) };
}

function randomSubscriptions(random: Random, topics: readonly string[], count: number): (readonly string[])[] {
  const some = () => topics.filter(() => random.chance(0.6));
  if (random.chance(0.5)) return new Array<readonly string[]>(count).fill(some());
  if (random.chance(0.5)) {
    const choices = [some(), some(), some()];
    return Array.from({ length: count }, () => random.pick(choices));
  }
  return Array.from({ length: count }, some);
}

/** Some of the members were there, together with others that are gone, and read what they read now or something else. */
function afterOneRound(
  random: Random,
  partitions: ReadonlyMap<string, number>,
  members: readonly GroupMember[],
): GroupMember[] {
  const changed = random.chance(0.3);
  const gone = Array.from({ length: random.below(4) }, (_, i) => ({ ...members[0]!, memberId: `gone-${i}` }));
  const before = members
    .filter(() => random.chance(0.8))
    .map(member => (changed && random.chance(0.3) ? { ...member, topics: random.pick(members).topics } : member));
  const assigned = sticky.assign(partitions, [...before, ...gone]);
  const generation = 1 + random.below(5);
  return members.map(member => {
    const owned = assigned.get(member.memberId);
    if (owned === undefined) return member;
    return memberSaying({ ...member, owned, generation: random.chance(0.1) ? generation - 1 : generation });
  });
}

/** Mostly of what the member still reads: to claim anything else is no longer usual. */
function withAnyClaims(random: Random, partitions: ReadonlyMap<string, number>, member: GroupMember): GroupMember {
  const often = random.pick([0, 0.02, 0.1, 0.3]);
  const owned: TopicPartition[] = [];
  for (const [topic, count] of partitions) {
    if (!member.topics.includes(topic) && random.chance(0.98)) continue;
    for (let partition = 0; partition < count; partition++) if (random.chance(often)) owned.push({ topic, partition });
  }
  return memberSaying({ ...member, owned, generation: random.below(3) });
}
