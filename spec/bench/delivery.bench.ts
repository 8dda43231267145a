import { Delivery } from '../../lib/consumer/delivery/delivery';
import type { PartitionDelivery } from '../../lib/consumer/delivery/partition-delivery';
import type { FetchedBatch } from '../../lib/consumer/fetch/fetched-batch';
import { scanBatches } from '../../lib/records/batch-header';
import { buildBatch } from '../../lib/records/build-batch';
import { handle } from '../../lib/operators/handle';
import { realRuntime } from '../../lib/runtime';
import type { ConsumerRecord } from '../../lib/types';
import { quick, report } from './stage-report';

// Nanoseconds of CPU (all threads, so garbage collection too) per record from the fetched batch to the subscriber: CRC, cursor, record object, window, `next`, value
// read, ack. Run with `npx tsx spec/bench/delivery.bench.ts`.

const RECORDS = quick ? 200_000 : 2_000_000;
const PARTITIONS = 4;
const PER_BATCH = 160; // 16 KiB batches of 100-byte values, as a producer with default settings makes them
const ROUNDS = quick ? 3 : 5;
const value = Buffer.alloc(100, 'x');
const resolved = Promise.resolve();

/** One batch's bytes for all: what is measured is reading, and the frames of a real fetch are as warm. */
const bytes = buildBatch(Array.from({ length: PER_BATCH }, (_, i) => ({ timestamp: 1_700_000_000_000 + i, value })));

/** Feeds `total` records as a fetcher would: a partition gets more when its buffer went down. */
function feed(
  ack: 'manual' | 'auto',
  total: number,
  view: (delivery: Delivery, done: () => void) => void,
): Promise<number> {
  const next = new Map<PartitionDelivery, number>();
  const batchesEach = Math.ceil(total / PARTITIONS / PER_BATCH);
  const [header] = scanBatches(bytes);
  const fill = () => {
    for (const [partition, fed] of next) {
      if (fed === batchesEach || partition.bufferedBytes > 512 * 1024) continue;
      const batches: FetchedBatch[] = [];
      const until = Math.min(batchesEach, fed + 64);
      for (let at = fed; at < until; at++) {
        const moved = Object.assign(Object.create(Object.getPrototypeOf(header)), header, {
          baseOffset: BigInt(at * PER_BATCH),
        });
        batches.push({
          records: bytes,
          header: moved,
          from: moved.baseOffset,
          highWatermark: 1_000_000_000n,
          retainedBytes: bytes.length,
        });
      }
      next.set(partition, until);
      partition.push(batches);
    }
  };
  const delivery = new Delivery(
    {
      runtime: realRuntime,
      ack,
      window: { records: 1_000, bytes: 32 << 20, ackAhead: 8_192 },
      retryBackoffMs: 100,
      maxInflatedBytes: 1 << 24,
      stallWarnMs: 10_000,
      emit: () => undefined,
    },
    {
      onDemand: fill,
      onFreed: fill,
      onWatermark: () => undefined,
      onRewind: () => undefined,
      onEnded: () => undefined,
      onCorrupt: (_, error) => {
        throw error;
      },
    },
  );
  for (let partition = 0; partition < PARTITIONS; partition++) next.set(delivery.add('bench', partition, 0n), 0);
  return new Promise(resolve => {
    const started = process.cpuUsage();
    view(delivery, () => {
      const { user, system } = process.cpuUsage(started);
      resolve(((user + system) * 1_000) / (batchesEach * PARTITIONS * PER_BATCH));
    });
  });
}

type Case = {
  readonly name: string;
  readonly ack: 'manual' | 'auto';
  readonly run: (delivery: Delivery, total: number, done: () => void) => void;
};

const counted = (total: number, done: () => void) => {
  let seen = 0;
  return (by = 1) => {
    seen += by;
    if (seen >= total) done();
  };
};

export const cases: readonly Case[] = [
  {
    name: 'records, nothing read, ack',
    ack: 'manual',
    run: (delivery, total, done) => {
      const count = counted(total, done);
      delivery.records.subscribe(record => (record.ack(), count()));
    },
  },
  {
    name: 'records, value read, ack',
    ack: 'manual',
    run: (delivery, total, done) => {
      const count = counted(total, done);
      let sum = 0;
      delivery.records.subscribe((record: ConsumerRecord) => {
        sum += record.value!.length;
        record.ack();
        count();
      });
      void sum;
    },
  },
  {
    name: 'records, value read, auto',
    ack: 'auto',
    run: (delivery, total, done) => {
      const count = counted(total, done);
      let sum = 0;
      delivery.records.subscribe((record: ConsumerRecord) => {
        sum += record.value!.length;
        count();
      });
      void sum;
    },
  },
  {
    name: 'records, value read, acked later (a full window at a time)',
    ack: 'manual',
    run: (delivery, total, done) => {
      const count = counted(total, done);
      let sum = 0;
      let waiting: ConsumerRecord[] = [];
      const flush = () => {
        const now = waiting;
        waiting = [];
        for (const record of now) record.ack();
        count(now.length);
      };
      delivery.records.subscribe((record: ConsumerRecord) => {
        sum += record.value!.length;
        if (waiting.push(record) === 1) setImmediate(flush);
      });
      void sum;
    },
  },
  {
    name: 'batches, each value read, batch ack',
    ack: 'manual',
    run: (delivery, total, done) => {
      const count = counted(total, done);
      let sum = 0;
      delivery.batches.subscribe(batch => {
        for (const record of batch.records) sum += record.value.length;
        batch.ack();
        count(batch.records.length);
      });
      void sum;
    },
  },
  {
    name: 'handle, synchronous, value read',
    ack: 'manual',
    run: (delivery, total, done) => {
      const count = counted(total, done);
      let sum = 0;
      const work = (record: ConsumerRecord) => {
        sum += record.value!.length;
        count();
      };
      delivery.records.pipe(handle(work)).subscribe();
      void sum;
    },
  },
  {
    name: 'handle, a promise each, in order of partitions',
    ack: 'manual',
    run: (delivery, total, done) => {
      const count = counted(total, done);
      let sum = 0;
      const work = (record: ConsumerRecord) => {
        sum += record.value!.length;
        count();
        return resolved;
      };
      delivery.records.pipe(handle(work)).subscribe();
      void sum;
    },
  },
  {
    name: 'handle, a promise each, in no order',
    ack: 'manual',
    run: (delivery, total, done) => {
      const count = counted(total, done);
      let sum = 0;
      const work = (record: ConsumerRecord) => {
        sum += record.value!.length;
        count();
        return resolved;
      };
      delivery.records.pipe(handle(work, { order: 'none' })).subscribe();
      void sum;
    },
  },
];

async function main() {
  const only = process.argv[2];
  for (const { name, ack, run } of cases) {
    if (only !== undefined && !name.includes(only)) continue;
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const total = Math.ceil(RECORDS / PARTITIONS / PER_BATCH) * PARTITIONS * PER_BATCH;
      rounds.push(await feed(ack, RECORDS, (delivery, done) => run(delivery, total, done)));
    }
    rounds.sort((a, b) => a - b);
    report({ stage: `frame to subscriber: ${name}`, ns: rounds[ROUNDS >> 1]! });
  }
}

void main();
