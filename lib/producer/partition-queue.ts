import type { Batch } from './batch';

/** A producer's id and epoch, as InitProducerId gives them. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** How a queue may send. */
export interface QueueRules {
  readonly idempotent: boolean;
  /** Batches of one partition in flight at once. More than one keeps the order only with sequences. */
  readonly maxInFlight: number;
}

const LAST_EPOCH = 0x7fff;

/** The sequence `count` records further; it wraps from 2³¹ − 1 to 0. */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) & 0x7fffffff;
}

/**
 * The batches of one partition in the order in which they must be stored, whatever broker leads it: `unresolved` ones
 * that were sent at least once, then `ready` ones, then the `open` one.
 *
 * The order survives retries by two rules. While a batch waits for its retry nothing overtakes it: only the first
 * unresolved one may leave, and only alone. And a sequence number, once given, stays with its batch: what was in
 * flight behind the failed one is refused by the broker (OUT_OF_ORDER_SEQUENCE_NUMBER) and comes back here in order.
 *
 * A sequence number that is given up (its batch failed or expired) leaves a gap. The broker may or may not have stored
 * that batch, so its number is never used again: nothing new leaves until all unresolved batches are known, and the
 * partition then starts from 0 in the next epoch. If the first unresolved batch turns out to be out of order, neither it
 * nor anything behind it was stored, so all of them can be numbered anew; but only once nothing is in flight.
 */
export class PartitionQueue {
  leader = -1;
  topicId: string;
  /** The topic was made anew without this partition: nothing will ever lead it again. */
  lost = false;
  /** It stands in some sender's list. */
  active = false;
  /** Why its leader could not be reached the last time, while it cannot. */
  trouble: unknown;
  /** Who has its batches in flight: another broker may not get the next ones meanwhile. */
  holder: object | undefined;
  open: Batch | undefined;
  /** The size of the last batch before compression: the next one is likely to be like it. */
  lastBytes = 0;
  readonly #ready: Batch[] = [];
  readonly #unresolved: Batch[] = [];
  #inFlight = 0;
  #retrying = 0;
  #identity: ProducerIdentity | undefined;
  #nextSequence = 0;
  /** `new-epoch`, `new-id`: number the unresolved batches anew as soon as nothing is in flight. */
  #renumber: 'new-epoch' | 'new-id' | undefined;
  #gap = false;

