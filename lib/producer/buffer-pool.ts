/** Below this a fresh buffer costs next to nothing. */
const SMALLEST_BYTES = 16_384;
/** What an idle producer keeps at most. */
const KEPT_BYTES = 2 << 20;

/**
 * The buffers of batches that are stored, for the batches to come. A fresh one of 128 KiB is memory that the kernel has to
 * find and the garbage collector to take back: at 1 kB a record that was a quarter of the work.
 */
export class BufferPool {
  readonly #buffers: Buffer[] = [];
  #bytes = 0;

  /** A buffer of at least `leastBytes`, with the content of an earlier batch; or a fresh one of `freshBytes`. */
  take(leastBytes: number, freshBytes = leastBytes): Buffer {
    const { length } = this.#buffers;
    // Sizes of one producer are alike, so the last one returned will do nearly always, and is the one still in the caches.
    for (let at = length - 1; at >= 0; at--) {
      const buffer = this.#buffers[at]!;
      if (buffer.length < leastBytes) continue;
      this.#buffers.splice(at, 1);
      this.#bytes -= buffer.length;
      return buffer;
    }
    return Buffer.allocUnsafeSlow(freshBytes);
  }

  /** Takes a buffer back that nobody reads or writes any more. Keeps no more than 2 MiB of them. */
  give(buffer: Buffer): void {
    if (buffer.length < SMALLEST_BYTES || this.#bytes + buffer.length > KEPT_BYTES) return;
    this.#buffers.push(buffer);
    this.#bytes += buffer.length;
  }
}
