import type { Position, TopicPartition } from '../types';
import type { PartitionDelivery } from './delivery/partition-delivery';

/** Names a partition in maps. A topic name cannot hold a `/`. */
export function partitionKey(partition: TopicPartition): string {
  return `${partition.topic}/${partition.partition}`;
}

/** "No response of this partition is waiting": below every offset. */
const NOTHING = -1n;
/** No watermark is there. */
const NOWHERE = -1n;

/**
 * One partition that this consumer reads: where from, how far it was fetched, and what to do about its faults. Lives from
 * `assign` until it is given up; a later `assign` that keeps the partition keeps this object.
 *
 * It is *placed* once the offset to begin with is known: only then it has a `delivery` and is fetched.
 */
export class PartitionState implements TopicPartition {
  readonly key: string;
  /** Where to begin; `undefined` = ask `startAt`, else the committed offset, else the reset policy. */
  start: Position | undefined;
  /** Where to end (exclusive), as it was asked for. */
  until: Position | undefined;
  /** The offset to begin with, while `until` is still being looked up. */
  from: bigint | undefined;
  /** The leader epoch of the record before `from`, as it was committed. */
  fromEpoch = -1;
  /** The offset that ends it, once known. */
  end: bigint | undefined;
  delivery: PartitionDelivery | undefined;
  /** Next to fetch. Meaningful while placed. */
  offset = 0n;
  /**
   * Changes with each request and each jump of the position. A response counts only if it still is what it was when the
   * request left; without this the answer to a fetch from before a `seek` would be taken for records of the new position.
   */
  turn = 0;
  /** The id of the topic whose log `offset` counts in, once a broker has answered for it: a topic that is created again is another one. */
  topicId: string | undefined;
  /** Leader epoch of the last batch that was fetched, so that the broker notices a truncated log (KIP-320). -1 = none. */
  lastFetchedEpoch = -1;
  /** The latest leader epoch in which the position was found to be in the log. */
  soundEpoch = -1;
  /** The replica to fetch from instead of the leader, and until when; -1 = none. Until `leaderUntil` there shall be none. */
  replica = -1;
  replicaUntil = 0;
  leaderUntil = 0;
  paused = false;
  /** Ours, but the application is not ready for it yet: nothing is looked up or fetched. */
  held = false;
  ended = false;
  /** The leave-taking it is part of; `undefined` = it stays. */
  leave: object | undefined;
  /** Positions that are being asked for. */
  resolving = 0;
  /** The position fell out of the log at this offset: the next one found is a reset, not a start. */
  resetFrom: bigint | undefined;
  /** Reset by policy because it appeared after the subscription, rather than by `offsetReset`. */
  readonly appearedLater: boolean;
  /** Faults in a row. */
  attempts = 0;
  /** Left alone until then, in ms of the runtime's clock, unless another leader than `failedAt` comes up. */
  retryAt = 0;
  /** The leader at the last fault; -1 = none. */
  failedAt = -1;
  /** The watermark that the last commit covered, or where reading began: a watermark that differs is to be committed. */
  accounted: bigint | undefined;
  /** What was last committed. */
  committed: bigint | undefined;
  /** `partition-unavailable` was told. */
  unavailable = false;
  /** Its last fetch brought nothing. */
  idle = false;
  /** What comes next cannot be read, as the delivery is going to tell: nothing more is asked for. */
  spoilt = false;
  /** Where it could not be read, how often in a row, and until when it is not tried again, also by another view. */
  suspect: { readonly offset: bigint; readonly times: number; readonly until: number } | undefined;
  #older = NOTHING;
  #newer = NOTHING;
  readonly #epochs: { readonly from: bigint; readonly epoch: number }[] = [];

  constructor(
    readonly topic: string,
    readonly partition: number,
    start: Position | undefined,
    until: Position | undefined,
    appearedLater = false,
  ) {
    this.key = partitionKey(this);
    this.start = start;
    this.until = until;
    this.appearedLater = appearedLater;
  }

