import type { GroupMember, RacksOf } from './assignor';
import type { TopicShares } from './topic-shares';

/** What `range` gives first where racks are known: partitions with a replica in the rack of the member (KIP-881). */
export class RackMatches {
  readonly #racksOf: RacksOf;
  readonly #concerned: ReadonlySet<TopicShares>;

  constructor(topics: readonly TopicShares[], racksOf: RacksOf) {
    this.#racksOf = racksOf;
    this.#concerned = new Set(topics.filter(shares => rackMatters(shares, racksOf)));
  }

  /** Whether any topic is better off with it. */
  get matter(): boolean {
    return this.#concerned.size > 0;
  }

  /** Gives what matches, of topics with the same members and as many partitions: the same partitions of all, or of none. */
  assign(alike: readonly TopicShares[]): void {
    const [first] = alike;
    if (first === undefined) return;
    if (alike.length > 1) return this.#together(alike, first);
    if (!this.#concerned.has(first)) return;
    for (const reader of first.readers) {
      first.giveRange(reader, partition => this.#matches(reader, first.topic, partition));
    }
  }

  #together(alike: readonly TopicShares[], { readers, partitions }: TopicShares): void {
    if (readers.every(({ rack }) => !rack)) return;
    const open = new Set(readers);
    for (let partition = 0; partition < partitions && open.size > 0; partition++) {
      for (const reader of open) {
        const may = ({ topic }: TopicShares) => this.#matches(reader, topic, partition);
        if (!alike.every(shares => may(shares) && shares.room(reader) > 0)) continue;
        for (const shares of alike) shares.give(reader, partition);
        if (alike.every(shares => shares.room(reader) === 0)) open.delete(reader);
        break;
      }
    }
  }

  /** A member without a rack is at home in each. */
  #matches({ rack }: GroupMember, topic: string, partition: number): boolean {
    return !rack || this.#racksOf(topic, partition).has(rack);
  }
}

/** Not where no member is near any replica, nor where each partition is in all racks anyway. */
function rackMatters({ topic, partitions, readers }: TopicShares, racksOf: RacksOf): boolean {
  const racks = Array.from({ length: partitions }, (_, partition) => racksOf(topic, partition));
  const all = new Set(racks.flatMap(some => [...some]));
  return readers.some(({ rack }) => !!rack && all.has(rack)) && racks.some(some => some.size < all.size);
}
