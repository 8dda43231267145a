import { retry, timer } from 'rxjs';
import { DecodeError } from '../../lib/errors';
import type { Consumer } from '../../lib/consumer/consumer-api';
import { BATCH } from '../../lib/records/batch-layout';
import type { EmbeddedCluster } from '../../lib/testing/index';
import { consuming, place, values } from '../consumer/consuming';
import type { Consuming } from '../consumer/consuming';
import { print } from '../support/print';

const TOPIC = 'orders';
const PARTITIONS = 50;
const BAD = { topic: TOPIC, partition: 17 };
const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition }));

const batchAt = (cluster: EmbeddedCluster, index: number): Buffer =>
  cluster['state'].partition(TOPIC, BAD.partition)!.log.batches[index]!.bytes as Buffer;

const flipped = (batch: Buffer): void => void (batch[BATCH.records + 3]! ^= 1);
const CORRUPTIONS: readonly (readonly [string, (batch: Buffer) => void])[] = [
  ['a CRC that is wrong', flipped],
  ['a count that the bytes cannot hold', batch => batch.writeInt32BE(0x7fff_fff0, BATCH.recordCount)],
  ['a length of nothing', batch => batch.writeInt32BE(0, 8)],
];

interface Reading {
  /** Distinct records of the healthy partitions that were seen in time, and how often one came again. */
  readonly rest: number;
  readonly repeats: number;
  readonly bad: readonly string[];
  readonly errors: readonly unknown[];
  readonly position: bigint | undefined;
}

/** Each partition gets a record each 100 ms for five seconds; one of them has been corrupted from its third batch on. */
function read(
  corrupt: (batch: Buffer) => void,
  onError: (reading: Consumer, error: unknown) => void = () => undefined,
): Reading {
  const rest = new Set<string>();
  const bad: string[] = [];
  const errors: unknown[] = [];
  let repeats = 0;
  let position: bigint | undefined;
  consuming({ topics: { [TOPIC]: PARTITIONS }, forMs: 7_000 }, ({ cluster, consumer, at }: Consuming) => {
    for (let i = 0; i < 3; i++) cluster.append(TOPIC, BAD.partition, values(2 * i, 2 * i + 2));
    corrupt(batchAt(cluster, 2));
    const reading = consumer({ offsetReset: 'earliest' }).assign(all);
    const view = reading.records
      .pipe(
        retry({
          delay: error => {
            errors.push(error);
            onError(reading, error);
            return timer(0, cluster['state'].runtime.scheduler);
          },
        }),
      )
      .subscribe(record => {
        if (record.partition === BAD.partition) bad.push(place(record));
        else if (rest.has(place(record))) repeats++;
        else rest.add(place(record));
      });
    for (let ms = 1_000; ms < 6_000; ms += 100)
      at(ms, () => all.forEach(({ partition }) => cluster.append(TOPIC, partition, values(0, 1))));
    at(6_050, () => {
      position = reading.position(BAD);
      view.unsubscribe();
    });
  });
  return { rest: rest.size, repeats, bad, errors, position };
}

describe('E17 one corrupt partition among 50', () => {
  const healthy = read(() => undefined);

  it.each(CORRUPTIONS)(
    '%s: errors the view with its offset, and with retry() the others keep their rate',
    (name, corrupt) => {
      const { rest, repeats, bad, errors, position } = read(corrupt);
      print(
        `E17: ${name}: ${errors.length} errors in 6 s, the others ${((100 * rest) / healthy.rest).toFixed(1)} % of their rate, ${repeats} repeats`,
      );
      expect(bad).toEqual(['17:0', '17:1', '17:2', '17:3']);
      expect(errors.length).toBeGreaterThanOrEqual(3);
      expect(errors.length).toBeLessThanOrEqual(9);
      for (const error of errors) {
        expect(error).toBeInstanceOf(DecodeError);
        expect(error).toMatchObject({ ...BAD, offset: 4n });
      }
      expect(position).toBe(4n);
      expect(rest).toBeGreaterThanOrEqual(0.95 * healthy.rest);
    },
  );

  it('is errored once if the application pauses it, and is left behind if it seeks past', () => {
    const paused = read(flipped, reading => reading.pause([BAD]));
    expect([paused.errors.length, paused.position, paused.rest]).toEqual([1, 4n, healthy.rest]);
    const passed = read(flipped, reading => reading.seek(BAD, reading.position(BAD)! + 1n));
    print(`E17: sought past: ${passed.errors.length} errors, ${passed.bad.length} records`);
    // Once for each of the two offsets of the batch.
    expect(passed.errors).toHaveLength(2);
    expect(passed.bad.slice(0, 6)).toEqual(['17:0', '17:1', '17:2', '17:3', '17:6', '17:7']);
    expect(passed.bad).toHaveLength(54);
  });

  it('says nothing of a corrupt marker before the good records that came with it and before it are delivered', () => {
    const seen: string[] = [];
    const ends: unknown[] = [];
    consuming({ topics: { [TOPIC]: 20 } }, ({ cluster, consumer, runtime, at }) => {
      cluster.append(TOPIC, BAD.partition, values(0, 100));
      cluster.append(TOPIC, BAD.partition, values(100, 102), { transaction: 'aborted' });
      flipped(batchAt(cluster, 2));
      const held: { ack(): boolean }[] = [];
      consumer({ offsetReset: 'earliest', ack: 'manual', window: { records: 10 } })
        .assign([BAD])
        .records.subscribe({
          next: record => {
            seen.push(place(record));
            held.push(record);
          },
          error: error => ends.push([runtime.scheduler.now() > 2_000, error]),
        });
      // The rest waits for the window, while the marker is asked for and arrives.
      for (let i = 0; i < 12; i++) at(2_000 + i, () => held.splice(0).forEach(record => record.ack()));
    });
    expect(seen).toHaveLength(100);
    expect(ends).toEqual([[true, expect.objectContaining({ name: 'DecodeError', ...BAD, offset: 102n })]]);
  });

  it('delivers what came before it also when the broker finds the log corrupt', () => {
    const seen: string[] = [];
    const ends: unknown[] = [];
    consuming({ topics: { [TOPIC]: 20 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, BAD.partition, values(0, 20));
      cluster.fault({ api: 'Fetch', nth: 2 }, { error: 'CORRUPT_MESSAGE' });
      const held: { ack(): boolean }[] = [];
      consumer({ offsetReset: 'earliest', ack: 'manual', window: { records: 10 } })
        .assign([BAD])
        .records.subscribe({
          next: record => {
            seen.push(place(record));
            held.push(record);
          },
          error: error => ends.push(error),
        });
      for (let i = 0; i < 12; i++) at(2_000 + i, () => held.splice(0).forEach(record => record.ack()));
    });
    expect(seen).toHaveLength(20);
    expect(ends).toEqual([expect.objectContaining({ name: 'DecodeError', ...BAD, offset: 20n })]);
  });
});
