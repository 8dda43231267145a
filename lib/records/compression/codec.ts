/** One compression codec, synchronous, as a batch's records area is written and read whole. */
export interface Codec {
  /** `level` as Kafka's own option for the codec takes it; a codec without levels ignores it. */
  compress(bytes: Uint8Array, level?: number): Buffer;
  /** Throws when the bytes are no such stream, and a `RangeError` as soon as more than `maxBytes` would come out. */
  decompress(bytes: Uint8Array, maxBytes: number): Buffer;
}
