import { mergeMap, of, take, timer } from 'rxjs';
import type { ConsumerRecord, Position } from '../../lib/types';
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

  it('keeps position and pause of the partitions that a new assign keeps', () => {
    const seen: string[] = [];
    let paused: unknown;
    let positions: unknown;
    const assignments: number[] = [];
    consuming({ topics: { [TOPIC]: 3 } }, ({ cluster, consumer, at }) => {
      for (const partition of [0, 1, 2]) cluster.append(TOPIC, partition, values(0, 2));
      const reading = consumer({ offsetReset: 'earliest' }).assign([P0, P1]);
      reading.assignment.subscribe(({ partitions }) => assignments.push(partitions.length));
      reading.records.subscribe(record => seen.push(place(record)));
      at(1_000, () => {
        reading.pause([P0]);
        reading.assign([P0, { topic: TOPIC, partition: 2 }]);
        paused = reading.paused;
        positions = [reading.position(P0), reading.position(P1)];
        cluster.append(TOPIC, 0, values(2, 3));
        cluster.append(TOPIC, 1, values(2, 3));
      });
      at(3_000, () => reading.resume([P0]));
    });
    expect(paused).toEqual([P0]);
    expect(positions).toEqual([2n, undefined]);
    expect(seen).toEqual(['0:0', '0:1', '1:0', '1:1', '2:0', '2:1', '0:2']);
    expect(assignments.at(-1)).toBe(2);
  });

  it('waits for records in flight before it gives a partition up, and commits them', () => {
    const seen: string[] = [];
    const phases: string[] = [];
    let committedAt2s: unknown;
    let committedInTheEnd: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, runtime, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 60_000 } }).assign([P0]);
      reading.assignment.subscribe(({ mode, phase }) => phases.push(`${mode}/${phase}`));
      reading.records
        .pipe(
          mergeMap(record => {
            seen.push(place(record));
            return timer(3_000, runtime.scheduler).pipe(mergeMap(() => of(record.ack())));
          }),
        )
        .subscribe();
      at(1_000, () => reading.unsubscribe());
      at(2_000, () => (committedAt2s = cluster.committed('g')));
      at(6_000, () => (committedInTheEnd = cluster.committed('g')));
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2']);
    expect(committedAt2s).toEqual([]);
    expect(committedInTheEnd).toEqual([{ ...P0, offset: 3n }]);
    expect(phases.filter((phase, i) => phase !== phases[i - 1])).toEqual([
      'assigned/active',
      'assigned/clearing',
      'none/idle',
    ]);
  });

  it('takes a partition back that is wanted again while its last records are in flight', () => {
    const seen: string[] = [];
    let acks: boolean[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      const held: ConsumerRecord[] = [];
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0, P1]);
      reading.records.subscribe(record => {
        seen.push(place(record));
        held.push(record);
      });
      at(1_000, () => reading.assign([P1]));
      at(1_500, () => cluster.append(TOPIC, 0, values(2, 3)));
      at(2_000, () => reading.assign([P1, P0]));
      at(4_000, () => (acks = held.map(record => record.ack())));
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2']);
    expect(acks).toEqual([true, true, true]);
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

describe('a consumer without a group', () => {
  it('reads all partitions of the topics it subscribes to, and new ones from their beginning', () => {
    const seen: string[] = [];
    const modes: string[] = [];
    consuming(
      { topics: { [TOPIC]: 2, other: 1 }, client: { metadataMaxAgeMs: 1_000 } },
      ({ cluster, consumer, at }) => {
        cluster.append(TOPIC, 0, values(0, 1));
        cluster.append('other', 0, values(0, 1));
        const reading = consumer().subscribe([TOPIC, 'later']);
        reading.assignment.subscribe(({ mode, phase, partitions }) =>
          modes.push(`${mode}/${phase}/${partitions.length}`),
        );
        reading.records.subscribe(record => seen.push(`${record.topic}-${place(record)}`));
        at(1_000, () => cluster.append(TOPIC, 1, values(0, 1)));
        at(2_000, () => {
          cluster.createTopic('later', 1);
          cluster.append('later', 0, values(0, 1));
        });
      },
    );
    expect(seen).toEqual(['orders-1:0', 'later-0:0']);
    expect(modes[0]).toBe('group/joining/0');
    expect(modes.at(-1)).toBe('group/active/3');
  });

  it('reads the topics that match a pattern', () => {
    const seen: string[] = [];
    consuming({ topics: { 'log-a': 1, 'log-b': 1, other: 1 } }, ({ cluster, consumer }) => {
      for (const topic of ['log-a', 'log-b', 'other']) cluster.append(topic, 0, values(0, 1));
      consumer({ offsetReset: 'earliest' })
        .subscribe(/^log-/g)
        .records.subscribe(record => seen.push(record.topic));
    });
    expect(seen.sort()).toEqual(['log-a', 'log-b']);
  });

  it('gives its topics up when it is assigned partitions, and the view stays open', () => {
    const seen: string[] = [];
    consuming({ topics: { a: 1, b: 1 } }, ({ cluster, consumer, at }) => {
      const reading = consumer({ offsetReset: 'earliest' }).subscribe('a');
      reading.records.subscribe({ next: record => seen.push(record.topic), complete: () => seen.push('complete') });
      at(1_000, () => reading.assign([{ topic: 'b', partition: 0 }]));
      at(2_000, () => {
        cluster.append('a', 0, values(0, 1));
        cluster.append('b', 0, values(0, 1));
      });
    });
    expect(seen).toEqual(['b']);
  });

  it('cannot commit, and says what it takes', () => {
    const errors: unknown[] = [];
    consuming({ forMs: 10 }, ({ consumer }) => {
      consumer()
        .commit()
        .subscribe({ error: error => errors.push(error) });
    });
    expect(errors).toEqual([
      expect.objectContaining({ name: 'InvalidStateError', message: expect.stringContaining('groupId') }),
    ]);
  });
});

describe('closing a consumer', () => {
  it('completes the view, waits for what is in flight, commits it and closes the connections', () => {
    const log: unknown[] = [];
    let committed: unknown;
    let open: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, runtime, events, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 60_000 } }).assign([P0]);
      reading.records
        .pipe(mergeMap(record => timer(2_000, runtime.scheduler).pipe(mergeMap(() => of(record.ack())))))
        .subscribe({ complete: () => log.push(`complete at ${runtime.scheduler.now()}`) });
      at(1_000, () =>
        reading
          .close()
          .subscribe({ next: drained => log.push(drained), complete: () => (committed = cluster.committed('g')) }),
      );
      at(
        5_000,
        () =>
          (open =
            events.filter(({ type }) => type === 'connected').length -
            events.filter(({ type }) => type === 'disconnected').length),
      );
    });
    expect(log).toEqual([expect.stringMatching(/^complete at 2\d\d\d$/), { settled: 3, abandoned: 0 }]);
    expect(committed).toEqual([{ ...P0, offset: 3n }]);
    // The client's own connection for metadata stays.
    expect(open).toBe(1);
  });

  it('abandons what is not settled in time, and commits the rest', () => {
    const log: unknown[] = [];
    let committed: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe(record => record.offset === 0n && record.ack());
      at(1_000, () => reading.close({ drainMs: 500 }).subscribe(drained => log.push(drained)));
      at(2_000, () => (committed = cluster.committed('g')));
    });
    expect(log).toEqual([{ settled: 0, abandoned: 2 }]);
    expect(committed).toEqual([{ ...P0, offset: 1n }]);
  });

  it('settles in any state, once for all who ask: unused, without a view, without a broker', () => {
    const log: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, runtime, at }) => {
      const unused = consumer();
      unused.close().subscribe(() => log.push('unused'));
      unused.close().subscribe(() => log.push('unused again'));
      const idle = consumer({ groupId: 'g' }).assign([P0]);
      idle.close().subscribe(() => log.push('idle'));
      cluster.append(TOPIC, 0, values(0, 3));
      const cut = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      cut.records.subscribe({ next: record => record.ack(), complete: () => log.push('view') });
      at(1_000, () => {
        cluster.stop(1);
        cut.close({ drainMs: 2_000 }).subscribe(() => log.push(`cut at ${runtime.scheduler.now()}`));
      });
    });
    expect(log.slice(0, 4)).toEqual(['unused', 'unused again', 'idle', 'view']);
    expect(Number(/^cut at (\d+)$/.exec(log[4]!)?.[1])).toBeLessThanOrEqual(3_010);
  });

  it('leaves nothing to use: a new view completes, assign throws, commit errors', () => {
    const log: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 }, forMs: 100 }, ({ consumer, at }) => {
      const reading = consumer({ groupId: 'g' });
      reading.close().subscribe();
      at(10, () => {
        reading.records.subscribe({ complete: () => log.push('complete') });
        reading.commit().subscribe({ error: error => log.push(error.name) });
        expect(() => reading.assign([P0])).toThrow(/closed/);
        expect(() => reading.unsubscribe()).not.toThrow();
      });
    });
    expect(log).toEqual(['ClosedError', 'complete']);
  });
});
