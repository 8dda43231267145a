/** A settle that had no effect: the record was settled before, or superseded. */
export const REFUSED = -2;
/** A settle that counts, of a record which held no credit any more. */
export const NO_CREDIT = -1;

// What became of a delivered record: the low bits of its mark, below the generation.
const HELD = 0; // delivered, holds credit
const RELEASED = 1; // delivered, gave its credit back early
const ABANDONED = 2; // its view is gone: nobody waits for it, an ack still counts until the next view
const ACKED = 3;
const NACKED = 4; // waits for the rewind
const STATES = 8;
const STATE = STATES - 1;

/**
 * The deliveries of one partition, in order, and which of them are done: a ring over the *delivery sequence* (not over
 * offsets, so that gaps, control batches and aborted records need nothing). Offsets here are numbers relative to a base
 * that the partition keeps, so the hot path sees no bigint.
 *
 * A mark holds the state of a delivery and the generation it belongs to. After a rewind sequences are used again, in a
 * new generation, and a settle from an older one finds a mark that is not its own.
 *
 * `ack`, `nack` and `release` answer with the bytes to give back, or `NO_CREDIT`, or `REFUSED`.
 */
export class Tracker {
  /** The lowest sequence that is not acked; equal to `tail` when everything delivered is. */
  head = 0;
  /** The next sequence. */
  tail = 0;
  generation = 0;
  /** Deliveries that somebody is still expected to settle. */
  pending = 0;
  /** The lowest sequence that waits for a rewind; `Infinity` = none. */
  nackedFrom = Infinity;
  /** Sequences below were cut off by `clear`. */
  private floor = 0;
  private mask: number;
  private marks: Uint32Array;
  private offsets: Float64Array;
  private sizes: Uint32Array;
  /** Offsets behind a rewind that are acked already, ascending from `skipAt`: they are not delivered again. */
  private skips: number[] = [];
  private skipAt = 0;

  constructor(initialCapacity = 64) {
    this.mask = initialCapacity - 1;
    this.marks = new Uint32Array(initialCapacity);
    this.offsets = new Float64Array(initialCapacity);
    this.sizes = new Uint32Array(initialCapacity);
  }

  /** How far deliveries are ahead of the oldest one that is not acked. */
  get span(): number {
    return this.tail - this.head;
  }

  /** The relative offset of the oldest delivery that is not acked. Only while `span` > 0. */
  get lowest(): number {
    return this.offsets[this.head & this.mask]!;
  }

  /** Registers the next delivery and returns its sequence. */
  open(offset: number, bytes: number): number {
    const sequence = this.tail;
    if (sequence - this.head > this.mask) this.grow();
    const slot = sequence & this.mask;
    this.marks[slot] = this.generation * STATES + HELD;
    this.offsets[slot] = offset;
    this.sizes[slot] = bytes;
    this.tail = sequence + 1;
    this.pending++;
    return sequence;
  }

  ack(sequence: number, generation: number): number {
    const state = this.stateOf(sequence, generation);
    if (state === REFUSED || state >= ACKED) return REFUSED;
    return this.finish(sequence, state);
  }

  /** Acks the delivery and all before it, also those that wait for a rewind. `give` is told of each credit that returns. */
  ackThrough(sequence: number, generation: number, give: (bytes: number) => void): boolean {
    if (this.stateOf(sequence, generation) === REFUSED) return false;
    let acked = false;
    for (let at = this.head; at <= sequence; at++) {
      const state = this.marks[at & this.mask]! & STATE;
      if (state === ACKED) continue;
      acked = true;
      const bytes = this.finish(at, state);
      if (bytes >= 0) give(bytes);
    }
    if (this.nackedFrom <= sequence) this.nackedFrom = this.findNacked(sequence + 1);
    return acked;
  }

  nack(sequence: number, generation: number): number {
    const state = this.stateOf(sequence, generation);
    if (state === REFUSED || state >= ACKED) return REFUSED;
    const slot = sequence & this.mask;
    this.marks[slot] = generation * STATES + NACKED;
    if (state !== ABANDONED) this.pending--;
    if (sequence < this.nackedFrom) this.nackedFrom = sequence;
    return state === HELD ? this.sizes[slot]! : NO_CREDIT;
  }

  release(sequence: number, generation: number): number {
    if (this.stateOf(sequence, generation) !== HELD) return REFUSED;
    const slot = sequence & this.mask;
    this.marks[slot] = generation * STATES + RELEASED;
    return this.sizes[slot]!;
  }

  /** Acked, nacked or superseded: a settle would be refused. */
  isSettled(sequence: number, generation: number): boolean {
    const state = this.stateOf(sequence, generation);
    return state === REFUSED || state >= ACKED;
  }

