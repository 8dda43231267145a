/** Kafka's default for `socket.request.max.bytes`. */
const MAX_REQUEST_BYTES = 104_857_600;

/**
 * Cuts the bytes that a broker receives into request frames, their length prefix left out. One per connection. A frame
 * inside one chunk is a view of it; else the pieces are put together once. `push` throws a `RangeError` for a length that no request has.
 */
export class RequestFrames {
  private readonly chunks: Uint8Array[] = [];
  private bytes = 0;

  /** The frames that are complete with this chunk. */
  push(chunk: Uint8Array): Buffer[] {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    const frames: Buffer[] = [];
    while (this.bytes >= 4) {
      const length = this.peekLength();
      if (length < 0 || length > MAX_REQUEST_BYTES) throw new RangeError(`A request of ${length} bytes`);
      if (this.bytes < 4 + length) break;
      frames.push(this.take(4 + length).subarray(4));
    }
    return frames;
  }

  private peekLength(): number {
    // The prefix itself may come in pieces; only then is there anything to join.
    if (this.chunks[0]!.length < 4) this.chunks.splice(0, this.chunks.length, Buffer.concat(this.chunks));
    const first = this.chunks[0]!;
    return (first[0]! << 24) | (first[1]! << 16) | (first[2]! << 8) | first[3]!;
  }

  private take(length: number): Buffer {
    this.bytes -= length;
    const pieces: Uint8Array[] = [];
    for (let missing = length; missing > 0;) {
      const chunk = this.chunks[0]!;
      if (chunk.length <= missing) {
        pieces.push(chunk);
        this.chunks.shift();
        missing -= chunk.length;
      } else {
        pieces.push(chunk.subarray(0, missing));
        this.chunks[0] = chunk.subarray(missing);
        missing = 0;
      }
    }
    return pieces.length === 1 ? asBuffer(pieces[0]!) : Buffer.concat(pieces, length);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