  /** At most two responses of a partition wait for delivery: one being delivered, one behind it. */
  get hasRoom(): boolean {
    return this.delivery !== undefined && this.delivery.position >= this.#older;
  }

  /** Placed, wanted, and not at its end: it is to be fetched as soon as there is room. */
  get wantsRecords(): boolean {
    return (
      !this.wantsPlace &&
      !this.paused &&
      !this.leaving &&
      !this.held &&
      !this.ended &&
      !this.spoilt &&
      (this.end === undefined || this.offset < this.end)
    );
  }

  /** Being given up: no fetch, no emission, only acks are waited for. */
  get leaving(): boolean {
    return this.leave !== undefined;
  }

  /** Where to read from has to be looked up, for the first time or because the position fell out of the log. */
  get wantsPlace(): boolean {
    return this.delivery === undefined || this.resetFrom !== undefined || this.lacksEnd;
  }

  /** It is to end somewhere, and where is yet to be looked up. */
  get lacksEnd(): boolean {
    return this.until !== undefined && this.end === undefined;
  }

  /** It is to end there from now on; the position stays. A place in the log is as of now, also when the same was asked for before. */
  endAt(until: Position | undefined): void {
    if (until === this.until && (until === undefined || typeof until === 'bigint')) return;
    this.until = until;
    this.end = typeof until === 'bigint' ? until : undefined;
    this.ended = false;
    this.turn++;
    this.resolving = 0;
    if (!this.lacksEnd) this.delivery?.endAt(this.end);
  }

  /** Another leader has come since the last record was read: its log may have parted from what was read (KIP-320). */
  isDoubtful(leaderEpoch: number): boolean {
    return this.lastFetchedEpoch >= 0 && leaderEpoch > this.soundEpoch;
  }

  /** The position is not in the log: `to` is looked up, what is queued is still delivered. */
  outOfRange(to: 'earliest' | 'latest'): void {
    this.turn++;
    this.resetFrom = this.offset;
    this.start = to;
    this.from = undefined;
  }

  /** A response moved the position on. */
  arrived(nextOffset: bigint, leaderEpoch: number): void {
    if (leaderEpoch >= 0 && leaderEpoch !== this.lastFetchedEpoch)
      this.#epochs.push({ from: this.offset, epoch: leaderEpoch });
    if (leaderEpoch >= 0) this.lastFetchedEpoch = leaderEpoch;
    this.offset = nextOffset;
    this.#older = this.#newer;
    this.#newer = nextOffset;
  }

  /** The position is given anew, whatever was read before. */
  moveTo(to: bigint): void {
    this.jump(to);
    // Wherever the watermark comes to stand now is to be committed, also where reading once began: nothing says that was.
    if (this.accounted !== undefined) this.accounted = NOWHERE;
    this.topicId = undefined;
    this.suspect = undefined;
    this.soundEpoch = -1;
  }

  /** The position jumps: what is under way is not for us any more, and nothing waits. */
  jump(to: bigint): void {
    this.turn++;
    this.resolving = 0;
    this.resetFrom = undefined;
    this.offset = to;
    this.spoilt = false;
    this.lastFetchedEpoch = -1;
    this.#epochs.length = 0;
    this.#older = this.#newer = NOTHING;
    this.recovered();
  }

  /** Forgets the position; it is looked up again before the next fetch. */
  displace(start: Position | undefined): void {
    this.moveTo(0n);
    this.delivery = undefined;
    this.start = start;
    this.from = undefined;
    this.ended = false;
  }

  /** A request or look-up went well. */
  recovered(): void {
    this.attempts = 0;
    this.retryAt = 0;
    this.unavailable = false;
  }

  /** The leader epoch of the record before `offset`, for its commit (KIP-320); -1 = unknown. */
  epochBefore(offset: bigint): number {
    let found = -1;
    while (this.#epochs.length > 1 && this.#epochs[1]!.from < offset) this.#epochs.shift();
    if (this.#epochs.length > 0 && this.#epochs[0]!.from < offset) found = this.#epochs[0]!.epoch;
    return found;
  }
}
