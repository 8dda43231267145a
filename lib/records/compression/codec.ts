/** One compression codec, synchronous, as a batch's records area is written and read whole. */
export interface Codec {
  /** `level` as Kafka's own option for the codec takes it. Throws an `UnsupportedVersionError` where `checkWriting` does. */
  compress(bytes: Uint8Array, level?: number): Buffer;
  /**
   * Throws when the bytes are no such stream, a `RangeError` when more than `maxBytes` would come out, before that much
   * memory is taken, and an `UnsupportedVersionError` when a package that it takes is not installed.
   */
  decompress(bytes: Uint8Array, maxBytes: number): Buffer;
  /** Throws an `UnsupportedVersionError` that says what is missing, when this process cannot compress. */
  checkWriting?(): void;
  /** What Java takes for a level. [the codec has no levels] */
  readonly levels?: CodecLevels;
}

/** The levels of a codec. */
export interface CodecLevels {
  readonly min: number;
  readonly max: number;
  /** Between the two, and yet none. */
  readonly except?: number;
}

/** What a codec throws when a stream would come to more than is allowed. */
export function tooLarge(codec: string, bytes: number, maxBytes: number): RangeError {
  return new RangeError(`${codec}: ${bytes} bytes are more than the ${maxBytes} allowed`);
}

/** Of lz4 and zstd; clients write one. Each costs some 20 µs, so that a mebibyte of frames without content took 2.4 s. */
const MAX_FRAMES = 1_000;

/** Throws when a stream is made of more frames than anybody writes. */
export function checkFrames(codec: string, frames: number): void {
  if (frames > MAX_FRAMES) throw new Error(`${codec}: more than ${MAX_FRAMES} frames`);
}
