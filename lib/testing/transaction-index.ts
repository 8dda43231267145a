/** A transaction that ended in an abort: its first offset, and the offset of its marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
}

/**
 * The transactions of one partition: which are open, and which were aborted. Below the first offset of the oldest open one
 * everything is decided; that offset is the last stable one, the end of the log for `read_committed`.
 */
export class TransactionIndex {
  private readonly open = new Map<bigint, bigint>();
  private aborted: AbortedTransaction[] = [];

  /** A transactional batch was appended at `offset`. */
  wrote(producerId: bigint, offset: bigint): void {
    if (!this.open.has(producerId)) this.open.set(producerId, offset);
  }

  /** The marker that ends the producer's transaction was appended at `offset`. */
  ended(producerId: bigint, offset: bigint, committed: boolean): void {
    const firstOffset = this.open.get(producerId);
    this.open.delete(producerId);
    if (!committed && firstOffset !== undefined) this.aborted.push({ producerId, firstOffset, lastOffset: offset });
  }

  /** What lies at and above `offset` was lost: transactions, and markers. */
  truncate(offset: bigint): void {
    for (const [producerId, firstOffset] of this.open) if (firstOffset >= offset) this.open.delete(producerId);
    for (const { producerId, firstOffset, lastOffset } of this.aborted) {
      if (firstOffset < offset && lastOffset >= offset) this.open.set(producerId, firstOffset);
    }
    this.aborted = this.aborted.filter(({ lastOffset }) => lastOffset < offset);
  }

  /** The end for `read_committed`, given the end of the log. */
  lastStableOffset(endOffset: bigint): bigint {
    let stable = endOffset;
    for (const firstOffset of this.open.values()) if (firstOffset < stable) stable = firstOffset;
    return stable;
  }

  /** The aborted transactions that touch the offsets from `from` to `to` (exclusive), in the order of their markers, as brokers list them. */
  abortedBetween(from: bigint, to: bigint): AbortedTransaction[] {
    return this.aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < to);
  }
}
