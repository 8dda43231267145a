import { kcat } from '../kcat';

/** Where the broker said that a record is. */
export interface Acked {
  readonly number: number;
  readonly partition: number;
  readonly offset: bigint;
}

/** What an independent reader finds of the records in the log. */
export interface LogBalance {
  readonly inLog: number;
  /** Acked, and not in the log. */
  readonly lost: number;
  /** At more than one offset. */
  readonly doubled: number;
  /** Not where the broker said. */
  readonly misplaced: number;
  /** After a later one of the same partition. */
  readonly reordered: number;
}

/** Reads a topic with kcat, whose keys are the numbers of the records, and compares it with what was acked. */
export async function readBack(brokers: string, topic: string, acked: readonly Acked[]): Promise<LogBalance> {
  const log = await kcat.consume(brokers, topic);
  const placeOf = new Map<number, string>();
  const last = new Map<number, number>();
  let doubled = 0;
  let reordered = 0;
  for (const { key, partition, offset } of log) {
    const number = Number(key);
    if (placeOf.has(number)) doubled++;
    placeOf.set(number, `${partition}@${offset}`);
    if (number < (last.get(partition) ?? -1)) reordered++;
    last.set(partition, number);
  }
  let lost = 0;
  let misplaced = 0;
  for (const { number, partition, offset } of acked) {
    const place = placeOf.get(number);
    if (place === undefined) lost++;
    else if (place !== `${partition}@${offset}`) misplaced++;
  }
  return { inLog: log.length, lost, doubled, misplaced, reordered };
}
