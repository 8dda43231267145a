import { concat, concatMap, tap, toArray } from 'rxjs';
import { Metadata } from '../../../lib/protocol/apis/metadata';
import { Produce } from '../../../lib/protocol/apis/produce';
import { buildBatch, type BatchOptions } from '../../../lib/records/build-batch';
import { inVirtualTime } from '../in-virtual-time';

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

function batch(values: readonly string[] = ['a', 'b'], options: BatchOptions = {}): Buffer {
  return buildBatch(
    values.map(value => ({ timestamp: 1000, value })),
    options,
  );
}

function request(records: Buffer | null, { topic = 't', index = 0, acks = -1 } = {}) {
  return { acks, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index, records }] }] };
}

const broken = (at: number) => {
  const bytes = batch();
  bytes[at]! ^= 1;
  return bytes;
};

describe('Produce', () => {
  it('appends and answers with the first offset', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) =>
      concat(ask(Produce, 12, request(batch())), ask(Produce, 7, request(batch(['c'])))).pipe(
        toArray(),
        tap(answers => {
          expect(answers.map(({ responses }) => responses[0]!.partitionResponses[0])).toMatchObject([
            { index: 0, errorCode: 0, baseOffset: 0n, logAppendTimeMs: -1, logStartOffset: 0n },
            { index: 0, errorCode: 0, baseOffset: 2n, logAppendTimeMs: -1, logStartOffset: 0n },
          ]);
          expect(cluster.log('t', 0).map(({ offset, value }) => [offset, String(value)])).toEqual([
            [0n, 'a'],
            [1n, 'b'],
            [2n, 'c'],
          ]);
        }),
      ),
    );
  });

  test.each([
    ['a batch whose CRC does not match', broken(70), 2],
    ['a batch that is cut off', batch().subarray(0, 60), 2],
    ['two batches at once', Buffer.concat([batch(), batch()]), 87],
    ['no records at all', null, 87],
    ['a control batch', batch(['a'], { control: true }), 87],
    ['a batch with gaps', batch(['a', 'b'], { lastOffsetDelta: 5 }), 87],
    ['a batch above the size limit', batch(['x'.repeat(2000)]), 10],
  ])('refuses %s', (_title, records, errorCode) => {
    inVirtualTime({}, ({ ask, cluster }) => {
      cluster.createTopic('t', 1, { 'max.message.bytes': '1000' });
      return ask(Produce, 12, request(records)).pipe(
        tap(({ responses }) => {
          expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode, baseOffset: -1n });
          expect(cluster.log('t', 0)).toEqual([]);
        }),
      );
    });
  });

  test.each([
    ['an unknown topic', { topic: 'missing' }, 3],
    ['an unknown partition', { index: 7 }, 3],
    ['acks that do not exist', { acks: 2 }, 21],
  ])('refuses %s', (_title, where, errorCode) => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask }) =>
      ask(Produce, 12, request(batch(), where)).pipe(
        tap(({ responses }) => expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(errorCode)),
      ),
    );
  });

  it('finds topics by id from v13 on', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) => {
      const by = (topicId: string) => ({
        ...request(null),
        topicData: [{ topicId, partitionData: [{ index: 0, records: batch() }] }],
      });
      return ask(Metadata, 13, { topics: null }).pipe(
        concatMap(({ topics }) => concat(ask(Produce, 13, by(topics[0]!.topicId)), ask(Produce, 13, by(NO_ID)))),
        toArray(),
        tap(answers => {
          expect(answers.map(it => it.responses[0]!.partitionResponses[0]!.errorCode)).toEqual([0, 100]);
          expect(cluster.log('t', 0)).toHaveLength(2);
        }),
      );
    });
  });

  it('answers a resend as it answered the first time, and appends it once', () => {
    const first = batch(['a', 'b'], { producerId: 9n, producerEpoch: 0, baseSequence: 0 });
    const second = batch(['c'], { producerId: 9n, producerEpoch: 0, baseSequence: 2 });
    const gap = batch(['d'], { producerId: 9n, producerEpoch: 0, baseSequence: 7 });
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) =>
      concat(...[first, second, first, second, gap].map(it => ask(Produce, 12, request(it)))).pipe(
        toArray(),
        tap(answers => {
          const parts = answers.map(({ responses }) => responses[0]!.partitionResponses[0]!);
          expect(parts.map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual([
            [0, 0n],
            [0, 2n],
            [0, 0n],
            [0, 2n],
            [45, -1n],
          ]);
          expect(cluster.log('t', 0).map(({ value }) => String(value))).toEqual(['a', 'b', 'c']);
        }),
      ),
    );
  });

  it('says who leads when it does not, from v10 on, and where that is', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, ({ ask, cluster }) => {
      cluster.moveLeader({ topic: 't', partition: 0 }, 2);
      return concat(ask(Produce, 9, request(batch())), ask(Produce, 12, request(batch()))).pipe(
        toArray(),
        tap(([plain, hinting]) => {
          expect(plain!.responses[0]!.partitionResponses[0]).toMatchObject({
            errorCode: 6,
            currentLeader: { leaderId: -1 },
          });
          expect(hinting!.responses[0]!.partitionResponses[0]).toMatchObject({
            errorCode: 6,
            currentLeader: { leaderId: 2, leaderEpoch: 1 },
          });
          expect(hinting!.nodeEndpoints).toEqual([{ nodeId: 2, host: 'embedded-2', port: 9092, rack: null }]);
        }),
      );
    });
  });

  it('stamps the records of a LogAppendTime topic and says when', () => {
    inVirtualTime({}, ({ ask, cluster }) => {
      cluster.createTopic('t', 1, { 'message.timestamp.type': 'LogAppendTime' });
      cluster.fault({ api: 'Metadata' }, { delayMs: 250 });
      return ask(Metadata, 12, { topics: [] }).pipe(
        concatMap(() => ask(Produce, 12, request(batch()))),
        tap(({ responses }) => {
          expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, logAppendTimeMs: 250 });
          // Reading checks the CRC, which had to be made anew.
          expect(cluster.log('t', 0).map(({ timestamp }) => timestamp)).toEqual([250, 250]);
        }),
      );
    });
  });

  it('answers nothing to acks 0, so that the next request is answered next, and hangs up on an error', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ connect, cluster }) =>
      connect().pipe(
        concatMap(client => {
          client.request(Produce, 12, request(batch(), { acks: 0 })).subscribe(() => {
            throw new Error('answered');
          });
          return client.request(Metadata, 12, { topics: null }).pipe(
            tap(() => {
              expect(cluster.log('t', 0)).toHaveLength(2);
              client.request(Produce, 12, request(batch(), { acks: 0, topic: 'missing' })).subscribe();
            }),
          );
        }),
      ),
    );
  });
});
