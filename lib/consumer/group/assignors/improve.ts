import type { Placement } from './placement';

/** How many looks at an edge may be spent: far more than usual groups need, and a fraction of a second. */
const MOST_LOOKS = 20_000_000;

/** One step of a chain: whoever is at `from` gives one partition, of the kind between or a certain one, to whoever is at `to`. */
interface Edge {
  readonly from: number;
  readonly to: number;
  readonly cost: number;
  /** A certain partition that goes back to its owner. */
  readonly partition?: number;
}

/**
 * Finds chains of gifts (a gives to b, b to c …) that make the loads more even, or bring partitions back to their owners at
 * the same evenness, until there is none: then no placement is better (a flow of least cost has no negative cycle). The
 * cost of evenness is the sum of the squares of the loads, each partition that leaves its owner costs 1, and the former outweighs all
 * of the latter. Nodes are the members, the kinds, and one where chains begin and end. When `MOST_LOOKS` are spent, what is reached stays.
 */
export function improve(placement: Placement): void {
  const { loads, readers, holders } = placement;
  const members = loads.length;
  const outside = members + readers.length;
  const weight = holders.length + 1;
  let looks = MOST_LOOKS;
  const fixed: Edge[] = readers.flatMap((list, kind) => list.map(to => ({ from: members + kind, to, cost: 0 })));
  for (;;) {
    const edges = [...fixed, ...giftsOf(placement)];
    for (let member = 0; member < members; member++) {
      const load = loads[member]!;
      if (load > 0) edges.push({ from: outside, to: member, cost: -weight * (2 * load - 1) });
      edges.push({ from: member, to: outside, cost: weight * (2 * load + 1) });
    }
    const { cycle, looked } = negativeCycle(edges, outside + 1, looks);
    looks -= looked;
    if (cycle === undefined) return;
    apply(placement, cycle, outside);
  }
}

/** What each member can give away. */
function giftsOf(placement: Placement): Edge[] {
  const { loads, owners } = placement;
  const edges: Edge[] = [];
  for (let from = 0; from < loads.length; from++) {
    for (const kind of placement.kindsOf(from)) {
      const cost = placement.cost(from, kind);
      if (cost !== undefined) edges.push({ from, to: loads.length + kind, cost });
    }
    for (const partition of placement.borrowed(from)) edges.push({ from, to: owners[partition]!, cost: -1, partition });
  }
  return edges;
}

/**
 * By Bellman and Ford, from all nodes at once. Cycles are looked for after each round: the last round, in which the textbook looks,
 * is as far away as there are nodes.
 */
function negativeCycle(
  edges: readonly Edge[],
  nodes: number,
  most: number,
): { readonly cycle: readonly Edge[] | undefined; readonly looked: number } {
  const distances = new Float64Array(nodes);
  const entered = new Array<Edge | undefined>(nodes);
  let looked = 0;
  while (looked < most) {
    let changed = false;
    for (const edge of edges) {
      const distance = distances[edge.from]! + edge.cost;
      if (distance >= distances[edge.to]!) continue;
      distances[edge.to] = distance;
      entered[edge.to] = edge;
      changed = true;
    }
    looked += edges.length;
    if (!changed) break;
    const cycle = cycleIn(entered);
    if (cycle !== undefined) return { cycle, looked };
  }
  return { cycle: undefined, looked };
}

/** A ring among the edges by which nodes were reached last. Such a ring always costs less than nothing. */
function cycleIn(entered: readonly (Edge | undefined)[]): Edge[] | undefined {
  const walks = new Int32Array(entered.length);
  for (let start = 0; start < entered.length; start++) {
    const walk = start + 1;
    let node = start;
    for (let edge = entered[node]; walks[node] === 0 && edge !== undefined; edge = entered[node]) {
      walks[node] = walk;
      node = edge.from;
    }
    if (walks[node] !== walk || entered[node] === undefined) continue;
    const cycle: Edge[] = [];
    const first = node;
    do {
      const edge = entered[node]!;
      cycle.push(edge);
      node = edge.from;
    } while (node !== first);
    return cycle.reverse();
  }
  return undefined;
}

/** Carries out the gifts of a ring. All are taken before any is given, so that no member passes on what it just got. */
function apply(placement: Placement, cycle: readonly Edge[], outside: number): void {
  const members = placement.loads.length;
  const gifts: [partition: number, to: number][] = [];
  cycle.forEach((edge, i) => {
    if (edge.partition !== undefined) {
      placement.takeBack(edge.partition);
      gifts.push([edge.partition, edge.to]);
    } else if (edge.from < members && edge.to !== outside) {
      const next = cycle[(i + 1) % cycle.length]!;
      gifts.push([placement.takeOne(edge.from, edge.to - members), next.to]);
    }
  });
  for (const [partition, to] of gifts) placement.give(partition, to);
}
