import { Reader } from '../../../bytes/reader';
import { Writer } from '../../../bytes/writer';
import { DecodeError } from '../../../errors';
import type { TopicPartition } from '../../../types';
import { byTopic } from '../../by-topic';

/** What a member had before the round, and of which generation that is. */
export interface StickyClaim {
  readonly owned: readonly TopicPartition[];
  /** -1 = not told: version 0 has none. */
  readonly generation: number;
}

const NOTHING: StickyClaim = Object.freeze({ owned: Object.freeze([]), generation: -1 });

/** As Java's `StickyAssignor` writes it, version 1: topics with their partitions, then the generation. */
export function encodeStickyUserData({ owned, generation }: StickyClaim): Buffer {
  const topics = byTopic(owned);
  const writer = new Writer();
  writer.int32(topics.size);
  for (const [topic, list] of topics) {
    const name = Buffer.from(topic);
    writer.int16(name.length);
    writer.bytes(name);
    writer.int32(list.length);
    for (const partition of list) writer.int32(partition);
  }
  writer.int32(generation);
  return writer.toBuffer();
}

/** Version 0 ends before the generation. Bytes that are neither claim nothing: they are of a member, and may be anything. */
export function decodeStickyUserData(bytes: Buffer | null): StickyClaim {
  if (bytes === null) return NOTHING;
  try {
    const reader = new Reader(bytes);
    const owned: TopicPartition[] = [];
    for (let topics = reader.int32(); topics > 0; topics--) {
      const topic = reader.bytes(reader.int16()).toString();
      for (const partition of reader.int32s(reader.int32())) owned.push({ topic, partition });
    }
    return { owned, generation: reader.remaining >= 4 ? reader.int32() : -1 };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return NOTHING;
  }
}
