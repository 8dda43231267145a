/** What became of numbered records: exact, however many there are. */
export interface Balance {
  readonly seen: number;
  readonly lost: number;
  readonly doubled: number;
  /** Records that came after a later one of the same key, or at a lower offset than the one before them in their partition. */
  readonly reordered: number;
}

/** The balance of a run in which nothing went wrong. */
export const flawless = (records: number): Balance => ({ seen: records, lost: 0, doubled: 0, reordered: 0 });

/** Keeps the books on records numbered from 0: each may be seen once, and those of a key in the order of their numbers. */
export class Ledger {
  readonly #times: Uint8Array;
  readonly #lastOfKey = new Map<string, number>();
  readonly #lastOffsets: bigint[] = [];
  #seen = 0;
  #doubled = 0;
  #reordered = 0;

  constructor(readonly records: number) {
    this.#times = new Uint8Array(records);
  }

  /** Books a record as it was read; gives how many different ones have been seen. */
  book(number: number, key: string, partition: number, offset: bigint): number {
    if (!(number >= 0 && number < this.records)) throw new RangeError(`record ${number} was never sent`);
    if (this.#times[number] === 0) this.#seen++;
    else this.#doubled++;
    this.#times[number]! += 1;
    const wrongOffset = offset <= (this.#lastOffsets[partition] ?? -1n);
    if (wrongOffset || number < (this.#lastOfKey.get(key) ?? -1)) this.#reordered++;
    this.#lastOffsets[partition] = offset;
    this.#lastOfKey.set(key, number);
    return this.#seen;
  }

  get complete(): boolean {
    return this.#seen === this.records;
  }

  get balance(): Balance {
    return {
      seen: this.#seen,
      lost: this.records - this.#seen,
      doubled: this.#doubled,
      reordered: this.#reordered,
    };
  }
}
