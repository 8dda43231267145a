import { mergeMap, of, take } from 'rxjs';
import type { Position } from '../../lib/types';
import { consuming, place, values } from './consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };
const P1 = { topic: TOPIC, partition: 1 };

describe('a consumer with assigned partitions', () => {
  it('reads them in order and completes when all have reached their until', () => {
    const seen: string[] = [];
    const ends: string[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      cluster.append(TOPIC, 1, values(3, 5));
      consumer()
        .assign([
          { ...P0, offset: 'earliest', until: 'latest' },
          { ...P1, offset: 1n, until: 'latest' },
        ])
        .records.subscribe({ next: record => seen.push(place(record)), complete: () => ends.push('complete') });
      // "The end as of now" was decided before this.
      at(2_000, () => cluster.append(TOPIC, 0, values(5, 6)));
    });
    expect(seen.sort()).toEqual(['0:0', '0:1', '0:2', '1:1']);
    expect(ends).toEqual(['complete']);
  });

  it('completes at once when there is nothing up to until', () => {
    const ends: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ consumer }) => {
      consumer()
        .assign([{ ...P0, offset: 'earliest', until: 'latest' }])
        .records.subscribe({ next: () => ends.push('next'), complete: () => ends.push('complete') });
    });
    expect(ends).toEqual(['complete']);
  });

  const positions: [string, Position | undefined, string[]][] = [
    ['earliest', 'earliest', ['0:0', '0:1', '0:2', '0:3']],
    ['latest', 'latest', ['0:3']],
    ['an offset', 2n, ['0:2', '0:3']],
    ['the first record not earlier than a timestamp', { timestamp: 2_000 }, ['0:1', '0:2', '0:3']],
    ['the end for a timestamp past the last record', { timestamp: 9_000_000 }, ['0:3']],
    ['the committed offset', 'committed', ['0:1', '0:2', '0:3']],
    ['the committed offset when nothing is said', undefined, ['0:1', '0:2', '0:3']],
  ];
  it.each(positions)('begins at %s', (_, offset, expected) => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, [
        { value: 'a', timestamp: 1_000 },
        { value: 'b', timestamp: 2_000 },
        { value: 'c', timestamp: 3_000 },
      ]);
      consumer({ groupId: 'g' })
        .commit([{ ...P0, offset: 1n }])
        .pipe(
          mergeMap(
            () => consumer({ groupId: 'g' }).assign([{ ...P0, ...(offset === undefined ? {} : { offset }) }]).records,
          ),
        )
        .subscribe(record => {
          seen.push(place(record));
          record.ack();
        });
      at(3_000, () => cluster.append(TOPIC, 0, values(3, 4)));
    });
    expect(seen).toEqual(expected);
  });

  it('follows offsetReset where the group has committed nothing', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      consumer({ groupId: 'g', offsetReset: 'earliest' })
        .assign([P0])
        .records.subscribe(record => seen.push(place(record)));
    });
    expect(seen).toEqual(['0:0', '0:1']);
  });

  it("errors the view when nothing is committed and offsetReset is 'error'", () => {
    const errors: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ consumer }) => {
      consumer({ groupId: 'g', offsetReset: 'error' })
        .assign([P0])
        .records.subscribe({ error: error => errors.push(error) });
    });
    expect(errors).toEqual([
      expect.objectContaining({
        name: 'InvalidStateError',
        message: expect.stringMatching(/orders-0.*group g.*offsetReset/),
      }),
    ]);
  });

  it('asks startAt for partitions without an offset, and the group for those that startAt does not know', () => {
    const seen: string[] = [];
    const asked: unknown[] = [];
    consuming({ topics: { [TOPIC]: 3 } }, ({ cluster, consumer }) => {
      for (const partition of [0, 1, 2]) cluster.append(TOPIC, partition, values(0, 3));
      consumer({
        offsetReset: 'earliest',
        startAt: partitions => {
          asked.push(partitions);
          return of([{ ...P0, offset: 2n }]);
        },
      })
        .assign([P0, P1, { topic: TOPIC, partition: 2, offset: 1n }])
        .records.subscribe(record => seen.push(place(record)));
    });
    expect(asked).toEqual([[P0, P1]]);
    expect(seen.sort()).toEqual(['0:2', '1:0', '1:1', '1:2', '2:1', '2:2']);
  });

  it('passes on what startAt errors with', () => {
    const errors: unknown[] = [];
    const broken = new Error('the store is down');
    consuming({ topics: { [TOPIC]: 1 } }, ({ consumer }) => {
      consumer({
        startAt: () => {
          throw broken;
        },
      })
        .assign([P0])
        .records.subscribe({ error: error => errors.push(error) });
    });
    expect(errors).toEqual([broken]);
  });

  it('seeks before the first fetch, while a fetch is under way, and inside next', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer().assign([{ ...P0, offset: 'earliest' }]);
      reading.seek(P0, 3n);
      reading.records.subscribe(record => {
        seen.push(place(record));
        if (seen.length === 2) reading.seek(P0, 4n);
        if (seen.length === 3) reading.seek(P0, 'earliest');
        if (seen.length === 4) reading.seek(P0, 'latest');
      });
      at(2_000, () => cluster.append(TOPIC, 0, values(5, 6)));
      // A fetch from offset 6 is being held at the broker; what it brings is not what is wanted then.
      at(2_100, () => reading.seek(P0, 1n));
      at(2_101, () => cluster.append(TOPIC, 0, values(6, 7)));
    });
    expect(seen).toEqual(['0:3', '0:4', '0:4', '0:0', '0:5', '0:1', '0:2', '0:3', '0:4', '0:5', '0:6']);
  });

  it('neither loses nor fetches again what was buffered when it is paused', () => {
    const seen: string[] = [];
    const fetched: bigint[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 6));
      const reading = consumer().assign([{ ...P0, offset: 'earliest' }]);
      reading.records.subscribe(record => {
        seen.push(place(record));
        if (record.offset === 2n) reading.pause();
      });
      at(2_000, () => {
        seen.push('resume');
        reading.resume();
      });
      at(9_000, () => {
        for (const { api, body } of requests)
          if (api === 'Fetch') fetched.push((body as any).topics[0].partitions[0].fetchOffset);
      });
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2', 'resume', '0:3', '0:4', '0:5']);
    expect([...new Set(fetched)]).toEqual([0n, 6n]);
  });

  it('tells the lag behind the acked prefix', () => {
    const lags: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer({ ack: 'manual' }).assign([{ ...P0, offset: 'earliest' }]);
      reading.records.subscribe(record => record.offset < 2n && record.ack());
      at(1_000, () => reading.lag().subscribe(lag => lags.push(lag)));
    });
    expect(lags).toEqual([[{ ...P0, position: 5n, watermark: 2n, endOffset: 5n, lag: 3 }]]);
  });

  it('fetches nothing without a view, and no more once it has ended', () => {
    const fetches: number[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer().assign([{ ...P0, offset: 'earliest' }]);
      const count = () => fetches.push(requests.filter(({ api }) => api === 'Fetch').length);
      at(1_000, count);
      at(1_001, () => reading.records.pipe(take(2)).subscribe());
      at(2_000, count);
      at(8_000, count);
    });
    expect(fetches[0]).toBe(0);
    expect(fetches[1]).toBeGreaterThan(0);
    expect(fetches[2]).toBe(fetches[1]);
  });

  it('begins a new view at the first record that was not acked', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 4));
      const reading = consumer({ ack: 'manual' }).assign([{ ...P0, offset: 'earliest' }]);
      reading.records.pipe(take(3)).subscribe(record => record.offset < 1n && record.ack());
      at(1_000, () => reading.records.subscribe(record => seen.push(place(record))));
    });
    expect(seen).toEqual(['0:1', '0:2', '0:3']);
  });

  it('names what is wrong with partitions and positions', () => {
    consuming({ topics: { [TOPIC]: 1 }, forMs: 10 }, ({ consumer }) => {
      const reading = consumer();
      expect(() => reading.assign([{ topic: '', partition: 0 }])).toThrow(TypeError);
      expect(() => reading.assign([{ topic: TOPIC, partition: -1 }])).toThrow(/partition.*orders/);
      expect(() => reading.assign([{ ...P0, offset: -1n }])).toThrow(/orders-0: offset/);
      expect(() => reading.assign([{ ...P0, offset: 3 as never }])).toThrow(/bigint/);
      expect(() => reading.assign([P0, P0])).toThrow(/twice/);
      expect(() => reading.seek(P0, 1n)).toThrow(/orders-0 is not assigned/);
      expect(() => reading.pause([P1])).toThrow(/orders-1 is not assigned/);
    });
  });
});