  constructor(
    readonly topic: string,
    readonly partition: number,
    topicId: string,
    private readonly rules: QueueRules,
    /** The epochs of this id are used up. */
    private readonly onExhausted: (identity: ProducerIdentity) => void = () => undefined,
  ) {
    this.topicId = topicId;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Nothing is left to be sent; batches may be in flight. */
  get idle(): boolean {
    return this.open === undefined && this.#ready.length === 0 && this.#retrying === 0;
  }

  /** A sequence must be given and there is no producer id to give it for. */
  get needsIdentity(): boolean {
    return this.rules.idempotent && this.#identity === undefined;
  }

  /** Closes the open batch; it is ready to leave. */
  closeOpen(): void {
    const batch = this.open;
    if (batch === undefined) return;
    this.open = undefined;
    this.lastBytes = batch.bytes;
    batch.close();
    batch.state = 'ready';
    this.#ready.push(batch);
  }

  /** The batch that may leave now, if any. */
  next(now: number): Batch | undefined {
    if (this.#renumber !== undefined) return undefined;
    if (this.#retrying > 0) {
      const first = this.#unresolved[0]!;
      return first.state === 'retry' && first.retryAt <= now ? first : undefined;
    }
    if (this.#inFlight >= this.rules.maxInFlight || (this.#gap && this.#unresolved.length > 0)) return undefined;
    if (this.#ready.length > 0) return this.#ready[0];
    return this.open !== undefined && this.open.dueAt <= now ? this.open : undefined;
  }

  /** When `next` may give something that it does not give now, for want of time alone; `Infinity` = something else must happen first. */
  wakeAt(now: number): number {
    const [first] = this.#unresolved;
    const at =
      this.#retrying > 0
        ? first!.state === 'retry'
          ? first!.retryAt
          : Infinity
        : this.#ready.length === 0 && this.open !== undefined
          ? this.open.dueAt
          : Infinity;
    // What is due and does not leave waits for an answer: a timer for it would go round without a pause.
    return at > now ? at : Infinity;
  }

  /** Takes what `next` gave for a request, with its final bytes. `identity` is used when the queue has none yet. */
  take(batch: Batch, identity: ProducerIdentity | undefined, holder: object): void {
    if (batch.state === 'open') this.closeOpen();
    if (batch.state === 'ready') {
      this.#ready.shift();
      this.#unresolved.push(batch);
    } else {
      this.#retrying -= 1;
    }
    batch.state = 'inFlight';
    batch.attempts += 1;
    this.#inFlight += 1;
    this.holder = holder;
    if (!this.rules.idempotent) {
      if (batch.wire === undefined) batch.stamp(-1n, -1, -1);
    } else if (batch.sequence < 0) {
      const { producerId, producerEpoch } = (this.#identity ??= identity!);
      batch.stamp(producerId, producerEpoch, this.#nextSequence);
      this.#nextSequence = sequenceAfter(this.#nextSequence, batch.count);
    }
  }

  /** The batch is stored. */
  stored(batch: Batch): void {
    this.#remove(batch);
    this.#settle();
  }

  /** The batch will not be sent again: it was refused, or it expired. In flight this waits for its answer, which gives it up. */
  giveUp(batch: Batch): void {
    if (batch.sequence >= 0) this.#gap = true;
    this.#remove(batch);
    this.#settle();
  }

  /** The batch comes back and goes out again, not before `at`. One that has expired meanwhile is given up instead. */
  retry(batch: Batch, at: number): void {
    if (batch.settled) {
      this.giveUp(batch);
      return;
    }
    this.#inFlight -= 1;
    this.#retrying += 1;
    batch.state = 'retry';
    batch.retryAt = at;
    this.#settle();
  }

  /** Whether every earlier batch is resolved. */
  isFirst(batch: Batch): boolean {
    return this.#unresolved[0] === batch;
  }

  /** The broker's idea of the sequence has nothing to do with ours: start anew, in the next epoch or with another id. */
  renumber(how: 'new-epoch' | 'new-id'): void {
    this.#renumber = how;
  }

  /** Puts the parts of a batch that was refused for its size in its place. Together they take the sequence it had. */
  split(batch: Batch, parts: readonly Batch[]): void {
    const at = this.#unresolved.indexOf(batch);
    this.#unresolved.splice(at, 1, ...parts);
    this.#inFlight -= 1;
    this.#retrying += parts.length;
    let { sequence } = batch;
    for (const part of parts) {
      part.state = 'retry';
      if (sequence < 0) continue;
      part.stamp(this.#identity!.producerId, this.#identity!.producerEpoch, sequence);
      sequence = sequenceAfter(sequence, part.count);
    }
    batch.state = 'done';
    this.#settle();
  }

  /** Every batch that is not done, in order. */
  batches(): Batch[] {
    return [...this.#unresolved, ...this.#ready, ...(this.open === undefined ? [] : [this.open])];
  }

  #remove(batch: Batch): void {
    if (batch.state === 'inFlight') this.#inFlight -= 1;
    if (batch.state === 'retry') this.#retrying -= 1;
    if (batch === this.open) this.open = undefined;
    else {
      const list = batch.state === 'ready' ? this.#ready : this.#unresolved;
      const at = list.indexOf(batch);
      if (at >= 0) list.splice(at, 1);
    }
    batch.state = 'done';
  }

  #settle(): void {
    if (this.#inFlight > 0) return;
    this.holder = undefined;
    if (!this.rules.idempotent) return;
    if (this.#renumber !== undefined) this.#startAnew(this.#renumber);
    else if (this.#gap && this.#unresolved.length === 0) this.#startAnew('new-epoch');
  }

  #startAnew(how: 'new-epoch' | 'new-id'): void {
    this.#renumber = undefined;
    this.#gap = false;
    this.#nextSequence = 0;
    // They are numbered when they are taken; all of them wait for their retry, so none can overtake another.
    for (const batch of this.#unresolved) batch.sequence = -1;
    const identity = this.#identity;
    if (identity === undefined) return;
    // As the Java client: an idempotent producer may move on to the next epoch by itself (KIP-360).
    if (how === 'new-epoch' && identity.producerEpoch < LAST_EPOCH) {
      this.#identity = { producerId: identity.producerId, producerEpoch: identity.producerEpoch + 1 };
    } else {
      this.#identity = undefined;
      this.onExhausted(identity);
    }
  }
}
