import { consuming, place, values } from '../consumer/consuming';
import { print } from '../support/print';

const TOPIC = 'orders';
const PARTITIONS = 30;
const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition }));

type Happening = Parameters<Parameters<typeof consuming>[1]>[0];

/** Reads 30 partitions, lets something happen at 3 s, writes at 3.1 s, and gives the fetches since, with what was read. */
function fetchesAfter(happens: (t: Happening) => void) {
  const seen: { readonly at: number; readonly place: string }[] = [];
  const errors: unknown[] = [];
  let after: { at: number; id: number; epoch: number; asked: number }[] = [];
  consuming({ topics: { [TOPIC]: PARTITIONS } }, t => {
    const { cluster, consumer, requests, runtime, at } = t;
    consumer({ offsetReset: 'earliest' })
      .assign(all)
      .records.subscribe({
        next: record => seen.push({ at: runtime.scheduler.now(), place: place(record) }),
        error: error => errors.push(error),
      });
    at(2_900, () => cluster.append(TOPIC, 4, values(0, 1)));
    at(3_000, () => happens(t));
    at(3_100, () => {
      cluster.append(TOPIC, 4, values(1, 2));
      cluster.append(TOPIC, 20, values(0, 1));
    });
    at(6_000, () => {
      after = requests.flatMap(({ api, at, body }) => {
        const { sessionId: id, sessionEpoch: epoch, topics } = body as any;
        return api === 'Fetch' && at >= 3_000 ? [{ at, id, epoch, asked: topics[0]?.partitions.length ?? 0 }] : [];
      });
    });
  });
  return { seen, errors, after };
}

describe('E16 a fetch session that the broker does not know any more', () => {
  it.each(['FETCH_SESSION_ID_NOT_FOUND', 'INVALID_FETCH_SESSION_EPOCH', 'FETCH_SESSION_TOPIC_ID_ERROR'])(
    '%s: one complete fetch at once, with every position',
    error => {
      const { seen, errors, after } = fetchesAfter(({ cluster }) =>
        cluster.fault({ api: 'Fetch', times: 1 }, { error }),
      );
      const refused = after.findIndex(({ epoch }) => epoch > 0);
      const again = after[refused + 1]!;
      print(`E16: ${error}: complete fetch ${again.at - after[refused]!.at} ms after the refusal`);
      expect(again).toMatchObject({ epoch: 0, asked: PARTITIONS });
      expect(again.at).toBe(after[refused]!.at);
      expect(after.filter(({ epoch }) => epoch === 0)).toHaveLength(1);
      expect(errors).toEqual([]);
      expect(seen.map(one => one.place).sort()).toEqual(['20:0', '4:0', '4:1']);
    },
  );

  it('evicted: the same, without a script', () => {
    const { seen, after } = fetchesAfter(({ cluster }) => cluster['state'].fetchSessions(1)['sessions'].clear());
    expect(after.filter(({ epoch }) => epoch === 0)).toHaveLength(1);
    expect(seen.map(one => one.place).sort()).toEqual(['20:0', '4:0', '4:1']);
  });

  it('cut off: the next connection begins with a complete fetch', () => {
    const { seen, errors, after } = fetchesAfter(({ cluster }) => cluster.disconnect(1));
    expect(after[0]).toMatchObject({ epoch: 0, asked: PARTITIONS });
    expect(after.filter(({ epoch }) => epoch === 0)).toHaveLength(1);
    print(`E16: cut: records ${seen.at(-1)!.at - 3_100} ms after they were written`);
    expect(seen.at(-1)!.at - 3_100).toBeLessThan(500);
    expect(errors).toEqual([]);
    expect(seen.map(one => one.place).sort()).toEqual(['20:0', '4:0', '4:1']);
  });

  it('refused for good: asks with growing pauses, and loses nothing once it may', () => {
    const { seen, errors, after } = fetchesAfter(({ cluster, at }) => {
      const fault = cluster.fault({ api: 'Fetch' }, { error: 'FETCH_SESSION_ID_NOT_FOUND' });
      at(2_000, () => fault.unsubscribe());
    });
    const meanwhile = after.filter(({ at }) => at < 5_000);
    print(`E16: refused for 2 s: ${meanwhile.length} requests`);
    expect(meanwhile.length).toBeLessThanOrEqual(9);
    expect(errors).toEqual([]);
    expect(seen.map(one => one.place).sort()).toEqual(['20:0', '4:0', '4:1']);
  });
});
