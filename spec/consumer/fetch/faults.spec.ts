import { concatMap, map, timer } from 'rxjs';
import { consuming, place, values } from '../consuming';
import type { Consuming } from '../consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };

/** Asked offsets of the fetches that a broker saw, by partition. */
const fetches = (requests: Consuming['requests']) =>
  requests.flatMap(({ api, at, broker, body }) =>
    api === 'Fetch'
      ? [
          {
            at,
            broker,
            body: body as any,
            partitions: (body as any).topics.flatMap((topic: any) => topic.partitions) as any[],
          },
        ]
      : [],
  );

describe('faults of a fetch', () => {
  it.each([
    'UNKNOWN_SERVER_ERROR',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'LEADER_NOT_AVAILABLE',
    'NOT_LEADER_OR_FOLLOWER',
    'REPLICA_NOT_AVAILABLE',
    'REQUEST_TIMED_OUT',
    'KAFKA_STORAGE_ERROR',
    'FENCED_LEADER_EPOCH',
    'UNKNOWN_LEADER_EPOCH',
    'OFFSET_NOT_AVAILABLE',
    'UNKNOWN_TOPIC_ID',
    'INCONSISTENT_TOPIC_ID',
  ])('keeps the position over %s, and asks with growing pauses', error => {
    const seen: string[] = [];
    const errors: unknown[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, requests, at }) => {
      for (const partition of [0, 1]) cluster.append(TOPIC, partition, values(0, 1));
      consumer({ offsetReset: 'earliest' })
        .assign([P0, { topic: TOPIC, partition: 1 }])
        .records.subscribe({ next: record => seen.push(place(record)), error: error => errors.push(error) });
      let fault: { unsubscribe(): void };
      at(2_000, () => (fault = cluster.fault({ api: 'Fetch', topic: TOPIC, partition: 0 }, { error })));
      at(2_600, () => {
        for (const partition of [0, 1]) cluster.append(TOPIC, partition, values(1, 2));
      });
      at(6_000, () => {
        // The neighbour is not held up.
        expect([...seen].sort()).toEqual(['0:0', '1:0', '1:1']);
        const asked = fetches(requests).filter(
          one => one.at >= 2_600 && one.partitions.some(({ partition }) => partition === 0),
        );
        expect(asked.length).toBeLessThanOrEqual(12);
        fault.unsubscribe();
      });
    });
    expect(errors).toEqual([]);
    expect(seen.sort()).toEqual(['0:0', '0:1', '1:0', '1:1']);
  });

  it.each(['NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_SERVER_ERROR', 'OFFSET_NOT_AVAILABLE', 'FENCED_LEADER_EPOCH'])(
    'does not take %s of ListOffsets for an empty log',
    error => {
      const seen: string[] = [];
      consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
        cluster.append(TOPIC, 0, values(0, 2));
        const fault = cluster.fault({ api: 'ListOffsets' }, { error });
        consumer({ offsetReset: 'earliest' })
          .assign([P0])
          .records.subscribe(record => seen.push(place(record)));
        at(3_000, () => fault.unsubscribe());
      });
      expect(seen).toEqual(['0:0', '0:1']);
    },
  );

  it.each(['TOPIC_AUTHORIZATION_FAILED', 'INVALID_TOPIC_EXCEPTION', 'UNSUPPORTED_COMPRESSION_TYPE'])(
    'errors the view with %s, naming the partition',
    error => {
      const errors: unknown[] = [];
      consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer }) => {
        cluster.fault({ api: 'Fetch' }, { error });
        consumer({ offsetReset: 'earliest' })
          .assign([P0])
          .records.subscribe({ error: error => errors.push(error) });
      });
      expect(errors).toEqual([expect.objectContaining({ name: 'BrokerError', error, ...P0 })]);
    },
  );

  it('ends a view with the cause when no broker has answered since the client was made, which used to be silence', () => {
    const ends: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 }, client: { requestTimeoutMs: 1_000 } }, ({ cluster, consumer, runtime }) => {
      cluster.stop(1);
      consumer()
        .assign([P0])
        .records.subscribe({ error: error => ends.push([runtime.scheduler.now(), error]) });
    });
    expect(ends).toEqual([
      [2_000, expect.objectContaining({ name: 'ConnectionError', reason: 'broken', retriable: true })],
    ]);
  });

  it('waits an outage out, however long, once the cluster was there', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 }, client: { requestTimeoutMs: 500 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 1));
      consumer({ offsetReset: 'earliest' })
        .assign([P0])
        .records.subscribe({ next: record => seen.push(place(record)), error: () => seen.push('error') });
      at(1_000, () => cluster.stop(1));
      at(7_000, () => {
        cluster.start(1);
        cluster.append(TOPIC, 0, values(1, 2));
      });
    });
    expect(seen).toEqual(['0:0', '0:1']);
  });

  it('lets a view that retries go on where the last one failed', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      const reading = consumer({ offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe({ next: record => seen.push(place(record)), error: () => seen.push('error') });
      let fault: { unsubscribe(): void };
      at(1_000, () => (fault = cluster.fault({ api: 'Fetch' }, { error: 'TOPIC_AUTHORIZATION_FAILED' })));
      at(3_000, () => {
        fault.unsubscribe();
        cluster.append(TOPIC, 0, values(2, 3));
        reading.records.subscribe(record => seen.push(place(record)));
      });
    });
    expect(seen).toEqual(['0:0', '0:1', 'error', '0:2']);
  });

  it.each([
    ['earliest', ['0:3', '0:4'], 3n],
    ['latest', [], 5n],
  ] as const)(
    'goes on at the %s offset when the position fell out of the log, and says from where to where',
    (outOfRange, expected, to) => {
      const seen: string[] = [];
      consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, events, at }) => {
        cluster.append(TOPIC, 0, values(0, 5));
        cluster.deleteRecords(P0, 3n);
        consumer({ outOfRange })
          .assign([{ ...P0, offset: 1n }])
          .records.subscribe(record => seen.push(place(record)));
        at(5_000, () =>
          expect(events.filter(({ type }) => type === 'offset-reset')).toEqual([
            { type: 'offset-reset', partition: P0, from: 1n, to },
          ]),
        );
      });
      expect(seen).toEqual(expected);
    },
  );

  it('delivers what was fetched before the position fell out of the log, also when `until` lies behind', () => {
    // The jump to the end of the log counted as "everything is delivered": the replay completed over a full queue.
    let delivered = 0n;
    let completed = false;
    let resets: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, events, runtime, at }) => {
      for (let from = 0; from < 600; from += 100) cluster.append(TOPIC, 0, values(from, from + 100));
      consumer({ groupId: 'g', window: { records: 10 }, fetch: { partitionBytes: 2_000 } })
        .assign([{ ...P0, offset: 'earliest', until: 'latest' }])
        .records.pipe(concatMap(record => timer(1, runtime.scheduler).pipe(map(() => record.ack()))))
        .subscribe({ next: () => delivered++, complete: () => (completed = true) });
      at(20, () => cluster.deleteRecords(P0, 600n));
      at(9_000, () => (resets = events.filter(({ type }) => type === 'offset-reset')));
    });
    expect(completed).toBe(true);
    expect(resets).toEqual([{ type: 'offset-reset', partition: P0, from: delivered, to: 600n }]);
    expect(delivered).toBeLessThan(600n);
  });

  it("errors the view when the position fell out of the log and outOfRange is 'error'", () => {
    const errors: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ consumer }) => {
      consumer({ outOfRange: 'error' })
        .assign([{ ...P0, offset: 100n }])
        .records.subscribe({ error: error => errors.push(error) });
    });
    expect(errors).toEqual([
      expect.objectContaining({
        name: 'BrokerError',
        error: 'OFFSET_OUT_OF_RANGE',
        ...P0,
        message: expect.stringContaining('100'),
      }),
    ]);
  });
});
