import type { TopicPartition } from '../../../types';
import type { GroupMember } from './assignor';
import { Claims } from './claims';
import { inOrder } from './member-order';
import { PartitionIndex } from './partition-index';
import { placeEvenly } from './place-evenly';
import { subscribers } from './subscribers';

/**
 * What the sticky assignors share: evenly, and with as few moves as that allows. With `handOver: 'next-round'` a partition that
 * somebody else may still be reading goes to nobody yet.
 */
export function stickyPlacement(
  partitions: ReadonlyMap<string, number>,
  unordered: readonly GroupMember[],
  handOver: 'now' | 'next-round',
): ReadonlyMap<string, readonly TopicPartition[]> {
  const members = inOrder(unordered);
  const places = new Map(members.map((member, place) => [member, place]));
  const wanted = subscribers(partitions, members);
  const index = new PartitionIndex([...wanted.keys()], partitions);
  const claims = new Claims(index, members);
  const { readers, kinds } = kindsOf(
    index,
    [...wanted.values()].map(list => list.map(member => places.get(member)!)),
  );
  const holders = placeEvenly({ members: members.length, readers, kinds, owners: claims.owners });
  const assigned = members.map(() => [] as TopicPartition[]);
  index.forEach((partition, number) => {
    const holder = holders[number]!;
    if (handOver === 'now' || !claims.heldByAnother(number, holder)) assigned[holder]!.push(partition);
  });
  return new Map(members.map(({ memberId }, place) => [memberId, assigned[place]!]));
}

/** Topics that the same members read are of one kind. */
function kindsOf(
  index: PartitionIndex,
  readersOfTopics: readonly (readonly number[])[],
): { readonly readers: readonly (readonly number[])[]; readonly kinds: Int32Array } {
  const kinds = new Int32Array(index.size);
  const numbers = new Map<string, number>();
  const readers: (readonly number[])[] = [];
  readersOfTopics.forEach((list, place) => {
    const key = list.join();
    let kind = numbers.get(key);
    if (kind === undefined) {
      numbers.set(key, (kind = readers.length));
      readers.push(list);
    }
    kinds.fill(kind, index.start(place), index.start(place + 1));
  });
  return { readers, kinds };
}
