/** Where reading of a partition may begin, both ends included. */
export interface Start {
  readonly from: () => number;
  readonly to: () => number;
  /** It cannot change any more. */
  readonly known: boolean;
  /** The application said so: what is skipped is not missed. */
  readonly wished: boolean;
}

/** Always the same offset. */
export const exactly = (offset: number): Start => ({ from: () => offset, to: () => offset, known: true, wished: true });

/** One stretch of reading of a partition: from where it was given, or sought to, until it is taken away or sought again. */
export class Reading {
  /** Where it began; `undefined` = not known before the first record. */
  base: number | undefined;
  /** What follows the last delivered record. */
  next = 0;
  paused = false;
  until: number | undefined;
  /** The largest offset that was committed of it. */
  committed = -1;
  readonly acked = new Set<number>();
  /** When the partition was only just given up, and whether that was over in time cannot be told: the stretch that may go on. */
  readonly mayContinue: Reading | undefined;

  constructor(
    readonly start: Start,
    /** The stretch before, whose acks may still be on their way to the coordinator. */
    readonly before: Reading | undefined,
    continues: boolean,
  ) {
    if (start.known) this.base = this.next = start.from();
    this.mayContinue = continues ? before : undefined;
  }

  /** The oldest offset that is not acked: all that may be committed. */
  get watermark(): number {
    return this.base === undefined ? this.start.to() : this.unacked(this.base);
  }

  /** The next offset to deliver, if it goes on. */
  get expected(): number {
    return this.unacked(this.next);
  }

  /** A new view: what is not acked comes again. */
  restart(): void {
    if (this.base !== undefined) this.next = this.base;
    this.mayContinue?.restart();
  }

  /** Delivered again from there, what was acked aside. */
  rewind(offset: number): void {
    this.next = Math.min(this.next, offset);
  }

  private unacked(from: number): number {
    let offset = from;
    while (this.acked.has(offset)) offset++;
    return offset;
  }
}

/**
 * What a consumer may deliver and commit, said independently of how it does that: partitions that are ours, and of each the one record
 * that may come next. Offsets are plain numbers, logs have no holes.
 */
export class ReadingModel {
  readonly violations: string[] = [];
  readonly readings = new Map<string, Reading>();
  /** Whose records may come. */
  readonly ours = new Set<string>();
  /** Acked by anyone. */
  readonly processed = new Map<string, Set<number>>();
  /** Below that, records were skipped on the application's wish. */
  readonly excused = new Map<string, number>();

  constructor(private readonly endOf: (key: string) => number) {}

  violation(what: string): void {
    this.violations.push(what);
  }

  /** `continues`: it was given up so recently that it may be taken back. */
  gain(key: string, start: Start, continues: boolean, until?: number): void {
    this.ours.add(key);
    const reading = new Reading(start, this.readings.get(key), continues);
    reading.until = until;
    this.readings.set(key, reading);
    this.excuse(key, reading);
  }

  lose(key: string): void {
    this.ours.delete(key);
    this.excuseUnbegun(key);
  }

  loseAll(): void {
    for (const key of [...this.ours]) this.lose(key);
  }

  seek(key: string, start: Start): void {
    this.excuseUnbegun(key);
    const before = this.readings.get(key)!;
    const reading = new Reading(start, before, false);
    reading.paused = before.paused;
    reading.until = before.until;
    this.readings.set(key, reading);
    this.excuse(key, reading);
  }

  delivered(key: string, offset: number): Reading {
    let reading = this.readings.get(key);
    const at = `${key}@${offset}`;
    if (reading === undefined || !this.ours.has(key)) {
      this.violation(`${at} came although its partition is not ours`);
      return reading ?? new Reading(exactly(offset), undefined, false);
    }
    const old = reading.mayContinue;
    const fresh =
      reading.base === undefined
        ? offset >= reading.start.from() && offset <= reading.start.to()
        : offset === reading.expected;
    if (!fresh && old !== undefined && old.expected === offset) {
      old.until = reading.until;
      reading = old;
      this.readings.set(key, reading);
    } else if (reading.base === undefined) {
      if (!fresh) this.violation(`${at} came first, rather than ${reading.start.from()} to ${reading.start.to()}`);
      reading.base = offset;
      this.excuse(key, reading);
    } else if (!fresh) this.violation(`${at} came, rather than ${reading.expected}`);
    if (reading.paused) this.violation(`${at} came while paused`);
    if (reading.until !== undefined && offset >= reading.until)
      this.violation(`${at} came although ${reading.until} ends it`);
    reading.next = offset + 1;
    return reading;
  }

  acked(key: string, offset: number, reading?: Reading): void {
    reading?.acked.add(offset);
    const all = this.processed.get(key) ?? new Set();
    this.processed.set(key, all.add(offset));
  }

  /** We committed: never past a record that we were given and did not ack; back only when reading went back. */
  commits(key: string, offset: number): void {
    const reading = this.readings.get(key);
    if (reading === undefined) return this.violation(`${key}: committed ${offset} without having it`);
    let most = -1;
    // Of the stretch before: what was on its way when the new one began.
    for (let one: Reading | undefined = reading, i = 0; one !== undefined && i < 2; one = one.before, i++)
      most = Math.max(most, one.watermark, one.mayContinue?.watermark ?? -1);
    if (offset > most) this.violation(`${key}: committed ${offset}, and only what is below ${most} is acked`);
    if (reading.mayContinue === undefined && offset < reading.committed)
      this.violation(`${key}: committed ${offset} after ${reading.committed}`);
    if (offset <= reading.watermark) reading.committed = Math.max(reading.committed, offset);
  }

  /** What is in the logs, was not skipped on anyone's wish, and nobody has acked. */
  missing(keys: Iterable<string>): string[] {
    return [...keys].flatMap(key => {
      const gone: string[] = [];
      for (let offset = this.excused.get(key) ?? 0; offset < this.endOf(key); offset++)
        if (!this.processed.get(key)?.has(offset)) gone.push(`${key}@${offset}`);
      return gone;
    });
  }

  /** It was to begin at the end of a log, and nobody can say how far that had grown when it was looked up. */
  private excuseUnbegun(key: string): void {
    const { base, start } = this.readings.get(key) ?? {};
    if (base === undefined && start?.wished === true)
      this.excused.set(key, Math.max(start.to(), this.excused.get(key) ?? 0));
  }

  private excuse(key: string, { base, start }: Reading): void {
    const skipped = base ?? start.from();
    if (start.wished && skipped > (this.excused.get(key) ?? 0)) this.excused.set(key, skipped);
  }
}
