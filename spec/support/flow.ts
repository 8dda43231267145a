import {
  Observable,
  Subject,
  filter,
  firstValueFrom,
  ignoreElements,
  merge,
  take,
  takeUntil,
  tap,
  timeout,
} from 'rxjs';
import type { Kafka } from '../../lib';
import { Ledger, type Balance } from './ledger';

/** Records that are sent and read without a pause while a test does harm, with exact books. */
export interface Flow {
  readonly sent: number;
  /** Resolves once `count` records whose sending began after this call have been read. Rejects as soon as the flow has failed. */
  another(count: number): Promise<void>;
  /** Sends no more, waits until all that were sent are stored and read, and gives the balance. */
  finish(): Promise<Balance>;
}

export interface FlowOptions {
  readonly topic: string;
  readonly partitions: number;
  /** Sends that wait for their answer at any time. [100] */
  readonly inFlight?: number;
  /** How long `another` and `finish` wait. */
  readonly patienceMs: number;
  /** Reads for a group, with acks by hand. */
  readonly groupId?: string;
}

const CAPACITY = 10_000_000;
const KEYS = 50;

/** Starts sending and reading. Both go on until `finish`; a `send` or a view that errors ends the flow with that error. */
export function startFlow(kafka: Kafka, options: FlowOptions): Flow {
  const { topic, partitions, inFlight = 100, patienceMs, groupId } = options;
  const producer = kafka.producer();
  const consumer = kafka.consumer(groupId === undefined ? {} : { groupId, ack: 'manual' });
  const ledger = new Ledger(CAPACITY);
  const progress = new Subject<void>();
  const read = new Uint8Array(CAPACITY);
  let sent = 0;
  let stored = 0;
  let stopping = false;
  /** All numbers below it have been read. */
  let readBelow = 0;

  const sending = new Observable<never>(subscriber => {
    const next = (): void => {
      if (stopping || subscriber.closed) return;
      const number = sent++;
      producer.send({ topic, key: `k${number % KEYS}`, value: String(number) }).subscribe({
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          stored++;
          progress.next();
          next();
        },
      });
    };
    for (let i = 0; i < inFlight; i++) next();
  });
  const reading = consumer
    .assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 'earliest' as const })))
    .records.pipe(
      tap(record => {
        const number = Number(record.rawValue!.toString());
        ledger.book(number, record.rawKey!.toString(), record.partition, record.offset);
        read[number] = 1;
        while (read[readBelow] === 1) readBelow++;
        if (groupId !== undefined) record.ack();
        progress.next();
      }),
      ignoreElements(),
    );
  // The flow fails for all who wait on it, now and later.
  const failed = new Subject<never>();
  let failure: { readonly error: unknown } | undefined;
  const stopped = new Subject<void>();
  merge(sending, reading)
    .pipe(takeUntil(stopped))
    .subscribe({
      error: (error: unknown) => {
        failure = { error };
        failed.error(error);
      },
    });

  const until = async (what: string, holds: () => boolean): Promise<void> => {
    if (failure !== undefined) throw failure.error;
    if (holds()) return;
    const overdue = (): never => {
      throw new Error(
        `${what}: not within ${patienceMs} ms; ${sent} sent, ${stored} stored, all below ${readBelow} read`,
      );
    };
    await firstValueFrom(
      merge(progress, failed).pipe(filter(holds), take(1), timeout({ first: patienceMs, with: overdue })),
    );
  };

  return {
    get sent() {
      return sent;
    },
    another(count) {
      const target = sent + count;
      return until(`another ${count} records`, () => readBelow >= target);
    },
    async finish() {
      stopping = true;
      await until('the rest of the records', () => stored === sent && readBelow >= sent);
      stopped.next();
      const { seen, doubled, reordered } = ledger.balance;
      return { seen, lost: sent - seen, doubled, reordered };
    },
  };
}
