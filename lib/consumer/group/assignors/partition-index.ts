import type { TopicPartition } from '../../../types';

/** Numbers all partitions of some topics from 0 on, in order, so that what is known of each can stand in plain arrays. */
export class PartitionIndex {
  readonly topics: readonly string[];
  /** How many there are in all. */
  readonly size: number;
  readonly #starts: number[] = [];
  readonly #places: ReadonlyMap<string, number>;

  constructor(topics: readonly string[], partitions: ReadonlyMap<string, number>) {
    this.topics = topics;
    this.#places = new Map(topics.map((topic, place) => [topic, place]));
    let size = 0;
    for (const topic of topics) {
      this.#starts.push(size);
      size += partitions.get(topic)!;
    }
    this.#starts.push(size);
    this.size = size;
  }

  /** The first number of the topic at this place, and of the one behind it the end. */
  start(place: number): number {
    return this.#starts[place]!;
  }

  /** Its number; -1 = it does not exist. */
  find({ topic, partition }: TopicPartition): number {
    const place = this.#places.get(topic);
    if (place === undefined || partition < 0) return -1;
    const number = this.#starts[place]! + partition;
    return number < this.#starts[place + 1]! ? number : -1;
  }

  /** Calls back for all, in order. */
  forEach(visit: (partition: TopicPartition, number: number) => void): void {
    this.topics.forEach((topic, place) => {
      const start = this.start(place);
      const count = this.start(place + 1) - start;
      for (let partition = 0; partition < count; partition++) visit({ topic, partition }, start + partition);
    });
  }
}
