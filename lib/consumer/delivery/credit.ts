/** What one partition holds of the window. Made by `Credit.join`. */
export class CreditShare {
  records = 0;
  bytes = 0;
}

/**
 * The window of a consumer: how many records, and how many bytes of them, may be out without being settled. Half of it
 * is reserved in equal parts for the partitions, the other half goes to whoever comes first: one hot partition gets
 * more than half of the window, and a stuck one cannot take it all. With so many partitions that the half would not
 * give a record to each nothing is reserved, and half of the window is the most that one can have.
 *
 * The number of records is never exceeded. Bytes are exceeded by one record at most, per partition, and only where the
 * partition holds nothing: a record larger than its share would otherwise never come.
 */
export class Credit {
  private readonly shares = new Set<CreditShare>();
  private reservedRecords = 0;
  private reservedBytes = 0;
  private sharedRecords: number;
  private sharedBytes: number;
  /** The most records one partition may have out. */
  private limit = Infinity;
  /** Taken of the shared half: the sum of what partitions hold beyond their reserve. */
  private usedRecords = 0;
  private usedBytes = 0;
  /** Taken in all. Partitions that join shrink the reserves of the others, which may hold more than that just then. */
  private outRecords = 0;
  private outBytes = 0;

  constructor(
    private readonly records: number,
    private readonly bytes: number,
  ) {
    this.sharedRecords = records;
    this.sharedBytes = bytes;
  }

  join(): CreditShare {
    const share = new CreditShare();
    this.shares.add(share);
    this.divide();
    return share;
  }

  leave(share: CreditShare): void {
    this.giveAll(share);
    this.shares.delete(share);
    this.divide();
  }

  /** Whether the partition may deliver a record of that size now. */
  admits(share: CreditShare, bytes: number): boolean {
    if (this.outRecords >= this.records || share.records >= this.limit) return false;
    if (share.records >= this.reservedRecords && this.usedRecords >= this.sharedRecords) return false;
    if (share.bytes === 0) return true;
    if (this.outBytes + bytes > this.bytes) return false;
    const after = share.bytes + bytes;
    return (
      after <= this.reservedBytes ||
      this.usedBytes + after - Math.max(share.bytes, this.reservedBytes) <= this.sharedBytes
    );
  }

  /** How many records the partition may deliver now, bytes aside. */
  allowance(share: CreditShare): number {
    const allowed =
      Math.max(0, this.reservedRecords - share.records) + Math.max(0, this.sharedRecords - this.usedRecords);
    return Math.max(0, Math.min(allowed, this.records - this.outRecords, this.limit - share.records));
  }

  take(share: CreditShare, bytes: number): void {
    this.outRecords++;
    if (++share.records > this.reservedRecords) this.usedRecords++;
    this.changeBytes(share, bytes);
  }

  give(share: CreditShare, bytes: number): void {
    this.outRecords--;
    if (share.records-- > this.reservedRecords) this.usedRecords--;
    this.changeBytes(share, -bytes);
  }

  giveAll(share: CreditShare): void {
    this.usedRecords -= Math.max(0, share.records - this.reservedRecords);
    this.outRecords -= share.records;
    share.records = 0;
    this.changeBytes(share, -share.bytes);
  }

  private changeBytes(share: CreditShare, by: number): void {
    const before = share.bytes;
    const after = before + by;
    this.outBytes += by;
    share.bytes = after;
    const reserved = this.reservedBytes;
    if (before > reserved) this.usedBytes -= before - reserved;
    if (after > reserved) this.usedBytes += after - reserved;
  }

  private divide(): void {
    const partitions = this.shares.size;
    this.reservedRecords = partitions === 0 ? 0 : Math.floor(this.records / 2 / partitions);
    this.limit = partitions < 2 || this.reservedRecords > 0 ? Infinity : Math.ceil(this.records / 2);
    this.reservedBytes = partitions === 0 ? 0 : Math.floor(this.bytes / 2 / partitions);
    this.sharedRecords = this.records - this.reservedRecords * partitions;
    this.sharedBytes = this.bytes - this.reservedBytes * partitions;
    this.usedRecords = this.usedBytes = 0;
    for (const share of this.shares) {
      this.usedRecords += Math.max(0, share.records - this.reservedRecords);
      this.usedBytes += Math.max(0, share.bytes - this.reservedBytes);
    }
  }
}
