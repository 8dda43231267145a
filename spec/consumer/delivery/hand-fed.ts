import { VirtualTimeScheduler } from 'rxjs';
import type { Observable } from 'rxjs';
import { Delivery } from '../../../lib/consumer/delivery/delivery';
import type { DeliveryHooks, DeliveryOptions } from '../../../lib/consumer/delivery/delivery';
import type { PartitionDelivery } from '../../../lib/consumer/delivery/partition-delivery';
import type { FetchedBatch } from '../../../lib/consumer/fetch/fetched-batch';
import { scanBatches } from '../../../lib/records/batch-header';
import { buildBatch } from '../../../lib/records/build-batch';
import type { BatchOptions, BatchRecord } from '../../../lib/records/build-batch';
import type { ConsumerRecord, KafkaEventBody, Runtime } from '../../../lib/types';

/** A virtual clock that a spec moves by hand; turns of I/O take no time. */
export class HandClock implements Runtime {
  readonly scheduler = new VirtualTimeScheduler();
  yields = 0;

  constructor() {
    this.scheduler.maxFrames = 0;
  }

  yield(work: () => void) {
    this.yields++;
    return this.scheduler.schedule(work, 0);
  }

  random(): number {
    return 0.5;
  }

  /** Runs everything that is due within the next `ms`. */
  advance(ms = 0): void {
    this.scheduler.maxFrames = this.scheduler.frame + ms;
    this.scheduler.flush();
    this.scheduler.frame = this.scheduler.maxFrames;
  }
}

export type Overrides = Partial<Omit<DeliveryOptions, 'window'>> & {
  readonly window?: Partial<DeliveryOptions['window']>;
  readonly hooks?: Partial<DeliveryHooks>;
};

/** A delivery without a consumer: the spec is its broker, and sees what it asks for. */
export class HandFed {
  readonly clock = new HandClock();
  readonly events: KafkaEventBody[] = [];
  /** What the delivery asked of its consumer, in order. */
  readonly asked: string[] = [];
  readonly delivery: Delivery;

  constructor(overrides: Overrides = {}) {
    const { hooks = {}, window, ...rest } = overrides;
    const note = (what: string) => void this.asked.push(what);
    this.delivery = new Delivery(
      {
        runtime: this.clock,
        ack: 'manual',
        window: { records: 1_000, bytes: 32 << 20, ackAhead: 8_192, ...window },
        retryBackoffMs: 100,
        maxInflatedBytes: 1 << 20,
        stallWarnMs: 10_000,
        emit: event => this.events.push(event),
        ...rest,
      },
      {
        onDemand: active => (note(`demand ${active}`), hooks.onDemand?.(active)),
        onFreed: () => hooks.onFreed?.(),
        onWatermark: it => hooks.onWatermark?.(it),
        onRewind: (it, offset) => (
          note(`rewind ${it.topic}-${it.partition} to ${offset}`),
          hooks.onRewind?.(it, offset)
        ),
        onEnded: it => (note(`ended ${it.topic}-${it.partition}`), hooks.onEnded?.(it)),
        onCorrupt: (it, error) => (note(`corrupt ${it.topic}-${it.partition}`), hooks.onCorrupt?.(it, error)),
      },
    );
  }

  add(partition = 0, from = 0n, until?: bigint): PartitionDelivery {
    return this.delivery.add('orders', partition, from, until);
  }

  /** Pushes a batch of `count` records whose values are their offsets. */
  push(
    to: PartitionDelivery,
    baseOffset: number,
    count: number,
    options: BatchOptions & { readonly from?: number } = {},
  ): void {
    to.push([offsetBatch(baseOffset, count, options)]);
  }

  advance(ms = 0): void {
    this.clock.advance(ms);
  }
}

/** A fetched batch of `count` records from `baseOffset` on, whose values are their offsets and whose keys are `k<offset>`. */
export function offsetBatch(
  baseOffset: number,
  count: number,
  options: BatchOptions & { readonly from?: number } = {},
): FetchedBatch {
  const { from = baseOffset, ...rest } = options;
  const records = Array.from({ length: count }, (_, index) => ({
    timestamp: 1_700_000_000_000 + index,
    key: `k${baseOffset + index}`,
    value: `${baseOffset + index}`,
  }));
  return fetched(records, { baseOffset: BigInt(baseOffset), ...rest }, from);
}

/** A fetched batch of these records. */
export function fetched(
  records: readonly BatchRecord[],
  options: BatchOptions,
  from = Number(options.baseOffset ?? 0n),
): FetchedBatch {
  const bytes = buildBatch(records, options);
  const [header] = scanBatches(bytes);
  return {
    records: bytes,
    header: header!,
    from: BigInt(from),
    highWatermark: 1_000_000n,
    retainedBytes: bytes.length,
  };
}

export const valueOf = (record: ConsumerRecord) => Number(record.rawValue!.toString());
export const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

/** Collects the offsets and the records of a view, and how it ended. */
export function watch<T extends { readonly rawValue: Buffer | null }>(view: Observable<T>) {
  const seen: number[] = [];
  const records: T[] = [];
  const ends: unknown[] = [];
  const subscription = view.subscribe({
    next: record => {
      records.push(record);
      seen.push(Number(record.rawValue!.toString()));
    },
    error: (error: unknown) => ends.push(error),
    complete: () => ends.push('complete'),
  });
  return { seen, records, ends, subscription };
}

/** A window of three records, full. */
export const three = (overrides: ConstructorParameters<typeof HandFed>[0] = {}) => {
  const fed = new HandFed({ window: { records: 3 }, ...overrides });
  const partition = fed.add();
  fed.push(partition, 0, 10);
  const view = watch(fed.delivery.records);
  fed.advance();
  return { fed, partition, ...view };
};
