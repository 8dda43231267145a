/**
 * Every kind of call to an address where no Kafka is, in a process of its own: it reports what each of them errored with,
 * and must then end by itself, without an error that nobody caught. See spec/live/bad-input.spec.ts.
 */
import { catchError, concat, defer, forkJoin, map, of, take } from 'rxjs';
import type { Observable } from 'rxjs';
import { ConnectionError, Kafka, KafkaError } from '../../lib';

export interface BadAddressInput {
  readonly address: string;
  readonly timeoutMs: number;
}

/** What a call ended with. */
export interface Ending {
  readonly error: string;
  readonly message: string;
  readonly broker: string;
  readonly retriable: boolean;
  readonly ms: number;
}

export type BadAddressReport = Readonly<Record<'list' | 'send' | 'commit' | 'read' | 'event', Ending>>;

const BROKER = 'none';

function main({ address, timeoutMs }: BadAddressInput): void {
  const kafka = new Kafka({ brokers: address, requestTimeoutMs: timeoutMs / 2, connectTimeoutMs: timeoutMs / 2 });
  const started = performance.now();
  const ending = (error: unknown): Ending => ({
    error: error instanceof Error ? error.name : typeof error,
    message: String(error),
    broker: error instanceof ConnectionError ? `${error.broker.host}:${error.broker.port}` : BROKER,
    retriable: error instanceof KafkaError && error.retriable,
    ms: Math.round(performance.now() - started),
  });
  const endOf = (call: Observable<unknown>): Observable<Ending> =>
    call.pipe(
      map(() => ending('it succeeded')),
      catchError((error: unknown) => of(ending(error))),
      take(1),
    );
  const partition = { topic: 't', partition: 0 };
  const told = new Promise<Ending>(resolve =>
    kafka.events.subscribe(event => event.type === 'disconnected' && event.error && resolve(ending(event.error))),
  );
  const calls: Record<keyof BadAddressReport, Observable<Ending>> = {
    list: endOf(kafka.admin().listTopics()),
    send: endOf(kafka.producer({ deliveryTimeoutMs: timeoutMs }).send({ topic: 't', value: 'v' })),
    commit: endOf(kafka.consumer({ groupId: 'g' }).commit([{ ...partition, offset: 1n }])),
    read: endOf(kafka.consumer().assign([partition]).records),
    event: defer(() => told),
  };
  concat(
    forkJoin(calls).pipe(map(report => console.log(JSON.stringify(report satisfies BadAddressReport)))),
    defer(() => kafka.close({ drainMs: 0 })),
  ).subscribe();
}

main(JSON.parse(process.argv.at(-1)!) as BadAddressInput);