  /** Taken back by a rewind, or cut off: no settle counts, and yet it was not acked. */
  isGone(sequence: number, generation: number): boolean {
    return sequence < this.head ? sequence < this.floor : this.stateOf(sequence, generation) === REFUSED;
  }

  /** Gone, or it will be with the rewind that is due. Until then an ack still counts, and spares the second delivery. */
  isSuperseded(sequence: number, generation: number): boolean {
    if (this.isGone(sequence, generation)) return true;
    return sequence >= this.nackedFrom && this.stateOf(sequence, generation) !== ACKED;
  }

  /** Nobody is expected to settle what is out; the caller takes all credit back. Acks still count. */
  abandon(): void {
    for (let at = this.head; at < this.tail; at++) {
      const mark = this.marks[at & this.mask]!;
      if ((mark & STATE) < ABANDONED) this.marks[at & this.mask] = mark - (mark & STATE) + ABANDONED;
    }
    this.pending = 0;
  }

  /**
   * Takes back every delivery from `sequence` on and returns the offset to deliver from; later acked ones are remembered
   * and skipped. `give` is told of each credit that returns.
   */
  rewind(sequence: number, give: (bytes: number) => void): number {
    const offset = this.offsets[sequence & this.mask]!;
    const skips: number[] = [];
    for (let at = sequence; at < this.tail; at++) {
      const slot = at & this.mask;
      const state = this.marks[slot]! & STATE;
      if (state === ACKED) skips.push(this.offsets[slot]!);
      if (state < ABANDONED) this.pending--;
      if (state === HELD) give(this.sizes[slot]!);
    }
    for (let at = this.skipAt; at < this.skips.length; at++) skips.push(this.skips[at]!);
    this.skips = skips;
    this.skipAt = 0;
    this.tail = sequence;
    this.generation++;
    this.nackedFrom = Infinity;
    return offset;
  }

  /** True when the record at `offset` was acked before a rewind: it counts as delivered and acked, and is not emitted. */
  skip(offset: number): boolean {
    const skips = this.skips;
    if (skips.length === 0) return false;
    while (this.skipAt < skips.length && skips[this.skipAt]! < offset) this.skipAt++;
    const found = skips[this.skipAt] === offset;
    if (found) {
      this.finish(this.open(offset, 0), HELD);
      this.skipAt++;
    }
    if (this.skipAt >= skips.length) {
      this.skips = [];
      this.skipAt = 0;
    }
    return found;
  }

  /** The log ends at that offset now: takes back every delivery from there on, acked or not, and forgets acks behind it. */
  cutAt(offset: number, give: (bytes: number) => void): void {
    let sequence = this.tail;
    while (sequence > this.head && this.offsets[(sequence - 1) & this.mask]! >= offset) sequence--;
    const { nackedFrom } = this;
    this.rewind(sequence, give);
    if (nackedFrom < sequence) this.nackedFrom = nackedFrom;
    this.skips = this.skips.filter(at => at < offset);
  }

  /** Forgets all deliveries; no settle of them counts any more. */
  clear(): void {
    this.floor = this.head = this.tail;
    this.generation++;
    this.pending = 0;
    this.nackedFrom = Infinity;
    this.skips = [];
    this.skipAt = 0;
  }

  private stateOf(sequence: number, generation: number): number {
    if (sequence < this.head || sequence >= this.tail) return REFUSED;
    const state = this.marks[sequence & this.mask]! - generation * STATES;
    return state >= 0 && state <= STATE ? state : REFUSED;
  }

  private finish(sequence: number, state: number): number {
    const mask = this.mask;
    const slot = sequence & mask;
    const marks = this.marks;
    marks[slot] = marks[slot]! - state + ACKED;
    if (state < ABANDONED) this.pending--;
    if (sequence === this.head) {
      let head = sequence + 1;
      while (head < this.tail && (marks[head & mask]! & STATE) === ACKED) head++;
      this.head = head;
    }
    return state === HELD ? this.sizes[slot]! : NO_CREDIT;
  }

  private findNacked(from: number): number {
    for (let at = Math.max(from, this.head); at < this.tail; at++) {
      if ((this.marks[at & this.mask]! & STATE) === NACKED) return at;
    }
    return Infinity;
  }

  private grow(): void {
    const capacity = (this.mask + 1) * 2;
    const marks = new Uint32Array(capacity);
    const offsets = new Float64Array(capacity);
    const sizes = new Uint32Array(capacity);
    for (let at = this.head; at < this.tail; at++) {
      const from = at & this.mask;
      const to = at & (capacity - 1);
      marks[to] = this.marks[from]!;
      offsets[to] = this.offsets[from]!;
      sizes[to] = this.sizes[from]!;
    }
    this.mask = capacity - 1;
    this.marks = marks;
    this.offsets = offsets;
    this.sizes = sizes;
  }
}
