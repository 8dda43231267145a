/**
 * Reads a topic through `mergeMap(slow, 4)` in a process of its own, so that its memory is the client's alone, and counts
 * at every record how many are delivered and not acked. See spec/live/backpressure.spec.ts.
 */
import { ignoreElements, map, mergeMap, Observable, tap } from 'rxjs';
import { Kafka } from '../../lib';
import type { ConsumerRecord } from '../../lib';
import { peakResidentBytes } from './peak-memory';

/** What it is told. */
export interface BackpressureChildInput {
  readonly brokers: string;
  readonly topic: string;
  readonly partitions: number;
  readonly window: number;
  /** How many turns of the event loop the work on a record takes. */
  readonly slowness: number;
}

/** What it reports at the end. */
export interface BackpressureChildReport {
  readonly records: number;
  readonly mostUnacked: number;
  readonly mostInWork: number;
  readonly inOrder: boolean;
  readonly ms: number;
  /** The most that was ever resident, and what was at the end, in MiB. */
  readonly peakRssMiB: number;
  readonly rssMiB: number;
}

const MIB = 1024 * 1024;

function main({ brokers, topic, partitions, window, slowness }: BackpressureChildInput): void {
  const kafka = new Kafka({ brokers, clientId: 'backpressure-child' });
  const consumer = kafka.consumer({ ack: 'manual', window: { records: window } });
  const started = performance.now();
  const last = new Array<bigint>(partitions).fill(-1n);
  let records = 0;
  let unacked = 0;
  let mostUnacked = 0;
  let inWork = 0;
  let mostInWork = 0;
  let inOrder = true;
  /** Work that takes turns of I/O, not milliseconds: a timer of 1 ms would make a million records a matter of minutes. */
  const slow = (record: ConsumerRecord): Observable<ConsumerRecord> =>
    new Observable(subscriber => {
      mostInWork = Math.max(mostInWork, ++inWork);
      let turns = slowness;
      const turn = (): void => {
        if (--turns > 0) return void setImmediate(turn);
        inWork--;
        subscriber.next(record);
        subscriber.complete();
      };
      setImmediate(turn);
    });
  const all = Array.from({ length: partitions }, (_, partition) => ({
    topic,
    partition,
    offset: 'earliest' as const,
    until: 'latest' as const,
  }));
  consumer
    .assign(all)
    .records.pipe(
      tap(record => {
        records++;
        mostUnacked = Math.max(mostUnacked, ++unacked);
        inOrder &&= record.offset === last[record.partition]! + 1n;
        last[record.partition] = record.offset;
      }),
      mergeMap(slow, 4),
      map(record => {
        unacked--;
        return record.ack();
      }),
      ignoreElements(),
    )
    .subscribe({
      error: (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
      complete: () => {
        const report: BackpressureChildReport = {
          records,
          mostUnacked,
          mostInWork,
          inOrder,
          ms: performance.now() - started,
          peakRssMiB: peakResidentBytes() / MIB,
          rssMiB: process.memoryUsage().rss / MIB,
        };
        console.log(JSON.stringify(report));
        kafka.close({ drainMs: 0 }).subscribe();
      },
    });
}

main(JSON.parse(process.argv.at(-1)!) as BackpressureChildInput);
