/** What a splitter tells its owner. Both are called synchronously inside `push` and `drain`, and may call `drain` or `stop`. */
export interface FrameSink {
  /** A frame has begun. `false` skips its bytes: no memory is taken for them and `frame` is not called. */
  begin(correlationId: number, length: number): boolean;
  /** A whole frame, its length prefix left out. Never called for a skipped one. */
  frame(frame: Buffer): void;
  /** The stream means nothing from here on: `head` holds its first bytes (4 to 8). Called once, nothing follows. */
  violation(message: string, head: Buffer): void;
}

/** A frame inside one chunk is handed on as a view of it unless it is that much smaller: a small view would pin a large chunk. */
const VIEW_FROM = 1 / 4;
const HEAD_BYTES = 8;
/** Up to this length a loop costs less than the call that copies: a peer may send byte by byte. */
const SHORT_CHUNK = 16;
const NO_BYTES: Buffer = Buffer.alloc(0);

/**
 * Cuts the bytes of one socket into frames. The length is read first and checked before anything is allocated; the
 * correlation id is shown to the owner before the rest has arrived; then one buffer of the frame's size is filled and
 * each chunk is copied once. One splitter per socket: it is never reused, so a half-read frame cannot reach another one.
 */
export class FrameSplitter {
  /** The largest legal frame, in bytes. May be raised later (a peer that has not proven itself gets less). */
  maxBytes: number;
  readonly #sink: FrameSink;
  #chunk = NO_BYTES;
  #at = 0;
  /** Length prefix and correlation id of the frame that begins, while a chunk ends inside them. */
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  /** The frame being filled, and the bytes still to skip of one nobody waits for. */
  #frame: Buffer | undefined;
  #filled = 0;
  #skipping = 0;
  #stopped = false;

  constructor(maxBytes: number, sink: FrameSink) {
    this.maxBytes = maxBytes;
    this.#sink = sink;
  }

  /** Takes the next bytes of the socket, whose owner must not touch them any more. */
  push(chunk: Uint8Array): void {
    // The owner of an in-memory peer may be answered while it handles a frame of the chunk before: that one comes first.
    if (this.#at < this.#chunk.length) this.drain();
    if (this.#stopped) return;
    this.#chunk = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
    this.drain();
    this.#chunk = NO_BYTES;
    this.#at = 0;
  }

  /** Hands over what is complete of the chunk in hand. Inside a call of the sink, it gets ahead of the loop that made the call. */
  drain(): void {
    while (!this.#stopped && this.#at < this.#chunk.length) this.#step();
  }

  /** Drops a partial frame and ignores all bytes from now on. */
  stop(): void {
    this.#stopped = true;
    this.#chunk = NO_BYTES;
    this.#frame = undefined;
    this.#at = 0;
  }

  #step(): void {
    if (this.#frame !== undefined) this.#fill(this.#frame);
    else if (this.#skipping > 0) this.#skip();
    else this.#begin();
  }

  #begin(): void {
    const { length } = this.#chunk;
    const head = this.#head;
    // The common case: the whole head lies in this chunk, and nothing of it in an earlier one.
    if (this.#headBytes === 0 && length - this.#at >= HEAD_BYTES) {
      const chunk = this.#chunk;
      const at = this.#at;
      this.#at += HEAD_BYTES;
      this.#open(int32(chunk, at), int32(chunk, at + 4), chunk, at);
      return;
    }
    const taken = Math.min(HEAD_BYTES - this.#headBytes, length - this.#at);
    this.#chunk.copy(head, this.#headBytes, this.#at, this.#at + taken);
    this.#headBytes += taken;
    this.#at += taken;
    if (this.#headBytes < 4) return;
    // A length that cannot be is refused at once: the peer may never send a fifth byte.
    if (this.#headBytes < HEAD_BYTES) this.#check(int32(head, 0), head, 0, this.#headBytes);
    else {
      this.#headBytes = 0;
      this.#open(int32(head, 0), int32(head, 4), head, 0);
    }
  }

  #check(length: number, bytes: Buffer, at: number, known: number): boolean {
    if (length >= 4 && length <= this.maxBytes) return true;
    const head = Buffer.from(bytes.subarray(at, at + known));
    const why =
      length < 4
        ? `a frame of ${length} bytes is impossible`
        : `a frame of ${length} bytes exceeds the limit of ${this.maxBytes} (\`maxResponseBytes\`)`;
    this.stop();
    this.#sink.violation(why, head);
    return false;
  }

  #open(length: number, correlationId: number, bytes: Buffer, at: number): void {
    if (!this.#check(length, bytes, at, HEAD_BYTES)) return;
    const rest = length - 4;
    if (!this.#sink.begin(correlationId, length)) {
      this.#skipping = rest;
      return;
    }
    // `begin` may have stopped us.
    if (this.#stopped) return;
    if (bytes === this.#chunk && this.#chunk.length - this.#at >= rest && length >= this.#chunk.length * VIEW_FROM) {
      this.#at += rest;
      this.#sink.frame(bytes.subarray(at + 4, at + 4 + length));
      return;
    }
    this.#frame = Buffer.allocUnsafe(length);
    bytes.copy(this.#frame, 0, at + 4, at + HEAD_BYTES);
    this.#filled = 4;
    this.#fill(this.#frame);
  }

  #fill(frame: Buffer): void {
    const chunk = this.#chunk;
    if (chunk.length > SHORT_CHUNK) {
      const taken = chunk.copy(frame, this.#filled, this.#at);
      this.#filled += taken;
      this.#at += taken;
    } else while (this.#at < chunk.length && this.#filled < frame.length) frame[this.#filled++] = chunk[this.#at++]!;
    if (this.#filled < frame.length) return;
    // Before the call, which may come back here through `drain`.
    this.#frame = undefined;
    this.#sink.frame(frame);
  }

  #skip(): void {
    const taken = Math.min(this.#skipping, this.#chunk.length - this.#at);
    this.#skipping -= taken;
    this.#at += taken;
  }
}

/** Signed and big-endian; `Buffer.readInt32BE` costs ten times as much. */
function int32(bytes: Buffer, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
