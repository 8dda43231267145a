import { type Subscriber } from 'rxjs';
import { createProducer } from '../../lib/producer/producer';
import type { ProducerOptions } from '../../lib/producer/options';
import type { Producer } from '../../lib/producer/producer-api';
import type { ProducerRecord } from '../../lib/types';
import { FakeCluster, produced } from '../support/fake-cluster';
import { quick, report } from './stage-report';

// What a record costs from `send` to its result, against a cluster in this process that answers at once:
// `npx tsx spec/bench/producer.bench.ts`. Encode, partition, accumulate, stamp with CRC, settle; no socket. Prints
// medians; gates on nothing.

const RECORDS = 1_000;
const value = 'x'.repeat(100);

interface Load {
  readonly name: string;
  readonly options?: ProducerOptions;
  /** Subscribes `RECORDS` records; `done` is called for each result. */
  readonly run: (send: Producer['send'], done: (records: number) => void) => void;
}

const keys = Array.from({ length: RECORDS }, (_, i) => `key-${i}`);
const bytes = Buffer.alloc(100, 120);

function singles(recordOf: (i: number) => ProducerRecord): Load['run'] {
  return (send, done) => {
    const next = () => done(1);
    for (let i = 0; i < RECORDS; i++) send(recordOf(i)).subscribe(next);
  };
}

const loads: readonly Load[] = [
  { name: '1,000 single sends, keyless string', run: singles(() => ({ topic: 't', value })) },
  { name: '1,000 single sends, keyless Buffer', run: singles(() => ({ topic: 't', value: bytes })) },
  { name: '1,000 single sends, string key', run: singles(i => ({ topic: 't', key: keys[i]!, value })) },
  { name: '1,000 single sends, one header', run: singles(() => ({ topic: 't', value, headers: { trace: 'abcdef' } })) },
  { name: '1,000 single sends, acks 1', options: { acks: 1 }, run: singles(() => ({ topic: 't', value })) },
  {
    name: '10 x 100 records, keyless string',
    run: (send, done) => {
      const batch = Array.from({ length: 100 }, () => ({ topic: 't', value }));
      for (let i = 0; i < RECORDS / 100; i++) send(batch).subscribe(() => done(100));
    },
  },
];

function measure(load: Load, forMs: number, then: (ns: number) => void): void {
  const fake = new FakeCluster({
    topics: { t: 4 },
    answer: request =>
      request.api === 'Produce' ? produced(request) : { errorCode: 0, producerId: 7n, producerEpoch: 0 },
  });
  const { send } = createProducer(fake.cluster, 'bench', load.options);
  const rounds: number[] = [];
  const until = Date.now() + forMs;
  let left = RECORDS;
  let began = process.hrtime.bigint();
  const done = (records: number): void => {
    if ((left -= records) > 0) return;
    const now = process.hrtime.bigint();
    rounds.push(Number(now - began) / RECORDS);
    if (Date.now() > until) {
      rounds.sort((a, b) => a - b);
      then(rounds[rounds.length >> 1]!);
      return;
    }
    setImmediate(round);
  };
  const round = (): void => {
    left = RECORDS;
    began = process.hrtime.bigint();
    load.run(send, done);
  };
  round();
}

/** What RxJS itself takes of it: an Observable and a subscriber per record, one value and a completion. */
function floor(): number {
  const rounds: number[] = [];
  for (let round = 0; round < 1_500; round++) {
    const waiting: Subscriber<unknown>[] = [];
    const began = process.hrtime.bigint();
    const { Observable } = require('rxjs') as typeof import('rxjs');
    let seen = 0;
    for (let i = 0; i < RECORDS; i++)
      new Observable<unknown>(subscriber => void waiting.push(subscriber)).subscribe(() => seen++);
    for (const subscriber of waiting) {
      subscriber.next([{ topic: 't', partition: 0, offset: BigInt(seen), timestamp: 0 }]);
      subscriber.complete();
    }
    rounds.push(Number(process.hrtime.bigint() - began) / RECORDS);
  }
  return rounds.sort((a, b) => a - b)[rounds.length >> 1]!;
}

const rxjs = floor();
report({ stage: 'RxJS alone: an Observable, a subscriber, one value', ns: rxjs });
function next(at: number): void {
  const load = loads[at];
  if (load === undefined) return;
  measure(load, quick ? 200 : 2_000, ns => {
    report({ stage: `send to result, no socket: ${load.name}`, ns });
    setImmediate(next, at + 1);
  });
}
next(0);
