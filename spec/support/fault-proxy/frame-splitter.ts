/** What the first bytes of a frame say; of a reply, only the correlation id. */
export interface FrameHead {
  /** Length prefix included. */
  readonly totalBytes: number;
  readonly apiKey: number | undefined;
  readonly correlationId: number | undefined;
}

/** A run of bytes that belongs to one frame. */
export interface Piece {
  readonly bytes: Buffer;
  /** Only with the bytes that begin a frame. */
  readonly head?: FrameHead;
}

/** Bytes that tell all about a frame: length, api key, version, correlation id; or length, correlation id. */
const HEAD_BYTES = { requests: 12, replies: 8 } as const;

/** Tells where frames begin in a stream of bytes, and holds nothing back but the first few bytes of a frame. */
export class FrameSplitter {
  #head: Buffer = Buffer.alloc(0);
  /** Of the frame whose head has passed. */
  #left = 0;

  constructor(private readonly direction: keyof typeof HEAD_BYTES) {}

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const bytes = chunk.subarray(at, at + this.#left);
        this.#left -= bytes.length;
        at += bytes.length;
        pieces.push({ bytes });
        continue;
      }
      const wanted = this.#headBytes();
      const more = chunk.subarray(at, at + wanted - this.#head.length);
      at += more.length;
      this.#head = Buffer.concat([this.#head, more]);
      if (this.#head.length < this.#headBytes()) continue;
      const head = this.#read(this.#head);
      pieces.push({ bytes: this.#head, head });
      this.#left = head.totalBytes - this.#head.length;
      this.#head = Buffer.alloc(0);
    }
    return pieces;
  }

  /** Four bytes tell how long the frame is, which may be shorter than a whole head. */
  #headBytes(): number {
    if (this.#head.length < 4) return 4;
    return Math.min(4 + this.#length(this.#head), HEAD_BYTES[this.direction]);
  }

  /** What is no length makes the rest of the stream one frame: a proxy has nobody to tell. */
  #length(head: Buffer): number {
    const length = head.readInt32BE(0);
    return length < 0 ? Number.MAX_SAFE_INTEGER - 4 : length;
  }

  #read(head: Buffer): FrameHead {
    const totalBytes = 4 + this.#length(head);
    if (this.direction === 'replies')
      return { totalBytes, apiKey: undefined, correlationId: head.length >= 8 ? head.readInt32BE(4) : undefined };
    const whole = head.length >= 12;
    return {
      totalBytes,
      apiKey: whole ? head.readInt16BE(4) : undefined,
      correlationId: whole ? head.readInt32BE(8) : undefined,
    };
  }
}
