import { CODE } from './error-codes';

/** How many of a producer's last batches a broker remembers per partition: hence at most five requests in flight. */
const REMEMBERED_BATCHES = 5;
const MAX_SEQUENCE = 0x7fff_ffff;

/** What the check of a batch needs to know of it. `producerId` -1 = not idempotent. */
export interface SequencedBatch {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly lastOffsetDelta: number;
}

/** Where a remembered batch was stored; `logAppendTimeMs` is -1 unless the topic uses LogAppendTime. */
export interface StoredAt {
  readonly baseOffset: bigint;
  readonly logAppendTimeMs: number;
}

/** What to do with a batch: append it, answer as for the first time, or refuse it with an error code. */
export type SequenceVerdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly stored: StoredAt }
  | { readonly kind: 'refused'; readonly errorCode: number };

interface RememberedBatch extends StoredAt {
  readonly first: number;
  readonly last: number;
}

interface ProducerEntry {
  epoch: number;
  /** Oldest first. */
  readonly batches: RememberedBatch[];
}

const APPEND: SequenceVerdict = Object.freeze({ kind: 'append' });

/**
 * What one partition knows about the producers that write to it, as Kafka's `ProducerStateManager`: the last five
 * batches of each. A resend of one of them is answered with its first offset; what neither follows the last batch nor
 * repeats one of the five is out of order; a producer of an older epoch is fenced. A producer never seen here may begin with any
 * sequence (its records may have been deleted, KIP-360), and a new epoch begins with 0.
 */
export class SequenceWindow {
  private readonly producers = new Map<bigint, ProducerEntry>();

  check(batch: SequencedBatch): SequenceVerdict {
    if (batch.producerId < 0n) return APPEND;
    const entry = this.producers.get(batch.producerId);
    if (entry === undefined) return APPEND;
    if (batch.producerEpoch < entry.epoch) return { kind: 'refused', errorCode: CODE.INVALID_PRODUCER_EPOCH };
    if (batch.producerEpoch > entry.epoch) {
      return batch.baseSequence === 0 ? APPEND : { kind: 'refused', errorCode: CODE.OUT_OF_ORDER_SEQUENCE_NUMBER };
    }
    const last = lastSequence(batch);
    const stored = entry.batches.find(known => known.first === batch.baseSequence && known.last === last);
    if (stored !== undefined) return { kind: 'duplicate', stored };
    const newest = entry.batches.at(-1);
    if (batch.baseSequence === nextSequence(newest?.last ?? -1)) return APPEND;
    return { kind: 'refused', errorCode: CODE.OUT_OF_ORDER_SEQUENCE_NUMBER };
  }

  /** Remembers a batch that was appended. */
  remember(batch: SequencedBatch, stored: StoredAt): void {
    if (batch.producerId < 0n) return;
    let entry = this.producers.get(batch.producerId);
    if (entry === undefined || entry.epoch !== batch.producerEpoch) {
      entry = { epoch: batch.producerEpoch, batches: [] };
      this.producers.set(batch.producerId, entry);
    }
    entry.batches.push({ ...stored, first: batch.baseSequence, last: lastSequence(batch) });
    if (entry.batches.length > REMEMBERED_BATCHES) entry.batches.shift();
  }

  /** A marker of a transaction carries the producer's epoch, but no sequence: older epochs are fenced from here on. */
  fence(producerId: bigint, epoch: number): void {
    const entry = this.producers.get(producerId);
    if (entry === undefined || entry.epoch < epoch) this.producers.set(producerId, { epoch, batches: [] });
  }
}

/** Sequences count records and wrap from 2^31 - 1 to 0. */
function lastSequence(batch: SequencedBatch): number {
  return (batch.baseSequence + batch.lastOffsetDelta) % (MAX_SEQUENCE + 1);
}

function nextSequence(last: number): number {
  return last === MAX_SEQUENCE ? 0 : last + 1;
}
