import type { Observable } from 'rxjs';
import { print } from '../support/print';
import { watch } from '../support/producer-rig';
import { busiest, VirtualKafka } from '../support/virtual-kafka';

const MINUTE = 60_000;

/** Something asked of a cluster that has the same against it for good. */
interface Case {
  readonly what: string;
  readonly api: string;
  readonly error: string;
  readonly ask: (rig: VirtualKafka) => Observable<unknown>;
  readonly deadlineMs: number;
  readonly ends: object;
}

const CASES: readonly Case[] = [
  ...['NOT_ENOUGH_REPLICAS', 'NOT_LEADER_OR_FOLLOWER', 'KAFKA_STORAGE_ERROR', 'UNKNOWN_TOPIC_ID'].map(error => ({
    what: `a send that meets ${error}`,
    api: 'Produce',
    error,
    ask: ({ kafka }: VirtualKafka) => kafka.producer().send({ topic: 't', value: 'v' }),
    deadlineMs: 2 * MINUTE,
    ends: { name: 'DeliveryTimeoutError' },
  })),
  {
    what: 'a send to a topic that is not there',
    api: 'Metadata',
    error: 'UNKNOWN_TOPIC_OR_PARTITION',
    ask: ({ kafka }) => kafka.producer({ deliveryTimeoutMs: MINUTE }).send({ topic: 't', value: 'v' }),
    deadlineMs: MINUTE,
    ends: { name: 'BrokerError', error: 'UNKNOWN_TOPIC_OR_PARTITION' },
  },
  {
    what: 'a producer without an id',
    api: 'InitProducerId',
    error: 'COORDINATOR_LOAD_IN_PROGRESS',
    ask: ({ kafka }) => kafka.producer().send({ topic: 't', value: 'v' }),
    deadlineMs: 2 * MINUTE,
    ends: { name: 'DeliveryTimeoutError' },
  },
  {
    what: 'a look at the ends of a log',
    api: 'ListOffsets',
    error: 'LEADER_NOT_AVAILABLE',
    ask: ({ kafka }) => kafka.admin().listOffsets([{ topic: 't', partition: 0, at: 'latest' }]),
    deadlineMs: MINUTE,
    ends: { name: 'BrokerError', error: 'LEADER_NOT_AVAILABLE' },
  },
  ...(
    [
      ['FindCoordinator', 'COORDINATOR_NOT_AVAILABLE'],
      ['OffsetCommit', 'COORDINATOR_LOAD_IN_PROGRESS'],
      ['OffsetCommit', 'NOT_COORDINATOR'],
    ] as const
  ).map(([api, error]) => ({
    what: `a commit that meets ${error} of ${api}`,
    api,
    error,
    ask: ({ kafka }: VirtualKafka) => {
      const consumer = kafka.consumer({ groupId: 'g', commit: 'manual' });
      consumer.assign([{ topic: 't', partition: 0, offset: 0n }]);
      return consumer.commit([{ topic: 't', partition: 0, offset: 1n }]);
    },
    deadlineMs: MINUTE,
    ends: { name: 'BrokerError', error },
  })),
  {
    what: 'the creation of a topic',
    api: 'CreateTopics',
    error: 'NOT_CONTROLLER',
    ask: ({ kafka }) => kafka.admin().createTopics([{ topic: 'new', partitions: 1 }]),
    deadlineMs: MINUTE,
    ends: { name: 'BrokerError', error: 'NOT_CONTROLLER' },
  },
];

describe('C07 a retriable error for good', () => {
  it.each(CASES)('C07 $what ends at its deadline, with at most 2 requests a second', given => {
    const rig = new VirtualKafka({ brokers: 3, topics: { t: 1 } });
    rig.cluster.fault({ api: given.api, ...(given.api === 'Metadata' ? { topic: 't' } : {}) }, { error: given.error });
    const answer = watch(given.ask(rig));
    rig.clock.advance(given.deadlineMs - 1_500);
    expect(answer.error).toBeUndefined();
    expect(answer.done).toBe(false);
    rig.clock.advance(1_600);
    expect(answer.error).toMatchObject(given.ends);
    const settled = new Set(['ApiVersions']);
    const rates = [...new Set(rig.journal.map(({ api }) => api))]
      .filter(api => !settled.has(api))
      .map(
        api =>
          [
            api,
            busiest(
              rig
                .asked(api)
                .map(({ at }) => at)
                .filter(at => at > 5_000),
              1_000,
            ),
          ] as const,
      );
    print(
      `C07: ${given.what}: ${answer.error.name} after ${Math.round(rig.now / 1_000)} s, ${rig.asked(given.api).length} × ${given.api}, ` +
        `in any second ${rates.map(([api, rate]) => `${rate} ${api}`).join(', ')}`,
    );
    for (const [, rate] of rates) expect(rate).toBeLessThanOrEqual(2);
    rig.close();
    expect(rig.clock.pending).toBe(0);
  });

  it('C07 a consumer goes on for ever, once a second, and says so', () => {
    const rig = new VirtualKafka({ topics: { t: 3 } });
    rig.cluster.fault({ api: 'Fetch' }, { error: 'KAFKA_STORAGE_ERROR' });
    const view = watch(
      rig.kafka.consumer().assign([0, 1, 2].map(partition => ({ topic: 't', partition, offset: 0n }))).records,
    );
    rig.clock.advance(10 * MINUTE);
    const rate = busiest(
      rig
        .asked('Fetch')
        .map(({ at }) => at)
        .filter(at => at > 5_000),
      1_000,
    );
    const metadata = busiest(
      rig
        .asked('Metadata')
        .map(({ at }) => at)
        .filter(at => at > 5_000),
      1_000,
    );
    expect(view.error).toBeUndefined();
    expect(rig.events.filter(({ type }) => type === 'partition-unavailable')).toHaveLength(3);
    print(`C07: a consumer in front of a dead disk for 10 min: ${rate} Fetch and ${metadata} Metadata in any second`);
    expect(rate).toBeLessThanOrEqual(2);
    expect(metadata).toBeLessThanOrEqual(2);
    rig.close();
    expect(rig.clock.pending).toBe(0);
  });
});

describe('B10 partitions without a leader', () => {
  it('B10 wait without a storm, and go on within a backoff of the election', () => {
    const rig = new VirtualKafka({ brokers: 4, topics: { t: 1 } });
    const producer = rig.kafka.producer();
    const consumer = rig.kafka.consumer().assign([{ topic: 't', partition: 0, offset: 0n }]);
    let read = 0;
    consumer.records.subscribe(() => (read += 1));
    watch(producer.send({ topic: 't', value: '1' }));
    rig.clock.advance(2_000);
    for (const broker of [1, 2, 3]) rig.cluster.stop(broker);
    const waiting = watch(producer.send({ topic: 't', value: '2' }));
    rig.clock.advance(MINUTE);
    const rate = busiest(
      rig
        .asked('Metadata')
        .map(({ at }) => at)
        .filter(at => at > 10_000),
      1_000,
    );
    const at = rig.now;
    rig.cluster.start(2);
    while ((!waiting.done || read < 2) && rig.now < at + 5_000) rig.clock.advance(10);
    print(
      `B10: no leader for 60 s: at most ${rate} metadata requests a second, stored and read ${rig.now - at} ms after the election`,
    );
    expect(rate).toBeLessThanOrEqual(2);
    expect(rig.now - at).toBeLessThanOrEqual(1_300);
    expect(rig.cluster.log('t', 0).map(({ value }) => String(value))).toEqual(['1', '2']);
    rig.close();
    expect(rig.clock.pending).toBe(0);
  });
});
