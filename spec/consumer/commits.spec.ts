import { concatMap, from, mergeMap } from 'rxjs';
import type { ConsumerRecord } from '../../lib/types';
import { consuming, place, values } from './consuming';
import type { Consuming } from './consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };
const P1 = { topic: TOPIC, partition: 1 };

/** What each OffsetCommit carried: `partition:offset`, joined. */
const commits = (requests: Consuming['requests']): string[] =>
  requests.flatMap(({ api, body }) =>
    api === 'OffsetCommit'
      ? [
          (body as any).topics
            .flatMap((topic: any) => topic.partitions.map((one: any) => `${one.partitionIndex}:${one.committedOffset}`))
            .join(' '),
        ]
      : [],
  );

describe('commits', () => {
  it('cover the acked prefix every five seconds, and nothing while nothing moves', () => {
    consuming({ topics: { [TOPIC]: 2 }, forMs: 30_000 }, ({ cluster, consumer, requests, at }) => {
      for (const partition of [0, 1]) cluster.append(TOPIC, partition, values(0, 4));
      consumer({ groupId: 'g', offsetReset: 'earliest' })
        .assign([P0, P1])
        .records.subscribe(record => record.offset !== 2n && record.ack());
      at(4_000, () => expect(commits(requests)).toEqual([]));
      at(7_000, () => {
        expect(commits(requests)).toEqual(['0:2 1:2']);
        expect(cluster.committed('g')).toEqual([
          { ...P0, offset: 2n },
          { ...P1, offset: 2n },
        ]);
      });
      at(29_000, () => expect(commits(requests)).toHaveLength(1));
    });
  });

  it('let a second consumer begin right after the last acked record', () => {
    const second: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const first = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      first.records.subscribe(record => record.offset < 3n && record.ack());
      at(1_000, () =>
        first
          .close({ drainMs: 100 })
          .pipe(mergeMap(() => consumer({ groupId: 'g' }).assign([P0]).records))
          .subscribe(record => second.push(place(record))),
      );
    });
    expect(second).toEqual(['0:3', '0:4']);
  });

  it('are sent as a consumer without membership, with the leader epoch of the last record', () => {
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe(record => record.ack());
      at(1_000, () => reading.commit().subscribe());
      at(2_000, () => {
        const body = requests.find(({ api }) => api === 'OffsetCommit')!.body as any;
        expect(body).toMatchObject({
          groupId: 'g',
          generationIdOrMemberEpoch: -1,
          memberId: '',
          groupInstanceId: null,
        });
        expect(body.topics[0].partitions[0].committedLeaderEpoch).toBeGreaterThanOrEqual(0);
      });
    });
  });

  it('emit what they stored, and are one request for all who ask meanwhile', () => {
    const log: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 9));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: 'manual' }).assign([P0]);
      reading.commits.subscribe(offsets => log.push(['commits', offsets]));
      reading.records.pipe(concatMap(record => from([record]))).subscribe(record => {
        record.ack();
        reading.commit().subscribe(offsets => log.push(offsets));
      });
      at(5_000, () => {
        expect(commits(requests).length).toBeLessThanOrEqual(3);
        expect(log).toHaveLength(9 + commits(requests).length);
        expect(log.at(-1)).toEqual([{ ...P0, offset: 9n }]);
      });
    });
  });

  it('happen once offsets have moved by everyRecords', () => {
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      const reading = consumer({
        groupId: 'g',
        offsetReset: 'earliest',
        commit: { everyRecords: 10, everyMs: 600_000 },
      }).assign([P0]);
      reading.records.subscribe(record => record.ack());
      for (let i = 0; i < 25; i++) at(1_000 + i * 100, () => cluster.append(TOPIC, 0, values(i, i + 1)));
      at(9_000, () => expect(commits(requests)).toEqual(['0:10', '0:20']));
    });
  });

  it("are left to the application with commit: 'manual', also on close", () => {
    consuming({ topics: { [TOPIC]: 1 }, forMs: 20_000 }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: 'manual' }).assign([P0]);
      reading.records.subscribe(record => record.ack());
      at(8_000, () => reading.close().subscribe());
      at(15_000, () => expect(commits(requests)).toEqual([]));
    });
  });

  it('go back only after a seek or by given offsets, which stand until the watermark moves', () => {
    consuming({ topics: { [TOPIC]: 1 }, forMs: 30_000 }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 1_000 } }).assign([P0]);
      reading.records.subscribe(record => record.ack());
      at(3_000, () => reading.commit([{ ...P0, offset: 1n, metadata: 'mine' }]).subscribe());
      at(6_000, () => expect(cluster.committed('g')).toEqual([{ ...P0, offset: 1n }]));
      at(7_000, () => cluster.append(TOPIC, 0, values(5, 6)));
      at(10_000, () => {
        reading.pause();
        reading.seek(P0, 2n);
      });
      at(15_000, () => expect(commits(requests)).toEqual(['0:5', '0:1', '0:6', '0:2']));
    });
  });

  it('do not overwrite given offsets with a watermark from before', () => {
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 2_000 } }).assign([P0]);
      reading.records.subscribe(record => record.ack());
      at(1_000, () => reading.commit([{ ...P0, offset: 1n }]).subscribe());
      at(9_000, () => expect(commits(requests)).toEqual(['0:1']));
    });
  });

  it('send nothing for what is committed already, and still say what that is', () => {
    const log: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe(record => record.ack());
      for (const ms of [1_000, 2_000, 3_000]) at(ms, () => reading.commit().subscribe(offsets => log.push(offsets)));
      at(4_000, () => expect(commits(requests)).toEqual(['0:5']));
    });
    expect(log).toEqual([1, 2, 3].map(() => [{ ...P0, offset: 5n }]));
  });

  it('are made in the background when a view ends', () => {
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 600_000 } }).assign([P0]);
      const view = reading.records.subscribe(record => record.offset < 3n && record.ack());
      at(1_000, () => view.unsubscribe());
      at(2_000, () => expect(cluster.committed('g')).toEqual([{ ...P0, offset: 3n }]));
    });
  });

  it('follow the coordinator when it moves', () => {
    const done: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 }, brokers: 3 }, ({ cluster, consumer, at }) => {
      const reading = consumer({ groupId: 'g' });
      cluster.moveCoordinator({ group: 'g' }, 1);
      reading.commit([{ ...P0, offset: 1n }]).subscribe(offsets => done.push(offsets));
      at(2_000, () => {
        cluster.moveCoordinator({ group: 'g' }, 2);
        reading.commit([{ ...P0, offset: 2n }]).subscribe(offsets => done.push(offsets));
      });
      at(5_000, () => {
        cluster.stop(2);
        reading.commit([{ ...P0, offset: 3n }]).subscribe(offsets => done.push(offsets));
      });
    });
    expect(done).toEqual([1n, 2n, 3n].map(offset => [{ ...P0, offset }]));
  });

  it('are an error for who asked, and an event in the background; the stream goes on', () => {
    const errors: unknown[] = [];
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 2 }, forMs: 20_000 }, ({ cluster, consumer, events, at }) => {
      for (const partition of [0, 1]) cluster.append(TOPIC, partition, values(0, 1));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 1_000 } }).assign([P0, P1]);
      const fault = cluster.fault({ api: 'OffsetCommit', partition: 0 }, { error: 'OFFSET_METADATA_TOO_LARGE' });
      reading.records.subscribe({
        next: record => seen.push(place(record)) && record.ack(),
        error: error => errors.push(['view', error]),
      });
      at(500, () => reading.commit().subscribe({ error: error => errors.push(error) }));
      at(5_000, () => {
        // The other partition of the request was stored.
        expect(cluster.committed('g')).toEqual([{ ...P1, offset: 1n }]);
        const failed = events.filter(({ type }) => type === 'commit-failed');
        expect(failed.length).toBeGreaterThan(1);
        expect(failed.length).toBeLessThanOrEqual(5);
        fault.unsubscribe();
      });
      at(8_000, () => expect(cluster.committed('g')).toContainEqual({ ...P0, offset: 1n }));
    });
    expect(errors).toEqual([
      expect.objectContaining({ name: 'BrokerError', error: 'OFFSET_METADATA_TOO_LARGE', ...P0 }),
    ]);
    expect(seen.sort()).toEqual(['0:0', '1:0']);
  });

  it('error the view when the group may not be used', () => {
    const errors: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer }) => {
      cluster.append(TOPIC, 0, values(0, 1));
      cluster.fault({ api: 'OffsetCommit' }, { error: 'GROUP_AUTHORIZATION_FAILED' });
      consumer({ groupId: 'g', commit: { everyMs: 1_000 } })
        .assign([{ ...P0, offset: 'earliest' }])
        .records.subscribe({ next: record => record.ack(), error: error => errors.push(error) });
    });
    expect(errors).toEqual([expect.objectContaining({ name: 'BrokerError', error: 'GROUP_AUTHORIZATION_FAILED' })]);
  });

  it.each(['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'UNSTABLE_OFFSET_COMMIT', 'COORDINATOR_NOT_AVAILABLE'])(
    'are looked up again after %s, which is not "nothing committed"',
    error => {
      const seen: string[] = [];
      consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
        cluster.append(TOPIC, 0, values(0, 4));
        const reading = consumer({ groupId: 'g', offsetReset: 'earliest' });
        reading.commit([{ ...P0, offset: 2n }]).subscribe();
        at(1_000, () => {
          const fault = cluster.fault({ api: 'OffsetFetch' }, { error });
          reading.assign([P0]).records.subscribe(record => seen.push(place(record)));
          at(3_000, () => fault.unsubscribe());
        });
      });
      expect(seen).toEqual(['0:2', '0:3']);
    },
  );

  it('refuse what is no offset', () => {
    const errors: unknown[] = [];
    consuming({ forMs: 10 }, ({ consumer }) => {
      const reading = consumer({ groupId: 'g' });
      reading.commit([{ ...P0, offset: -1n }]).subscribe({ error: error => errors.push(error) });
      reading.commit([{ ...P0, offset: 1 as never }]).subscribe({ error: error => errors.push(error) });
    });
    expect(errors).toEqual([expect.any(RangeError), expect.any(RangeError)]);
  });

  it('do not pass a record that is still being worked on', () => {
    const held: ConsumerRecord[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 9));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 100 } }).assign([P0]);
      reading.records.subscribe(record => held.push(record));
      at(1_000, () => held.forEach(record => record.offset !== 4n && record.ack()));
      at(3_000, () => expect(cluster.committed('g')).toEqual([{ ...P0, offset: 4n }]));
      at(3_001, () => held[4]!.ack());
      at(5_000, () => expect(cluster.committed('g')).toEqual([{ ...P0, offset: 9n }]));
    });
  });

  it('are for the topic that was read: one of the same name that came after it gets none of its offsets', () => {
    const log: any[] = [];
    const stored: bigint[] = [];
    consuming({ topics: { [TOPIC]: 1 }, forMs: 30_000 }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 5));
      const reading = consumer({
        ...{ groupId: 'g', offsetReset: 'earliest', outOfRange: 'earliest', commit: { everyMs: 600_000 } },
      }).assign([P0]);
      reading.records.subscribe(record => record.ack());
      at(2_000, () => {
        cluster.deleteTopic(TOPIC);
        cluster.createTopic(TOPIC, 1);
        reading.commit().subscribe({ error: error => log.push(error) });
        reading.commit([{ ...P0, offset: 4n }]).subscribe({ error: error => log.push(error) });
      });
      for (let ms = 2_000; ms < 29_000; ms += 10)
        at(ms, () => stored.push(...cluster.committed('g').map(one => one.offset)));
      at(15_000, () => cluster.append(TOPIC, 0, values(0, 2)));
      at(20_000, () => reading.commit().subscribe());
    });
    expect(log.map(({ error }) => error)).toEqual(['UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_ID']);
    expect([...new Set(stored)]).toEqual([2n]);
  });

  it('wait for each other, and share what is asked for meanwhile', () => {
    let at2: number[] = [];
    const done: number[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, requests, at, runtime }) => {
      cluster.fault({ api: 'OffsetCommit' }, { delayMs: 400 });
      const reading = consumer({ groupId: 'g' });
      for (let i = 1; i <= 20; i++)
        at(1_000 + i * 50, () =>
          reading.commit([{ ...P0, offset: BigInt(i) }]).subscribe(() => done.push(runtime.scheduler.now())),
        );
      at(8_000, () => {
        at2 = requests.filter(({ api }) => api === 'OffsetCommit').map(request => request.at);
        expect(cluster.committed('g')).toEqual([{ ...P0, offset: 20n }]);
        expect(commits(requests).at(-1)).toBe('0:20');
      });
    });
    expect(done).toHaveLength(20);
    expect(at2.length).toBeLessThanOrEqual(5);
    for (let i = 1; i < at2.length; i++) expect(at2[i]! - at2[i - 1]!).toBeGreaterThanOrEqual(400);
  });
});
