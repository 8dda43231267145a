import type { TopicPartition } from '../../../../lib/types';
import type { RandomGroup } from './random-group';

/** Who got what, by member id. */
export type Assigned = ReadonlyMap<string, readonly TopicPartition[]>;

/** A partition as one word. */
export const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;

/** The partitions of all topics that anybody reads. */
export function wanted({ partitions, members }: RandomGroup): string[] {
  const topics = [...new Set(members.flatMap(member => member.topics))];
  return topics
    .flatMap(topic => Array.from({ length: partitions.get(topic) ?? 0 }, (_, partition) => keyOf({ topic, partition })))
    .sort();
}

/** What was given away, each as often as it was. */
export function given(assigned: Assigned): string[] {
  return [...assigned.values()].flatMap(list => list.map(keyOf)).sort();
}

/** Whether each member got only what it subscribes to. */
export function subscribedOnly({ members }: RandomGroup, assigned: Assigned): boolean {
  return members.every(({ memberId, topics }) => assigned.get(memberId)!.every(({ topic }) => topics.includes(topic)));
}

/** The numbers of partitions, the largest first. */
export function loads(assigned: Assigned): number[] {
  return [...assigned.values()].map(list => list.length).sort((a, b) => b - a);
}

/** How uneven they are: less is better. Of all ways to share, the most even one has the least. */
export function unevenness(assigned: Assigned): number {
  return loads(assigned).reduce((sum, load) => sum + load * load, 0);
}

/** Whose each partition was: the one claim of the latest generation, if the member still reads the topic. */
export function ownersBefore({ members, partitions }: RandomGroup): ReadonlyMap<string, string> {
  const claims = new Map<string, { generation: number; memberIds: Set<string>; reads: boolean }>();
  for (const { memberId, owned, generation, topics } of members) {
    for (const one of owned) {
      if (one.partition >= (partitions.get(one.topic) ?? 0)) continue;
      const known = claims.get(keyOf(one));
      if (known === undefined || known.generation < generation) {
        claims.set(keyOf(one), { generation, memberIds: new Set([memberId]), reads: topics.includes(one.topic) });
      } else if (known.generation === generation) known.memberIds.add(memberId);
    }
  }
  return new Map(
    [...claims]
      .filter(([, { memberIds, reads }]) => memberIds.size === 1 && reads)
      .map(([key, { memberIds }]) => [key, [...memberIds][0]!]),
  );
}

/** How many partitions their owners lost. */
export function moves(group: RandomGroup, assigned: Assigned): number {
  const holders = new Map([...assigned].flatMap(([id, list]) => list.map(one => [keyOf(one), id] as const)));
  return [...ownersBefore(group)].filter(([key, owner]) => holders.get(key) !== owner).length;
}

/** The same group when its members have what they were given, and join again. */
export function nextRound({ partitions, members }: RandomGroup, assigned: Assigned): RandomGroup {
  const generation = Math.max(...members.map(member => member.generation)) + 1;
  return {
    partitions,
    members: members.map(member => ({ ...member, owned: assigned.get(member.memberId)!, generation })),
  };
}
