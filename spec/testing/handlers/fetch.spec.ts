import { concat, concatMap, map, merge, take, tap, timer, toArray } from 'rxjs';
import type { RequestOf } from '../../../lib/protocol/api';
import { Fetch } from '../../../lib/protocol/apis/fetch';
import { ListOffsets } from '../../../lib/protocol/apis/list-offsets';
import { Metadata } from '../../../lib/protocol/apis/metadata';
import { Produce } from '../../../lib/protocol/apis/produce';
import { scanBatches } from '../../../lib/records/batch-header';
import { buildBatch } from '../../../lib/records/build-batch';
import { inVirtualTime } from '../in-virtual-time';

type Body = RequestOf<typeof Fetch>;
type Asked = Body['topics'][number]['partitions'][number];

function request(partition: Partial<Asked> = {}, body: Partial<Body> = {}): Body {
  const asked = { partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000, ...partition };
  return { maxWaitMs: 500, minBytes: 1, maxBytes: 10_000_000, topics: [{ topic: 't', partitions: [asked] }], ...body };
}

const COMMITTED = { isolationLevel: 1 };

describe('Fetch', () => {
  it('answers at once when there is something', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster, now }) => {
      cluster.append('t', 0, ['a', 'b']);
      cluster.append('t', 0, ['c']);
      return ask(Fetch, 12, request({ fetchOffset: 1n })).pipe(
        tap(({ responses, sessionId }) => {
          const [partition] = responses[0]!.partitions;
          expect(partition).toMatchObject({
            errorCode: 0,
            highWatermark: 3n,
            lastStableOffset: 3n,
            logStartOffset: 0n,
          });
          expect(scanBatches(partition!.records!).map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n]);
          expect([now(), sessionId]).toEqual([0, 0]);
        }),
      );
    });
  });

  it('waits for records, at most as long as asked', () => {
    inVirtualTime({ topics: { t: 2 } }, ({ ask, cluster, now }) =>
      merge(
        ask(Fetch, 12, request()).pipe(
          map(({ responses }) => [now(), responses[0]!.partitions[0]!.records!.length > 0]),
        ),
        ask(Fetch, 12, request({ fetchOffset: 0n, partition: 1 })).pipe(
          map(({ responses }) => [now(), responses[0]!.partitions[0]!.records!.length > 0]),
        ),
        timer(120).pipe(
          tap(() => cluster.append('t', 0, ['late'])),
          map(() => 'appended'),
        ),
      ).pipe(
        toArray(),
        tap(seen => expect(seen).toEqual(['appended', [120, true], [500, false]])),
      ),
    );
  });

  it('waits until there are minBytes', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster, now }) => {
      for (const ms of [100, 200, 300]) timer(ms).subscribe(() => cluster.append('t', 0, ['x'.repeat(100)]));
      return ask(Fetch, 12, request({}, { minBytes: 400 })).pipe(
        tap(({ responses }) => {
          expect(now()).toBe(300);
          expect(scanBatches(responses[0]!.partitions[0]!.records!)).toHaveLength(3);
        }),
      );
    });
  });

  it('stops waiting when the leader moves', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, ({ ask, cluster, now }) => {
      timer(100).subscribe(() => cluster.moveLeader({ topic: 't', partition: 0 }, 2));
      return ask(Fetch, 12, request()).pipe(
        tap(({ responses }) => {
          expect(now()).toBe(100);
          expect(responses[0]!.partitions[0]).toMatchObject({
            errorCode: 6,
            currentLeader: { leaderId: 2, leaderEpoch: 1 },
          });
        }),
      );
    });
  });

  it('holds up what follows on the same connection, and nothing else', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ connect, ask, now }) =>
      connect().pipe(
        concatMap(client =>
          merge(
            client.request(Fetch, 12, request()).pipe(map(() => ['fetch', now()])),
            client.request(Metadata, 12, { topics: null }).pipe(map(() => ['behind it', now()])),
            ask(Metadata, 12, { topics: null }).pipe(map(() => ['beside it', now()])),
          ).pipe(
            toArray(),
            tap(seen => {
              expect(seen).toEqual([
                ['beside it', 0],
                ['fetch', 500],
                ['behind it', 500],
              ]);
            }),
          ),
        ),
        take(1),
      ),
    );
  });

  test.each([
    [
      'an unknown topic',
      { topics: [{ topic: 'no', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 }] }] },
      {},
      3,
    ],
    ['an unknown partition', {}, { partition: 9 }, 3],
    ['an offset past the end', {}, { fetchOffset: 4n }, 1],
    ['an offset before the start', {}, { fetchOffset: 1n }, 1],
    ['an old leader epoch', {}, { fetchOffset: 2n, currentLeaderEpoch: 0 }, 74],
    ['a leader epoch that is yet to come', {}, { fetchOffset: 2n, currentLeaderEpoch: 2 }, 75],
  ])('reports %s without waiting', (_title, body, partition, errorCode) => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster, now }) => {
      cluster.append('t', 0, ['a', 'b']);
      cluster.append('t', 0, ['c']);
      cluster.deleteRecords({ topic: 't', partition: 0 }, 2n);
      cluster.moveLeader({ topic: 't', partition: 0 }, 1);
      return ask(Fetch, 12, request(partition, body)).pipe(
        tap(({ responses }) => {
          expect(responses[0]!.partitions[0]!.errorCode).toBe(errorCode);
          expect(now()).toBe(0);
        }),
      );
    });
  });

  it('finds topics by id from v13 on, and says where the leader is from v16 on', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, ({ ask, cluster }) => {
      cluster.append('t', 0, ['a']);
      const by = (topicId: string) =>
        request({}, { topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 9 }] }] });
      return ask(Metadata, 13, { topics: null }).pipe(
        concatMap(({ topics }) =>
          concat(
            ask(Fetch, 13, by(topics[0]!.topicId)),
            ask(Fetch, 18, by(topics[0]!.topicId), 2),
            ask(Fetch, 18, by('Zm9yZWlnbi10b3BpYy1pZA')),
          ),
        ),
        toArray(),
        tap(answers => {
          expect(answers.map(({ responses }) => responses[0]!.partitions[0]!.errorCode)).toEqual([0, 6, 100]);
          expect(answers[1]!.nodeEndpoints).toEqual([{ nodeId: 1, host: 'embedded-1', port: 9092, rack: null }]);
        }),
      );
    });
  });

  it('keeps to the byte limits, but for the first batch', () => {
    inVirtualTime({ topics: { t: 2 } }, ({ ask, cluster }) => {
      for (const partition of [0, 1]) for (let i = 0; i < 3; i++) cluster.append('t', partition, ['x'.repeat(100)]);
      const sizes = (maxBytes: number, partitionMaxBytes: number) =>
        ask(
          Fetch,
          12,
          request(
            {},
            {
              maxBytes,
              topics: [
                {
                  topic: 't',
                  partitions: [0, 1].map(partition => ({ partition, fetchOffset: 0n, partitionMaxBytes })),
                },
              ],
            },
          ),
        ).pipe(map(({ responses }) => responses[0]!.partitions.map(({ records }) => records!.length)));
      return sizes(1_000_000, 1_000_000).pipe(
        concatMap(([all]) =>
          concat(
            sizes(10, 10),
            sizes(1_000_000, all! / 3),
            sizes(all! + 5, 1_000_000),
            sizes(all! + all! / 3 + 5, 1_000_000),
          ).pipe(
            toArray(),
            tap(seen =>
              expect(seen).toEqual([
                [all! / 3, 0],
                [all! / 3, all! / 3],
                [all!, 0],
                [all!, all! / 3 + 5],
              ]),
            ),
          ),
        ),
      );
    });
  });

  it('ends at the last stable offset for read_committed and lists what was aborted', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) => {
      cluster.append('t', 0, ['a', 'b'], { transaction: 'aborted' });
      cluster.append('t', 0, ['c'], { transaction: 'committed' });
      return concat(
        ask(Fetch, 12, request({}, COMMITTED)),
        ask(Fetch, 12, request({ fetchOffset: 3n }, COMMITTED)),
        ask(Fetch, 12, request()),
      ).pipe(
        toArray(),
        map(answers => answers.map(({ responses }) => responses[0]!.partitions[0]!)),
        tap(parts => {
          expect(parts.map(({ abortedTransactions }) => abortedTransactions)).toEqual([
            [{ producerId: expect.any(BigInt), firstOffset: 0n }],
            [],
            null,
          ]);
          const batches = scanBatches(parts[0]!.records!);
          expect(
            batches.map(({ isControl, isTransactional, baseOffset }) => [baseOffset, isControl, isTransactional]),
          ).toEqual([
            [0n, false, true],
            [2n, true, true],
            [3n, false, true],
            [4n, true, true],
          ]);
        }),
      );
    });
  });

  it('holds read_committed, and the end that it is told of, at an open transaction', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) => {
      cluster.append('t', 0, ['a', 'b']);
      const options = { transactional: true, producerId: 9n, producerEpoch: 0, baseSequence: 0 };
      const records = buildBatch([{ timestamp: 1, value: 'open' }], options);
      const open = { acks: -1, timeoutMs: 1, topicData: [{ name: 't', partitionData: [{ index: 0, records }] }] };
      const end = (isolationLevel: number) =>
        ask(ListOffsets, 8, {
          isolationLevel,
          topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
        }).pipe(map(({ topics }) => topics[0]!.partitions[0]!.offset));
      return ask(Produce, 9, open).pipe(
        tap(() => cluster.append('t', 0, ['behind it'])),
        concatMap(() => ask(Fetch, 12, request({}, COMMITTED))),
        tap(({ responses }) => {
          const [partition] = responses[0]!.partitions;
          expect(partition).toMatchObject({ highWatermark: 4n, lastStableOffset: 2n });
          expect(scanBatches(partition!.records!).map(({ baseOffset }) => baseOffset)).toEqual([0n]);
        }),
        concatMap(() => concat(end(0), end(1))),
        toArray(),
        tap(ends => expect(ends).toEqual([4n, 2n])),
      );
    });
  });
});
