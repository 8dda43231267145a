/**
 * A consumer in a process of its own: reads partitions for a group, acks the offsets it is told to, reports, and waits to be
 * killed or closes itself. See spec/live/assign.spec.ts.
 */
import { concatMap, filter, scan, take, tap } from 'rxjs';
import { Kafka } from '../../lib';

/** What it is told. */
export interface AssignChildInput {
  readonly brokers: string;
  readonly groupId: string;
  readonly topic: string;
  readonly partitions: number;
  /** Acks offsets below this, the hole aside; 0 = acks nothing. */
  readonly ackBelow: number;
  readonly hole?: number;
  /** Reports once each partition has delivered this many. */
  readonly read: number;
  /** `hang`: waits to be killed; `close`: closes and ends by itself. */
  readonly then: 'hang' | 'close';
}

/** What it reports. Offsets as numbers, by partition. */
export interface AssignChildReport {
  readonly first: readonly number[];
  readonly committed: readonly number[];
}

function main(input: AssignChildInput): void {
  const { groupId, topic, partitions, ackBelow, hole, read } = input;
  const kafka = new Kafka({ brokers: input.brokers, clientId: 'assign-child' });
  const consumer = kafka.consumer({ groupId, offsetReset: 'earliest', commit: 'manual' });
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const first: number[] = [];
  consumer
    .assign(all)
    .records.pipe(
      tap(record => {
        const offset = Number(record.offset);
        first[record.partition] ??= offset;
        if (offset < ackBelow && offset !== hole) record.ack();
      }),
      scan((counts, { partition }) => {
        counts[partition]!++;
        return counts;
      }, new Array<number>(partitions).fill(0)),
      filter(counts => counts.every(count => count >= read)),
      take(1),
      concatMap(() => consumer.commit()),
      concatMap(offsets => {
        const committed: number[] = [];
        for (const { partition, offset } of offsets) committed[partition] = Number(offset);
        console.log(JSON.stringify({ first, committed } satisfies AssignChildReport));
        return input.then === 'close' ? kafka.close({ drainMs: 0 }) : [];
      }),
    )
    .subscribe({
      error: (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    });
  // A client without a reader holds nothing open; the one who is to be killed must stay.
  if (input.then === 'hang') setInterval(() => undefined, 60_000);
}

main(JSON.parse(process.argv.at(-1)!) as AssignChildInput);
