/**
 * The connections of a client, live, while brokers go and come back: a table of its slots with their state, and a line
 * for each thing that happens. A producer and a consumer work all the time; the end says what they felt of it.
 *
 *   npm run example:connections                                    an embedded cluster, nothing to install
 *   KAFKA_BROKERS=localhost:9092 npm run example:connections       your own Kafka: this client is cut off from its brokers
 */
import {
  Subject,
  bufferTime,
  concatMap,
  defer,
  endWith,
  filter,
  finalize,
  from,
  ignoreElements,
  interval,
  map,
  merge,
  mergeMap,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { Kafka, tcpTransport, utf8 } from '../lib';
import type { BrokerAddress, ConnectionStatus, KafkaEvent, Transport } from '../lib';
import { EmbeddedCluster } from '../lib/testing';

/** When which of the brokers (counted from 0) are down. */
const SCHEDULE = [
  { atMs: 1_000, down: [0], what: 'broker A stops' },
  { atMs: 2_500, down: [], what: 'broker A starts' },
  { atMs: 3_500, down: [1, 2], what: 'brokers B and C stop' },
  { atMs: 5_000, down: [], what: 'brokers B and C start' },
  { atMs: 6_000, down: [0, 1, 2], what: 'all brokers stop' },
  { atMs: 7_500, down: [], what: 'all brokers start' },
];
const SENDING_MS = 9_000;
const GIVE_UP_MS = 30_000;
const PARTITIONS = [0, 1, 2];

const brokers = process.env['KAFKA_BROKERS'];
const embedded = brokers === undefined ? new EmbeddedCluster({ brokers: 3 }) : undefined;
const topic = embedded ? 'pings' : `kafka-rx-connections-${Date.now()}`;

// Brokers that are not ours to stop are out of reach instead: their connections break and new ones are refused.
const unreachable = new Set<string>();
const cut = new Subject<void>();
const nameOf = ({ host, port }: BrokerAddress) => `${host}:${port}`;
const separable =
  (inner: Transport): Transport =>
  (broker, tls) => {
    const fails = (code: string) => throwError(() => Object.assign(new Error(code), { code }));
    const gone = () => unreachable.has(nameOf(broker));
    const cable = cut.pipe(
      filter(gone),
      mergeMap(() => fails('ECONNRESET')),
    );
    return defer(() => (gone() ? fails('ECONNREFUSED') : merge(inner(broker, tls), cable)));
  };

const kafka = new Kafka({
  ...(embedded?.options ?? { brokers: brokers!, transport: separable(tcpTransport) }),
  clientId: 'connections',
});
const producer = kafka.producer({ value: utf8 });
const consumer = kafka.consumer({ value: utf8 });

// ── What is seen ──

const started = Date.now();
const stamp = () => `${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s`;
const live = process.stdout.isTTY === true;
let slots: readonly ConnectionStatus[] = [];
/** Lines of the table on the screen, which the next output replaces. */
let height = 0;

function tableOfSlots(): string[] {
  const cells = slots.map(({ broker, owner, purpose, state, generation, inFlight, reason }) => [
    `${state === 'connected' ? '●' : state === 'connecting' ? '◌' : '✕'} ${state}`,
    `${broker.nodeId ?? '?'} ${nameOf(broker)}`,
    owner,
    purpose,
    `${generation}`,
    `${inFlight}`,
    reason ?? '',
  ]);
  const rows = [['state', 'broker', 'owner', 'purpose', 'generation', 'in flight', 'reason'], ...cells];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  return rows.map(row => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd());
}

/** Lines scroll by above; on a terminal the table stays below them. */
function show(lines: readonly string[]): void {
  const below =
    live && slots.length > 0 ? tableOfSlots().map(line => line.slice(0, (process.stdout.columns || 80) - 1)) : [];
  const up = height > 0 ? `\u001b[${height}A\u001b[J` : '';
  height = below.length;
  process.stdout.write(up + [...lines, ...below].map(line => `${line}\n`).join(''));
}

function lineOf(event: KafkaEvent): string | undefined {
  switch (event.type) {
    case 'connected': {
      const { broker, owner, purpose, generation } = event.connection;
      return `↑ ${nameOf(broker)} connected for ${owner} (${purpose}), generation ${generation}`;
    }
    case 'disconnected': {
      const { broker, owner, purpose, generation } = event.connection;
      const cancelled = event.cancelled > 0 ? `, ${event.cancelled} requests in flight cancelled` : '';
      return `↓ ${nameOf(broker)} disconnected from ${owner} (${purpose}), generation ${generation}: ${event.reason}${cancelled}`;
    }
    case 'leader-changed':
      return `→ ${event.partition.topic}-${event.partition.partition} is led by broker ${event.leader} now`;
    case 'retry':
      return `… ${event.api} is tried again in ${event.delayMs} ms, after attempt ${event.attempt}`;
    case 'partition-unavailable':
      return `? ${event.partition.topic}-${event.partition.partition} is not available`;
    case 'rebootstrap':
      return '↺ no broker answers: back to the addresses given at first';
    default:
      return `  ${event.type}`;
  }
}

const totals = { disconnects: 0, cancelled: 0, reconnects: 0 };
const watch = merge(
  kafka.connections.pipe(tap(list => (slots = list))),
  kafka.events.pipe(
    tap(event => {
      if (event.type === 'connected' && event.connection.generation > 1) totals.reconnects += 1;
      if (event.type !== 'disconnected' || event.reason === 'shutdown') return;
      totals.disconnects += 1;
      totals.cancelled += event.cancelled;
    }),
    map(lineOf),
    filter(line => line !== undefined),
    bufferTime(100),
    // A slot that is refused again and again says the same each time.
    tap(lines => (live || lines.length > 0) && show([...new Set(lines)].map(line => `${stamp()}    ${line}`))),
  ),
).subscribe();

// ── What happens ──

const breakAndMend = from(SCHEDULE).pipe(
  mergeMap(step => timer(step.atMs).pipe(map(() => step))),
  tap(({ down, what }) => {
    if (embedded !== undefined)
      [0, 1, 2].forEach(at => (down.includes(at) ? embedded.stop : embedded.start).call(embedded, at + 1));
    else {
      const known = [
        ...new Set(slots.filter(({ broker }) => broker.nodeId !== undefined).map(slot => nameOf(slot.broker))),
      ];
      // A cluster of one or two has fewer to lose; the addresses given at first may be other names for the same brokers.
      const all =
        down.length === 3 ? [...known, ...slots.map(slot => nameOf(slot.broker)), ...brokers!.split(',')] : [];
      unreachable.clear();
      for (const name of [...all, ...known.sort().filter((_, at) => down.includes(at))]) unreachable.add(name);
      cut.next();
    }
    show([`${stamp()}  ▶ ${what}`]);
  }),
  // Without a terminal the table is shown when things have settled, before the next step.
  mergeMap(() => timer(900)),
  tap(() => live || show(tableOfSlots())),
  ignoreElements(),
);

let sent = 0;
const produce = interval(10).pipe(
  takeUntil(timer(SENDING_MS)),
  mergeMap(number => producer.send({ topic, partition: number % PARTITIONS.length, value: `${number}` })),
  tap(() => (sent += 1)),
  ignoreElements(),
  endWith('sent' as const),
);

const seen = new Set<string>();
const delivery = { doubled: 0, disordered: 0, lastAt: 0, longestGapMs: 0 };
const lastOf = new Map<number, number>();
const consume = consumer
  .assign(PARTITIONS.map(partition => ({ topic, partition, offset: 'earliest' as const })))
  .records.pipe(
    tap(({ value, partition }) => {
      const now = Date.now();
      if (delivery.lastAt > 0) delivery.longestGapMs = Math.max(delivery.longestGapMs, now - delivery.lastAt);
      delivery.lastAt = now;
      if (seen.has(value)) delivery.doubled += 1;
      seen.add(value);
      if (Number(value) < (lastOf.get(partition) ?? -1)) delivery.disordered += 1;
      lastOf.set(partition, Number(value));
    }),
    ignoreElements(),
  );

/** Everything is sent, and as much is read. */
const done = produce.pipe(
  mergeMap(() => interval(50)),
  filter(() => seen.size >= sent),
  take(1),
);
const giveUp = timer(GIVE_UP_MS).pipe(mergeMap(() => throwError(() => new Error('not all records arrived in time'))));

show([
  embedded === undefined
    ? `using ${brokers}: this client will be cut off from its brokers`
    : 'using an embedded cluster of three brokers (set KAFKA_BROKERS for your own)',
]);
kafka
  .admin()
  .createTopics([{ topic, partitions: PARTITIONS.length }])
  .pipe(
    mergeMap(([created]) =>
      created?.error === undefined ? merge(consume, done, breakAndMend, giveUp) : throwError(() => created.error),
    ),
    take(1),
    concatMap(() => (embedded === undefined ? kafka.admin().deleteTopics([topic]) : [undefined])),
    concatMap(() => kafka.close({ drainMs: 2_000 })),
    finalize(() => watch.unsubscribe()),
  )
  .subscribe({
    complete: () => {
      const { doubled, disordered, longestGapMs } = delivery;
      const good = seen.size === sent && doubled === 0 && disordered === 0;
      height = 0;
      console.log(
        [
          `${stamp()}  ${totals.disconnects} times a connection was lost or refused, ${totals.reconnects} times one was made again, ${totals.cancelled} requests in flight were cancelled`,
          `${stamp()}  ${sent} records sent, ${seen.size} read; ${doubled} doubled, ${disordered} out of order; longest silence ${longestGapMs} ms: ${good ? 'nothing was lost' : 'SOMETHING IS WRONG'}`,
        ].join('\n'),
      );
      if (!good) process.exitCode = 1;
    },
    error: (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  });
