import type { Observable, Subscription } from 'rxjs';
import { createProducer } from '../../lib/producer/producer';
import type { ProducerOptions } from '../../lib/producer/options';
import type { Producer } from '../../lib/producer/producer-api';
import { scanBatches } from '../../lib/records/batch-header';
import { openBatch } from '../../lib/records/batch-reader';
import { RecordCursor } from '../../lib/records/record-cursor';
import { readKey, readValue } from '../../lib/records/record-fields';
import { FakeCluster } from './fake-cluster';
import type { FakeClusterOptions, FakeRequest } from './fake-cluster';
import { ManualClock } from './manual-clock';

/** What an Observable has done so far: values, then `done` or the error. */
export interface Watched<T> {
  readonly values: T[];
  error: any;
  done: boolean;
  readonly subscription: Subscription;
}

export function watch<T>(source: Observable<T>): Watched<T> {
  const seen = { values: [] as T[], error: undefined as any, done: false };
  const subscription = source.subscribe({
    next: value => void seen.values.push(value),
    error: error => void (seen.error = error),
    complete: () => void (seen.done = true),
  });
  return Object.assign(seen, { subscription });
}

/** What one batch of a Produce request says on the wire. */
export interface WireBatch {
  readonly topic: string;
  readonly partition: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly values: readonly (string | null)[];
  readonly keys: readonly (string | null)[];
}

/** The batches of a Produce request, decoded. */
export function batchesIn(request: FakeRequest): WireBatch[] {
  return request.body.topicData.flatMap(({ name, partitionData }: any) =>
    partitionData.map(({ index, records }: any): WireBatch => {
      const [header] = scanBatches(records);
      const where = { topic: name, partition: index };
      const cursor = new RecordCursor(openBatch(records, header!, { maxInflatedBytes: 1e9, where }));
      const values: (string | null)[] = [];
      const keys: (string | null)[] = [];
      const frame = openBatch(records, header!, { maxInflatedBytes: 1e9, where }).frame;
      while (cursor.next()) {
        values.push(readValue(frame, cursor.position)?.toString() ?? null);
        keys.push(readKey(frame, cursor.position)?.toString() ?? null);
      }
      return { ...where, epoch: header!.producerEpoch, sequence: header!.baseSequence, values, keys };
    }),
  );
}

/** A producer on a fake cluster in manual time; InitProducerId is answered by itself, Produce waits in `requests`. */
export class ProducerRig {
  readonly clock = new ManualClock();
  readonly fake: FakeCluster;
  readonly producer: Producer;
  ids = 0;

  constructor(options: ProducerOptions = {}, cluster: Partial<FakeClusterOptions> = {}) {
    this.fake = new FakeCluster({
      topics: { t: 1 },
      runtime: this.clock.runtime,
      answer: request =>
        request.api === 'InitProducerId'
          ? { errorCode: 0, producerId: BigInt(7 + this.ids++), producerEpoch: 0 }
          : undefined,
      ...cluster,
    });
    this.producer = createProducer(this.fake.cluster, 'p', options);
  }

  /** Sends one value and lets the turn end. */
  send(value: string, topic = 't', partition?: number) {
    const seen = watch(this.producer.send({ topic, value, ...(partition === undefined ? {} : { partition }) }));
    this.clock.turn();
    return seen;
  }

  /** The values of the batches that wait for an answer, request by request. */
  get waiting(): (readonly (string | null)[])[][] {
    return this.fake.requests.map(request => batchesIn(request).map(batch => batch.values));
  }

  /** Answers the oldest request. */
  reply(response: unknown): void {
    this.fake.requests[0]!.reply(response);
    this.clock.turn();
  }
}
