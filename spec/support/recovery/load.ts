import {
  EMPTY,
  Subject,
  catchError,
  concatMap,
  filter,
  ignoreElements,
  interval,
  merge,
  mergeMap,
  range,
  startWith,
  take,
  takeUntil,
  tap,
  timeout,
  firstValueFrom,
  type Observable,
} from 'rxjs';
import type { Kafka } from '../../../lib';
import { Ledger, type Balance } from '../ledger';
import type { Acked } from './read-back';
import { Watch } from './watch';

export interface LoadOptions {
  readonly topic: string;
  readonly partitions: number;
  readonly groupId: string;
}

/** The books of a load that has ended. */
export interface LoadBalance extends Balance {
  /** Sends that errored. */
  readonly failed: number;
  /** Deliveries that did not follow the one before in their partition, offset by offset. */
  readonly gaps: number;
  /** Records whose acknowledgement was not committed in the end. */
  readonly uncommitted: number;
}

const EVERY_MS = 10;
const CAPACITY = 5_000_000;

/**
 * A record to every partition each 10 ms, and a consumer that reads them for a group by `assign`, with exact books: what
 * a test does harm to. Numbers are the keys of the records, for whoever reads the log later.
 */
export class Load {
  readonly acked: Acked[] = [];
  readonly #sentAt: number[] = [];
  readonly #errors: unknown[] = [];
  readonly #watches = new Set<Watch>();
  readonly #next: bigint[] = [];
  readonly #committed: bigint[] = [];
  readonly #ledger = new Ledger(CAPACITY);
  readonly #bursts = new Subject<{ readonly count: number; readonly bytes: number }>();
  readonly #progress = new Subject<void>();
  readonly #stopSending = new Subject<void>();
  readonly #consumer;
  readonly #producer;
  #delivered = 0;
  #gaps = 0;

  constructor(
    kafka: Kafka,
    private readonly options: LoadOptions,
  ) {
    const { topic, partitions, groupId } = options;
    this.#producer = kafka.producer();
    this.#consumer = kafka.consumer({ groupId, ack: 'manual', commit: { everyMs: 1_000 } });
    const assigned = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
    const reading = this.#consumer.assign(assigned.map(one => ({ ...one, offset: 'earliest' as const }))).records.pipe(
      tap(record => {
        this.#deliver(Number(record.rawKey!.toString()), record.partition, record.offset);
        record.ack();
      }),
    );
    const committing = this.#consumer.commits.pipe(
      tap(offsets => offsets.forEach(({ partition, offset }) => (this.#committed[partition] = offset))),
    );
    const steady = interval(EVERY_MS).pipe(
      takeUntil(this.#stopSending),
      concatMap(() => range(0, partitions)),
      mergeMap(partition => this.#send(partition, 'steady')),
    );
    const bursts = this.#bursts.pipe(
      mergeMap(({ count, bytes }) =>
        range(0, count).pipe(mergeMap(i => this.#send(i % partitions, 'x'.repeat(bytes)))),
      ),
    );
    merge(steady, bursts, reading, committing)
      .pipe(ignoreElements())
      .subscribe({ error: (error: unknown) => this.#fail(error) });
  }

  get sent(): number {
    return this.#sentAt.length;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Looks at these partitions from now on. [all] */
  watch(partitions?: readonly number[], { old = false } = {}): Watch {
    const all = Array.from({ length: this.options.partitions }, (_, partition) => partition);
    const watch = new Watch(performance.now(), partitions ?? all, old);
    this.#watches.add(watch);
    return watch;
  }

  /** Resolves once each partition has stored and delivered a record that was sent after this call. */
  async flowing(withinMs: number): Promise<void> {
    await this.watch().recovered(withinMs);
    this.#watches.clear();
  }

  /** So many more records at once, of that size. */
  burst(count: number, bytes: number): void {
    this.#bursts.next({ count, bytes });
  }

  /** Sends no more, waits until everything is stored, read and committed, and closes the books. */
  async finish(withinMs: number): Promise<LoadBalance> {
    this.#stopSending.next();
    await this.#until('the rest of the records', withinMs, () => {
      const settled = this.acked.length + this.#errors.length === this.sent;
      return settled && this.#ledger.balance.seen >= this.acked.length;
    });
    await firstValueFrom(this.#consumer.close({ drainMs: withinMs }));
    const { seen, doubled, reordered } = this.#ledger.balance;
    const uncommitted = this.#next.reduce((sum, next, p) => sum + Number(next - (this.#committed[p] ?? 0n)), 0);
    const [failed, gaps] = [this.#errors.length, this.#gaps];
    return { seen, lost: this.acked.length - seen, doubled, reordered, failed, gaps, uncommitted };
  }

  #send(partition: number, value: string): Observable<never> {
    const number = this.#sentAt.push(performance.now()) - 1;
    return this.#producer.send({ topic: this.options.topic, partition, key: String(number), value }).pipe(
      tap(([stored]) => {
        this.acked.push({ number, partition, offset: stored!.offset });
        for (const watch of this.#watches) watch.acked(partition, this.#sentAt[number]!);
        this.#progress.next();
      }),
      ignoreElements(),
      catchError((error: unknown) => {
        this.#fail(error);
        return EMPTY;
      }),
    );
  }

  #deliver(number: number, partition: number, offset: bigint): void {
    this.#ledger.book(number, `p${partition}`, partition, offset);
    if (offset !== (this.#next[partition] ?? 0n)) this.#gaps++;
    this.#next[partition] = offset + 1n;
    this.#delivered++;
    for (const watch of this.#watches) watch.delivered(partition, this.#sentAt[number]!);
    this.#progress.next();
  }

  #fail(error: unknown): void {
    this.#errors.push(error);
    this.#progress.next();
  }

  async #until(what: string, withinMs: number, holds: () => boolean): Promise<void> {
    const overdue = (): never => {
      const books = `${this.sent} sent, ${this.acked.length} stored, ${this.#delivered} read`;
      throw new Error(`${what}: not within ${withinMs} ms; ${books}; errors: ${this.#errors.slice(0, 3).map(String)}`);
    };
    const news = this.#progress.pipe(startWith(undefined), filter(holds), take(1));
    await firstValueFrom(news.pipe(timeout({ first: withinMs, with: overdue })));
  }
}

/** The books of a load to which nothing happened that its user would notice. */
export function unharmed(load: Load): LoadBalance {
  return { seen: load.acked.length, lost: 0, doubled: 0, reordered: 0, failed: 0, gaps: 0, uncommitted: 0 };
}
