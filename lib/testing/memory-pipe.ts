import type { Runtime } from '../types';

/** What a socket hands to its reader at a time, at most. */
export const SOCKET_CHUNK_BYTES = 65_536;
/** Above this many bytes on their way, the writer is told to hold. */
const HIGH_WATER_BYTES = 1_048_576;

/** Who reads from a pipe. All are called from a turn of the runtime, never inside `write`. */
export interface PipeReader {
  bytes(chunk: Buffer): void;
  /** The writer ended in order, or cut the line. Nothing follows. */
  ended(how: 'end' | 'reset'): void;
  /** There is room again for the writer. */
  drained(): void;
}

/**
 * One direction of a connection in memory. Behaves like a kernel's socket buffer: what is written is copied, arrives in order one turn of
 * I/O later and in pieces of at most `chunkBytes`; the end comes behind what was written before it.
 */
export class MemoryPipe {
  private readonly queue: Buffer[] = [];
  private queuedBytes = 0;
  private full = false;
  private muted = false;
  private scheduled = false;
  private ending: 'end' | 'reset' | undefined;
  private done = false;

  constructor(
    private readonly runtime: Runtime,
    private readonly reader: PipeReader,
    private readonly chunkBytes: number,
  ) {}

  /** `false` when the writer should hold until `drained`. */
  write(chunks: readonly Uint8Array[]): boolean {
    if (this.ending !== undefined || this.done) return true;
    const copy = Buffer.concat(chunks);
    if (copy.length === 0) return !this.full;
    this.queue.push(copy);
    this.queuedBytes += copy.length;
    if (this.queuedBytes > HIGH_WATER_BYTES) this.full = true;
    this.schedule();
    return !this.full;
  }

  /** Ends behind what was written. */
  end(how: 'end' | 'reset'): void {
    if (this.ending !== undefined || this.done) return;
    this.ending = how;
    this.schedule();
  }

  /** The reader does not want anything for now; what is written stays here. */
  mute(muted: boolean): void {
    this.muted = muted;
    if (!muted) this.schedule();
  }

  /** The reader is gone: what is on its way is lost. */
  close(): void {
    this.done = true;
    this.queue.length = 0;
    this.queuedBytes = 0;
  }

  private schedule(): void {
    if (this.scheduled || this.done || (this.queue.length === 0 && this.ending === undefined)) return;
    this.scheduled = true;
    this.runtime.yield(() => {
      this.scheduled = false;
      this.deliver();
    });
  }

  private deliver(): void {
    // Only what is here now: an answer given meanwhile takes its own turn, so that nobody starves the rest of the program.
    for (let writes = this.queue.length; writes > 0 && !this.muted && !this.done; writes--) {
      const chunk = this.queue.shift()!;
      this.queuedBytes -= chunk.length;
      for (let at = 0; at < chunk.length && !this.done; at += this.chunkBytes)
        this.reader.bytes(chunk.subarray(at, at + this.chunkBytes));
    }
    if (this.done) return;
    if (this.full && this.queuedBytes <= HIGH_WATER_BYTES / 2) {
      this.full = false;
      this.reader.drained();
    }
    if (this.queue.length > 0) return this.muted ? undefined : this.schedule();
    if (this.ending === undefined) return;
    const how = this.ending;
    this.close();
    this.reader.ended(how);
  }
}
