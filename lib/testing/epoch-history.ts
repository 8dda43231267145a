/** Where a leader epoch ends; -1 in both = nothing known about it. */
export interface EpochEnd {
  readonly leaderEpoch: number;
  readonly endOffset: bigint;
}

const UNKNOWN: EpochEnd = Object.freeze({ leaderEpoch: -1, endOffset: -1n });

/** Which leader epoch began at which offset of a partition's log: how readers find out that it was truncated (KIP-101, KIP-320). */
export class EpochHistory {
  private entries: { readonly epoch: number; readonly startOffset: bigint }[] = [];

  /** A leader begins. One before it that wrote nothing leaves no trace. */
  begin(epoch: number, startOffset: bigint): void {
    this.entries = this.entries.filter(entry => entry.epoch < epoch && entry.startOffset < startOffset);
    this.entries.push({ epoch, startOffset });
  }

  /** Everything from `offset` on is gone from the log. */
  truncate(offset: bigint): void {
    this.entries = this.entries.filter(({ startOffset }) => startOffset < offset);
  }

  /** The last epoch that is not later than `epoch`, and where it ends in a log that ends at `logEnd`. */
  endOf(epoch: number, logEnd: bigint): EpochEnd {
    const latest = this.entries.at(-1);
    if (latest === undefined || epoch < 0 || epoch > latest.epoch) return UNKNOWN;
    if (epoch === latest.epoch) return { leaderEpoch: epoch, endOffset: logEnd };
    const next = this.entries.findIndex(entry => entry.epoch > epoch);
    const endOffset = this.entries[next]!.startOffset;
    return { leaderEpoch: this.entries[next - 1]?.epoch ?? epoch, endOffset };
  }
}
