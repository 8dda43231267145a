import { NOBODY } from './claims';
import { MemberHeap } from './member-heap';
import { improve } from './improve';
import { Placement, type PlacementProblem } from './placement';

/**
 * Who holds each partition, so that the numbers of partitions are as even as the subscriptions let them be and, among all such
 * ways, as few as possible leave their owner. Three steps: owners keep what they have and the rest goes to whoever has
 * least; then whoever has two more than another gives; then, for what single gifts cannot reach, chains of them.
 * O(partitions · log members) but for the chains, whose work is bounded.
 */
export function placeEvenly(problem: PlacementProblem): Int32Array {
  const placement = new Placement(problem);
  fill(placement, problem.kinds);
  level(placement);
  improve(placement);
  return placement.holders;
}

/** Kinds with few readers come first: the others have more to choose from. */
function fill(placement: Placement, kinds: Int32Array): void {
  const { readers, owners, loads } = placement;
  const orphans: number[][] = readers.map(() => []);
  owners.forEach((owner, partition) => {
    if (owner === NOBODY) orphans[kinds[partition]!]!.push(partition);
  });
  const fewestFirst = readers.map((_, kind) => kind).sort((a, b) => readers[a]!.length - readers[b]!.length || a - b);
  for (const kind of fewestFirst) {
    const least = new MemberHeap(readers[kind]!, member => loads[member]!);
    for (const partition of orphans[kind]!) {
      placement.give(partition, least.top!);
      least.sink();
    }
  }
}

/**
 * Each gift makes the loads more even, so this ends. A giver stands in the heap of takers, too, where nobody moves it: a round may
 * stop early for that, and another one, with new heaps, goes on.
 */
function level(placement: Placement): void {
  const { readers, loads } = placement;
  for (let changed = true; changed;) {
    changed = false;
    for (let kind = 0; kind < readers.length; kind++) {
      const least = new MemberHeap(readers[kind]!, member => loads[member]!);
      const most = new MemberHeap(readers[kind]!, member => -loads[member]!);
      for (let giver = most.top; giver !== undefined; giver = most.top) {
        if (placement.cost(giver, kind) === undefined) {
          most.pop();
          continue;
        }
        const taker = least.top!;
        if (loads[giver]! < loads[taker]! + 2) break;
        placement.give(placement.takeOne(giver, kind), taker);
        least.sink();
        most.sink();
        changed = true;
      }
    }
  }
}
