/** A producer's identity: what its batches carry. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** The last epoch of an id; one more would not fit. */
const LAST_EPOCH = 0x7fff - 1;

/** Hands out producer ids, and bumps the epochs of transactional ones. */
export class ProducerIds {
  private next = 1000n;
  private readonly transactional = new Map<string, ProducerIdentity>();

  /** A new id, for an idempotent producer. */
  fresh(): ProducerIdentity {
    return { producerId: this.next++, producerEpoch: 0 };
  }

  /**
   * The identity of a transactional id in its next epoch, which fences the last. `known` is what the producer believes
   * it has (id -1 = nothing); `undefined` when somebody else took over since.
   */
  bump(transactionalId: string, known: ProducerIdentity): ProducerIdentity | undefined {
    const current = this.transactional.get(transactionalId);
    if (known.producerId >= 0n) {
      if (current?.producerId !== known.producerId || current.producerEpoch !== known.producerEpoch) return undefined;
    }
    const bumped =
      current === undefined || current.producerEpoch >= LAST_EPOCH
        ? this.fresh()
        : { producerId: current.producerId, producerEpoch: current.producerEpoch + 1 };
    this.transactional.set(transactionalId, bumped);
    return bumped;
  }
}
