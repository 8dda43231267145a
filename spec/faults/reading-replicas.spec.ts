import { consuming, place, values } from '../consumer/consuming';
import type { Consuming } from '../consumer/consuming';
import { print } from '../support/print';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };
const fetches = (requests: Consuming['requests'], from: number, to = Infinity) =>
  requests.filter(({ api, at }) => api === 'Fetch' && at >= from && at < to);
const brokersOf = (requests: Consuming['requests'], from: number, to?: number) => [
  ...new Set(fetches(requests, from, to).map(({ broker }) => broker)),
];

/** Reads from the leader 1 in rack a with a client in rack b, where broker 2 is; something happens at 3 s, and records come at 3.05 s and 4 s. */
function reading(
  happens: (t: Consuming) => void,
  check: (t: Consuming) => void = () => undefined,
  client: object = {},
) {
  const seen: { readonly at: number; readonly place: string }[] = [];
  const errors: unknown[] = [];
  consuming(
    { topics: { [TOPIC]: 1 }, brokers: 3, racks: ['a', 'b', 'c'], forMs: 20_000, client: { rack: 'b', ...client } },
    t => {
      const { cluster, consumer, requests, runtime, at } = t;
      cluster.moveLeader(P0, 1);
      cluster.append(TOPIC, 0, values(0, 2));
      consumer({ offsetReset: 'earliest' })
        .assign([P0])
        .records.subscribe({
          next: record => seen.push({ at: runtime.scheduler.now(), place: place(record) }),
          // Not the end of the client, at the end of the run.
          error: error => runtime.scheduler.now() < 19_000 && errors.push(error),
        });
      at(2_990, () => expect(brokersOf(requests, 500)).toEqual([2]));
      at(3_000, () => happens(t));
      at(3_050, () => cluster.append(TOPIC, 0, values(2, 4)));
      at(4_000, () => cluster.append(TOPIC, 0, values(4, 6)));
      at(15_000, () => check(t));
    },
  );
  expect(errors).toEqual([]);
  expect(seen.map(one => one.place)).toEqual(['0:0', '0:1', '0:2', '0:3', '0:4', '0:5']);
  return Math.max(seen[3]!.at - 3_050, seen[5]!.at - 4_000);
}

describe('E15 reading from the replica in our rack', () => {
  it('is what the leader tells us to, for as long as the metadata count', () => {
    const afterMs = reading(
      () => undefined,
      ({ requests }) => {
        const atLeader = fetches(requests, 500).filter(({ broker }) => broker === 1);
        // The lease is over after five seconds; the leader sends us back at once.
        expect(atLeader.length).toBeGreaterThanOrEqual(1);
        expect(atLeader.length).toBeLessThanOrEqual(3);
      },
      { metadataMaxAgeMs: 5_000 },
    );
    expect(afterMs).toBeLessThan(100);
  });

  it('ends when the replica dies: back to the leader within a second, without being sent to and fro', () => {
    const afterMs = reading(
      ({ cluster }) => cluster.stop(2),
      ({ requests }) => expect(brokersOf(requests, 4_500)).toEqual([1]),
    );
    print(`E15: replica died: records ${afterMs} ms after they were written`);
    expect(afterMs).toBeLessThanOrEqual(1_000);
  });

  it.each([
    'OFFSET_NOT_AVAILABLE',
    'OFFSET_OUT_OF_RANGE',
    'NOT_LEADER_OR_FOLLOWER',
    'REPLICA_NOT_AVAILABLE',
    'KAFKA_STORAGE_ERROR',
    'UNKNOWN_SERVER_ERROR',
  ])('ends when the replica answers %s: back to the leader, the position stays', error => {
    const afterMs = reading(
      ({ cluster }) => cluster.fault({ api: 'Fetch', broker: 2 }, { error }),
      ({ requests, events }) => {
        expect(events.filter(({ type }) => type === 'offset-reset')).toEqual([]);
        // Once it was tried again after ten seconds.
        expect(fetches(requests, 3_100).filter(({ broker }) => broker === 2).length).toBeLessThanOrEqual(3);
      },
    );
    print(`E15: ${error}: records ${afterMs} ms after they were written`);
    expect(afterMs).toBeLessThanOrEqual(1_000);
  });

  it('never happens without a rack', () => {
    consuming({ topics: { [TOPIC]: 1 }, brokers: 3, racks: ['a', 'b', 'c'] }, ({ cluster, consumer, requests, at }) => {
      cluster.moveLeader(P0, 1);
      consumer({ offsetReset: 'earliest' }).assign([P0]).records.subscribe();
      at(5_000, () => expect(brokersOf(requests, 0)).toEqual([1]));
    });
  });
});
