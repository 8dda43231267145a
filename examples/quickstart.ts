/**
 * Records through RxJS operators, while the network fails: produces a stream of orders, reads it with `assign()`, cuts
 * every connection twice in the middle, and shows that nothing was lost, doubled or reordered.
 *
 *   npm run quickstart                                        an embedded cluster, nothing to install
 *   KAFKA_BROKERS=localhost:9092 npm run quickstart           your own Kafka
 */
import {
  Subject,
  bufferTime,
  concatMap,
  defer,
  filter,
  finalize,
  ignoreElements,
  interval,
  map,
  merge,
  mergeMap,
  of,
  range,
  scan,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { Kafka, json, tcpTransport, utf8 } from '../lib';
import type { ConsumerRecord, KafkaEvent, Transport } from '../lib';
import { EmbeddedCluster } from '../lib/testing';

interface Order {
  readonly number: number;
  readonly customer: string;
  readonly cents: number;
}

const ORDERS = 4_000;
const PARTITIONS = [0, 1, 2];
const CUTS_AT_MS = [1_500, 3_000];

const brokers = process.env['KAFKA_BROKERS'];
const embedded = brokers === undefined ? new EmbeddedCluster({ brokers: 3 }) : undefined;
const topic = brokers === undefined ? 'orders' : `kafka-rx-quickstart-${Date.now()}`;

// A transport is an Observable of bytes, so pulling every cable at once is an ordinary operator around it.
const cut = new Subject<void>();
const breakable =
  (inner: Transport): Transport =>
  (broker, tls) =>
    merge(inner(broker, tls), cut.pipe(mergeMap(() => throwError(() => new Error('cable pulled')))));

const kafka = new Kafka({
  ...(embedded?.options ?? { brokers: brokers! }),
  transport: breakable(embedded?.options.transport ?? tcpTransport),
  clientId: 'quickstart',
});
const producer = kafka.producer({ key: utf8, value: json<Order>() });
const consumer = kafka.consumer({ key: utf8, value: json<Order>() });

const started = Date.now();
const print = (text: string) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s  ${text}`);

// What happens underneath: connections as they go and come back, told once per moment.
const changes = kafka.events.pipe(
  bufferTime(100),
  tap(events => {
    const lost = events.filter(event => event.type === 'disconnected' && event.reason === 'broken');
    const back = events.filter(event => event.type === 'connected' && event.connection.generation > 1);
    const cancelled = lost.reduce((sum, event) => sum + (event.type === 'disconnected' ? event.cancelled : 0), 0);
    if (lost.length > 0)
      print(
        `  ↓ ${lost.length} connections disconnected (${ownersOf(lost)}), ${cancelled} requests in flight cancelled`,
      );
    if (back.length > 0) print(`  ↑ ${back.length} connections connected again (${ownersOf(back)})`);
  }),
);
const ownersOf = (events: readonly KafkaEvent[]) =>
  [...new Set(events.map(event => ('connection' in event ? event.connection.owner : '')))].sort().join(', ');
const watch = changes.subscribe();

let sentCents = 0;
const produce = interval(20).pipe(
  take(ORDERS / 20),
  concatMap(burst => range(burst * 20, 20)),
  map((number): Order => ({ number, customer: `customer-${number % 50}`, cents: 100 + ((number * 37) % 900) })),
  mergeMap(order =>
    producer.send({ topic, key: order.customer, value: order }).pipe(
      tap(() => (sentCents += order.cents)),
      ignoreElements(),
    ),
  ),
);

const pullCables = merge(...CUTS_AT_MS.map(atMs => timer(atMs))).pipe(
  tap(() => {
    print('✂ all connections cut');
    cut.next();
  }),
  ignoreElements(),
);

interface Totals {
  readonly seen: ReadonlySet<number>;
  readonly cents: number;
  readonly doubled: number;
  readonly reordered: number;
}
const lastOfCustomer = new Map<string, number>();
function add(totals: Totals, record: ConsumerRecord<string, Order>): Totals {
  const { number, customer, cents } = record.value;
  const reordered = totals.reordered + ((lastOfCustomer.get(customer) ?? -1) > number ? 1 : 0);
  lastOfCustomer.set(customer, number);
  const doubled = totals.doubled + (totals.seen.has(number) ? 1 : 0);
  (totals.seen as Set<number>).add(number);
  return { seen: totals.seen, cents: totals.cents + cents, doubled, reordered };
}

const consume = consumer
  .assign(PARTITIONS.map(partition => ({ topic, partition, offset: 'earliest' as const })))
  .records.pipe(
    scan(add, { seen: new Set<number>(), cents: 0, doubled: 0, reordered: 0 }),
    bufferTime(500),
    filter(buffer => buffer.length > 0),
    map(buffer => ({ records: buffer.length, totals: buffer[buffer.length - 1]! })),
    tap(({ records, totals }) =>
      print(
        `${String(records).padStart(4)} orders read, ${String(totals.seen.size).padStart(4)} in all, running total ${(totals.cents / 100).toFixed(2).padStart(8)} €`,
      ),
    ),
    // The stream itself never ends: we know how many orders there are.
    filter(({ totals }) => totals.seen.size >= ORDERS),
    take(1),
  );

print(
  embedded === undefined
    ? `using ${brokers}`
    : 'using an embedded cluster of three brokers (set KAFKA_BROKERS for your own)',
);
const giveUp = timer(14_000).pipe(mergeMap(() => throwError(() => new Error('not all orders arrived in time'))));
kafka
  .admin()
  .createTopics([{ topic, partitions: PARTITIONS.length }])
  .pipe(
    mergeMap(results => (results[0]?.error === undefined ? of(undefined) : throwError(() => results[0]!.error))),
    concatMap(() => merge(consume, produce, pullCables, giveUp).pipe(take(1))),
    concatMap(({ totals }) => {
      const good = totals.cents === sentCents && totals.doubled === 0 && totals.reordered === 0;
      print(
        `sent ${(sentCents / 100).toFixed(2)} €, read ${(totals.cents / 100).toFixed(2)} €; ${totals.doubled} doubled, ${totals.reordered} out of order: ${good ? 'nothing was lost' : 'SOMETHING IS WRONG'}`,
      );
      if (!good) process.exitCode = 1;
      return embedded === undefined ? kafka.admin().deleteTopics([topic]) : of([]);
    }),
    concatMap(() => defer(() => kafka.close({ drainMs: 2_000 }))),
    finalize(() => watch.unsubscribe()),
  )
  .subscribe({
    error: (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  });
