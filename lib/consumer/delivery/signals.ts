/** A delivered record or batch: its place in the partition's ring. */
export interface Delivered {
  readonly sequence: number;
  readonly generation: number;
}

/** The abort signals of one partition's records, made when first asked for: most records never are. */
export class Signals {
  private readonly controllers = new Map<Delivered, AbortController>();
  private purgeAt = 64;

  /** The signal of `delivered`; the same one until it is aborted. `isSettled` finds those that can be forgotten. */
  of(delivered: Delivered, isSettled: (delivered: Delivered) => boolean): AbortSignal {
    const known = this.controllers.get(delivered);
    if (known !== undefined) return known.signal;
    if (this.controllers.size >= this.purgeAt) this.purge(isSettled);
    const controller = new AbortController();
    this.controllers.set(delivered, controller);
    return controller.signal;
  }

  /** Aborts one. Asked again, there will be a new signal. */
  abort(delivered: Delivered, reason: unknown): void {
    const controller = this.controllers.get(delivered);
    this.controllers.delete(delivered);
    controller?.abort(reason);
  }

  abortAll(which: (delivered: Delivered) => boolean, reasonOf: () => unknown): void {
    for (const delivered of this.controllers.keys()) if (which(delivered)) this.abort(delivered, reasonOf());
  }

  /** Forgets those that are settled: nobody works on them. */
  purge(isSettled: (delivered: Delivered) => boolean): void {
    for (const delivered of this.controllers.keys()) if (isSettled(delivered)) this.controllers.delete(delivered);
    this.purgeAt = Math.max(64, this.controllers.size * 2);
  }
}
