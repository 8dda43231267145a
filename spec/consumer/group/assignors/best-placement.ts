import { loads, ownersBefore, wanted } from './judge';
import type { RandomGroup } from './random-group';

// What the best placement would be, found in other ways than the assignor's.

/**
 * The least sum of squares of the loads. All of a topic starts with its first reader, and then goes on by the shortest ways from
 * member to member, one at a time, until there is no way left from anybody to one who has two less: it cannot be more even.
 */
export function leastUnevenness({ partitions, members }: RandomGroup): number {
  const held = members.map(() => new Map<string, number>());
  const load = members.map(() => 0);
  const reads = members.map(({ topics }) => new Set(topics));
  const topics = [...new Set(members.flatMap(member => member.topics))];
  for (const topic of topics) {
    const first = reads.findIndex(set => set.has(topic));
    const count = partitions.get(topic) ?? 0;
    held[first]!.set(topic, count);
    load[first]! += count;
  }
  while (members.some((_, from) => passOn(from))) continue;
  return load.reduce((sum, one) => sum + one * one, 0);

  /** Passes one partition from member to member, to the nearest that has two less than the first. */
  function passOn(from: number): boolean {
    const before = new Map<number, { member: number; topic: string } | undefined>([[from, undefined]]);
    const queue = [from];
    for (let member = queue.shift(); member !== undefined; member = queue.shift()) {
      if (load[member]! <= load[from]! - 2) {
        for (let to = member, step = before.get(to); step !== undefined; to = step.member, step = before.get(to)) {
          held[step.member]!.set(step.topic, held[step.member]!.get(step.topic)! - 1);
          held[to]!.set(step.topic, (held[to]!.get(step.topic) ?? 0) + 1);
        }
        load[from]!--;
        load[member]!++;
        return true;
      }
      for (const [topic, count] of held[member]!) {
        if (count === 0) continue;
        reads.forEach((set, to) => {
          if (!set.has(topic) || before.has(to)) return;
          before.set(to, { member: member!, topic });
          queue.push(to);
        });
      }
    }
    return false;
  }
}

/** The fewest moves, where all read the same: some may keep one more than the others. `undefined` where they do not. */
export function fewestMoves(group: RandomGroup): number | undefined {
  const { members } = group;
  const known = (topics: readonly string[]) => [...new Set(topics)].sort().join();
  if (members.some(({ topics }) => known(topics) !== known(members[0]!.topics))) return undefined;
  const owned = new Map(members.map(({ memberId }) => [memberId, [] as { topic: string; partition: number }[]]));
  for (const [key, owner] of ownersBefore(group)) {
    const [topic, partition] = key.split('/') as [string, string];
    owned.get(owner)!.push({ topic, partition: Number(partition) });
  }
  const total = wanted(group).length;
  const least = Math.floor(total / members.length);
  let extras = total % members.length;
  return loads(owned).reduce((moved, had) => {
    const keeps = had > least && extras-- > 0 ? least + 1 : least;
    return moved + Math.max(0, had - keeps);
  }, 0);
}
