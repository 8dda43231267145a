import type { GroupMember } from './assignor';

/** One topic while `range` divides it: what is left of it, and how much each of its members may still get. */
export class TopicShares {
  readonly #given: (number[] | undefined)[];
  readonly #taken: Uint8Array;
  readonly #least: number;
  readonly #numbers: ReadonlyMap<GroupMember, number>;
  /** How many members may still get one more than the others. */
  #extras: number;

  constructor(
    readonly topic: string,
    readonly partitions: number,
    readonly readers: readonly GroupMember[],
  ) {
    this.#least = Math.floor(partitions / readers.length);
    this.#extras = partitions % readers.length;
    this.#taken = new Uint8Array(partitions);
    this.#given = new Array<number[] | undefined>(readers.length);
    this.#numbers = new Map(readers.map((reader, i) => [reader, i]));
  }

  /** What the member at this place has, in order. */
  of(place: number): readonly number[] {
    return (this.#given[place] ?? []).sort((a, b) => a - b);
  }

  /** How many more this member may get. */
  room(reader: GroupMember): number {
    return Math.max(0, this.#least + (this.#extras > 0 ? 1 : 0) - this.#of(reader).length);
  }

  give(reader: GroupMember, partition: number): void {
    const mine = this.#of(reader);
    mine.push(partition);
    this.#taken[partition] = 1;
    if (mine.length === this.#least + 1) this.#extras--;
  }

  /** Gives a member its share: the first that are left, of those that `may` be its. */
  giveRange(reader: GroupMember, may?: (partition: number) => boolean): void {
    let room = this.room(reader);
    for (let partition = 0; partition < this.partitions && room > 0; partition++) {
      if (this.#taken[partition] === 1 || may?.(partition) === false) continue;
      this.give(reader, partition);
      room--;
    }
  }

  #of(reader: GroupMember): number[] {
    return (this.#given[this.#numbers.get(reader)!] ??= []);
  }
}
