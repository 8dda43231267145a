import { createConsumer } from '../../lib/consumer/consumer';
import { assignOffsets } from '../../lib/records/assign-offsets';
import { buildBatch } from '../../lib/records/build-batch';
import { HandClock } from '../consumer/delivery/hand-fed';
import { FakeCluster } from '../support/fake-cluster';
import type { FakeRequest } from '../support/fake-cluster';
import { print } from '../support/print';

const TOPIC = 'orders';
const PARTITIONS = 4;
const WANTED = process.env['KAFKA_RX_FULL'] === 'true' ? 100_000 : 1_000;
const template = buildBatch([1, 2, 3].map(() => ({ timestamp: 1, key: null, value: 'v' })));

function recordsFrom(offset: bigint): Buffer {
  const batch = Buffer.from(template);
  assignOffsets(batch, offset, 1);
  return batch;
}

function answerTo(fake: FakeCluster, { body }: FakeRequest): unknown {
  const none = { epoch: -1, endOffset: -1n };
  const rest = { divergingEpoch: none, currentLeader: { leaderId: -1, leaderEpoch: -1 }, abortedTransactions: null };
  const fields = { errorCode: 0, highWatermark: 1_000_000n, lastStableOffset: 1_000_000n, preferredReadReplica: -1 };
  return {
    errorCode: 0,
    sessionId: 0,
    responses: body.topics.map((topic: any) => ({
      topic: '',
      topicId: fake.cluster.metadata.topics.get(TOPIC)!.topicId,
      partitions: topic.partitions.map(({ partition, fetchOffset }: any) => ({
        ...{ partitionIndex: partition, records: recordsFrom(fetchOffset), ...fields, ...rest },
      })),
    })),
    nodeEndpoints: [],
  };
}

/** Chance that can be repeated. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return sides => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

describe('E09 a fetch reply that lands after the position has moved', () => {
  it('is dropped: nothing but the next record of where each partition stands is ever delivered', () => {
    const clock = new HandClock();
    const fake = new FakeCluster({ topics: { [TOPIC]: PARTITIONS }, nodes: 2, runtime: clock });
    const consumer = createConsumer<Buffer | null, Buffer | null>(fake.cluster, 'c', {
      fetch: { partitionBytes: 300 },
    });
    const roll = dice(7);
    /** What the next record of each partition has to be; `undefined` = none may come. */
    const next = new Map<number, bigint>();
    const paused = new Set<number>();
    /** Requests out when something changed under them. */
    const stale = new Set<FakeRequest>();
    let delivered = 0;
    let late = 0;
    let wrong: string | undefined;
    const view = () =>
      consumer.records.subscribe(({ partition, offset }) => {
        if (next.get(partition) !== offset || paused.has(partition))
          wrong ??= `${partition}@${offset}, not ${next.get(partition)}${paused.has(partition) ? ', paused' : ''}`;
        next.set(partition, offset + 1n);
        delivered++;
      });
    const assign = (wanted: readonly number[]) => {
      for (const partition of [...next.keys()])
        if (!wanted.includes(partition)) {
          next.delete(partition);
          paused.delete(partition);
        }
      for (const partition of wanted) if (!next.has(partition)) next.set(partition, BigInt(partition * 1_000));
      consumer.assign(wanted.map(partition => ({ topic: TOPIC, partition, offset: BigInt(partition * 1_000) })));
    };
    let subscription = view();
    assign([0, 1, 2, 3]);
    for (let step = 0; late < WANTED && step < 20 * WANTED && wrong === undefined; step++) {
      const partition = roll(PARTITIONS);
      const one = { topic: TOPIC, partition };
      const what = roll(12);
      if (what < 5) {
        // Those that were given up stay until they are answered.
        const request = fake.requests[fake.requests.length > 8 ? 0 : roll(fake.requests.length)];
        if (request?.api === 'Fetch') {
          if (stale.delete(request)) late++;
          request.reply(answerTo(fake, request));
        }
      } else if (what < 8) clock.advance(roll(3) * 100);
      else {
        for (const request of fake.requests) stale.add(request);
        if (what === 8 && next.has(partition)) {
          const to = BigInt(roll(1_000_000));
          next.set(partition, to);
          consumer.seek(one, to);
        } else if (what === 9 && next.has(partition)) {
          if (paused.delete(partition)) consumer.resume([one]);
          else {
            paused.add(partition);
            consumer.pause([one]);
          }
        } else if (what === 10) assign([0, 1, 2, 3].filter(() => roll(4) > 0));
        else if (roll(4) === 0) {
          subscription.unsubscribe();
          subscription = view();
        } else fake.lead(TOPIC, partition, roll(2));
      }
    }
    print(`E09: ${late} replies after a seek, pause, assignment, view or leader, ${delivered} records, none wrong`);
    expect(wrong).toBeUndefined();
    expect(late).toBe(WANTED);
    expect(delivered).toBeGreaterThan(WANTED / 2);
  }, 1_200_000);
});
