import { murmur2 } from '../bytes/murmur2';
import type { Bytes } from '../types';

/** Grows to the longest string key seen; its content lives for one call only. */
let scratch = Buffer.allocUnsafe(256);

/** Java's placement of a key, the empty one included: every client that hashes like Java finds it on the same partition. */
export function partitionOfKey(key: Uint8Array | string, partitions: number): number {
  return (hashOf(key) & 0x7fffffff) % partitions;
}

function hashOf(key: Uint8Array | string): number {
  if (typeof key !== 'string') return murmur2(key);
  if (scratch.length < key.length * 3) scratch = Buffer.allocUnsafe(key.length * 3);
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code > 0x7f) return murmur2(scratch, scratch.write(key, 'utf8'));
    scratch[i] = code;
  }
  return murmur2(scratch, key.length);
}

/** The key as bytes, for a partitioner of the user's. */
export function keyBytes(key: Bytes): Uint8Array | null {
  return typeof key === 'string' ? Buffer.from(key) : key;
}

/**
 * Where records without a key go: one partition until about a batch of bytes is written to it, then another at random,
 * so that batches fill up and the load still evens out (KIP-480, KIP-794 without its weights). Only partitions with a
 * leader are chosen while there are any.
 */
export class StickyPartition {
  #current = -1;
  #room = 0;

  /** The partition for the next record. `available` are the partitions that have a leader; not empty. */
  choose(available: readonly number[], batchBytes: number, random: () => number): number {
    if (this.#room > 0 && this.#current >= 0) return this.#current;
    this.#room = batchBytes;
    let at = Math.min(available.length - 1, Math.floor(random() * available.length));
    // The same one again would make the next batch wait behind the last.
    if (available.length > 1 && available[at] === this.#current) at = (at + 1) % available.length;
    return (this.#current = available[at]!);
  }

  /** Bytes were written to the chosen partition. */
  wrote(bytes: number): void {
    this.#room -= bytes;
  }

  /** These are the available partitions now: the current one may be none of them. */
  keepTo(available: readonly number[]): void {
    if (!available.includes(this.#current)) this.#current = -1;
  }
}
