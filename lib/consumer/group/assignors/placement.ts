import { NOBODY } from './claims';

/** What a member holds of one kind of partitions. */
interface Held {
  /** Its own from before: to give one of these away is a move. */
  readonly own: number[];
  /** What it got just now: to give it away costs nothing. */
  readonly fresh: number[];
}

/** What has to be placed: partitions, members and kinds are numbers from 0 on. */
export interface PlacementProblem {
  readonly members: number;
  /** For each kind, the members that may have partitions of it, in order. No kind is without. */
  readonly readers: readonly (readonly number[])[];
  /** The kind of each partition. */
  readonly kinds: Int32Array;
  /** Whom each partition belonged to, `NOBODY` = nobody. An owner may have it still. */
  readonly owners: Int32Array;
}

/**
 * Which member holds which partition, while that is being decided. Partitions that the same members may have are of one
 * kind and as good as each other, but for whom they belonged to.
 */
export class Placement {
  readonly readers: readonly (readonly number[])[];
  readonly owners: Int32Array;
  /** How many partitions each member holds. */
  readonly loads: Int32Array;
  readonly holders: Int32Array;
  readonly #kinds: Int32Array;
  readonly #held: readonly Map<number, Held>[];

  /** Each owner keeps what it has; the rest is held by nobody yet. */
  constructor({ members, readers, kinds, owners }: PlacementProblem) {
    this.readers = readers;
    this.owners = owners;
    this.#kinds = kinds;
    this.loads = new Int32Array(members);
    this.holders = new Int32Array(owners.length).fill(NOBODY);
    this.#held = Array.from({ length: members }, () => new Map<number, Held>());
    owners.forEach((owner, partition) => {
      if (owner !== NOBODY) this.give(partition, owner);
    });
  }

  /** The kinds of which a member has, or had, partitions. */
  kindsOf(member: number): IterableIterator<number> {
    return this.#held[member]!.keys();
  }

  /** What giving away one of this kind costs the member: 1 = it loses one of its own; `undefined` = it has none. */
  cost(member: number, kind: number): 0 | 1 | undefined {
    const held = this.#held[member]!.get(kind);
    if (held === undefined) return undefined;
    return held.fresh.length > 0 ? 0 : held.own.length > 0 ? 1 : undefined;
  }

  /** What the member holds though it belonged to another, who may have it back. */
  *borrowed(member: number): IterableIterator<number> {
    for (const { fresh } of this.#held[member]!.values()) {
      for (const partition of fresh) if (this.owners[partition] !== NOBODY) yield partition;
    }
  }

  give(partition: number, member: number): void {
    const kind = this.#kinds[partition]!;
    let held = this.#held[member]!.get(kind);
    if (held === undefined) this.#held[member]!.set(kind, (held = { own: [], fresh: [] }));
    (this.owners[partition] === member ? held.own : held.fresh).push(partition);
    this.holders[partition] = member;
    this.loads[member]!++;
  }

  /** Takes the cheapest of that kind. */
  takeOne(member: number, kind: number): number {
    const { own, fresh } = this.#held[member]!.get(kind)!;
    this.loads[member]!--;
    return (fresh.length > 0 ? fresh : own).pop()!;
  }

  /** Takes one that the member borrowed. */
  takeBack(partition: number): void {
    const member = this.holders[partition]!;
    const { fresh } = this.#held[member]!.get(this.#kinds[partition]!)!;
    fresh.splice(fresh.indexOf(partition), 1);
    this.loads[member]!--;
  }
}
