import { of, throwError } from 'rxjs';
import { askMetadata } from '../../lib/cluster/ask-metadata';
import type { MetadataAnswer } from '../../lib/cluster/metadata';
import { DecodeError } from '../../lib/errors';
import type { Connection } from '../../lib/network/connection';
import { EVERY_CODE, REPEATED_BY_JAVA } from '../support/error-codes';
import { print } from '../support/print';
import { watch } from '../support/producer-rig';
import { busiest, VirtualKafka } from '../support/virtual-kafka';

/** Backoff 100 ms … 1 s without jitter: so many steps fit into so many ms. */
function stepsIn(ms: number): number {
  let steps = 1;
  for (let at = 0, pause = 100; (at += pause) <= ms; pause = Math.min(1_000, 2 * pause)) steps++;
  return steps;
}

describe('C03 metadata that says little or nonsense', () => {
  it('C03 a topic that is missing for 5 s: the send waits, with a request per backoff step', () => {
    const rig = new VirtualKafka({ topics: {}, autoCreateTopics: false });
    const sent = watch(rig.kafka.producer().send({ topic: 'late', value: 'v' }));
    rig.clock.advance(5_000);
    rig.cluster.createTopic('late', 1);
    rig.clock.advance(1_100);
    expect(sent.done).toBe(true);
    const asked = rig.asked('Metadata').length;
    expect(asked).toBeLessThanOrEqual(2 + 2 * stepsIn(6_100));
    expect(
      busiest(
        rig
          .asked('Metadata')
          .map(({ at }) => at)
          .filter(at => at > 2_000),
        1_000,
      ),
    ).toBeLessThanOrEqual(2);
    print(`C03: topic missing for 5 s: stored ${rig.now - 5_000} ms after at most, ${asked} metadata requests`);
    rig.close();
  });

  // The answer was good, so nobody asked again before it was five minutes old.
  it('C03 a topic without partitions is asked for again until it has some', () => {
    const rig = new VirtualKafka({ topics: {} });
    rig.cluster.createTopic('empty', 0);
    const sent = watch(rig.kafka.producer().send({ topic: 'empty', value: 'v' }));
    rig.clock.advance(2_000);
    rig.cluster.deleteTopic('empty');
    rig.cluster.createTopic('empty', 1);
    // One step until metadata is asked for, one until the producer looks.
    rig.clock.advance(2_100);
    expect(sent.done).toBe(true);
    expect(rig.asked('Metadata').length).toBeLessThanOrEqual(2 + 2 * stepsIn(4_100));
    rig.close();
  });

  it.each(EVERY_CODE.filter(({ code }) => REPEATED_BY_JAVA.includes(code)))(
    'C03 $name for a known topic: what is known serves on, and idempotent sequences go on',
    ({ name }) => {
      const rig = new VirtualKafka({ topics: { t: 1 } }, { metadataMaxAgeMs: 500 });
      const producer = rig.kafka.producer();
      watch(producer.send({ topic: 't', value: '1' }));
      rig.clock.advance(100);
      const heal = rig.cluster.fault({ api: 'Metadata', topic: 't' }, { error: name });
      rig.clock.advance(2_000);
      const sent = watch(producer.send({ topic: 't', value: '2' }));
      rig.clock.advance(100);
      expect(sent.done).toBe(true);
      heal.unsubscribe();
      rig.clock.advance(1_100);
      watch(producer.send({ topic: 't', value: '3' }));
      rig.clock.advance(100);
      expect(rig.cluster.log('t', 0).map(({ value }) => String(value))).toEqual(['1', '2', '3']);
      expect(rig.asked('InitProducerId')).toHaveLength(1);
      rig.close();
    },
  );

  it.each(EVERY_CODE)('C03 $name for a new topic: waits, or one typed error of that topic alone', ({ code, name }) => {
    const rig = new VirtualKafka({ topics: { t: 1, good: 1 } });
    rig.cluster.fault({ api: 'Metadata', topic: 't', times: 3 }, { error: name });
    const producer = rig.kafka.producer();
    const sent = watch(producer.send({ topic: 't', value: 'v' }));
    const other = watch(producer.send({ topic: 'good', value: 'v' }));
    rig.clock.advance(3_000);
    expect(other.done).toBe(true);
    if (REPEATED_BY_JAVA.includes(code)) expect(sent.done).toBe(true);
    else expect(sent.error).toMatchObject({ name: 'BrokerError', code, error: name, topic: 't' });
    expect(rig.asked('Metadata').length).toBeLessThanOrEqual(2 + 2 * stepsIn(3_000));
    rig.close();
    expect(rig.clock.pending).toBe(0);
  });

  it.each(EVERY_CODE)('C03 $name for a partition hides its leader from nobody who knows it', ({ name }) => {
    const rig = new VirtualKafka({ topics: { t: 2 } });
    rig.cluster.fault({ api: 'Metadata', topic: 't', partition: 1 }, { error: name });
    const producer = rig.kafka.producer();
    const sends = [0, 1].map(partition => watch(producer.send({ topic: 't', partition, value: 'v' })));
    rig.clock.advance(3_000);
    expect(sends.map(({ done }) => done)).toEqual([true, true]);
    rig.close();
  });

  it('C03 leaders in turmoil for 10 s: the asking slows down to one request a second', () => {
    const rig = new VirtualKafka({ brokers: 3, topics: { t: 1 } });
    const producer = rig.kafka.producer();
    watch(producer.send({ topic: 't', value: '1' }));
    rig.clock.advance(1_000);
    for (const broker of [1, 2, 3]) rig.cluster.fault({ broker, api: 'Produce' }, { error: 'NOT_LEADER_OR_FOLLOWER' });
    const from = rig.asked('Metadata').length;
    watch(producer.send({ topic: 't', value: '2' }));
    rig.clock.advance(10_000);
    const asked = rig.asked('Metadata').length - from;
    print(
      `C03: NOT_LEADER_OR_FOLLOWER for 10 s: ${asked} metadata and ${rig.asked('Produce').length - 1} Produce requests`,
    );
    expect(asked).toBeLessThanOrEqual(stepsIn(10_000) + 4);
    rig.close();
  });
});

describe('C03 an answer as it should not be', () => {
  const broker = { nodeId: 1, host: 'b1', port: 9092, rack: null };
  const partition = { errorCode: 0, partitionIndex: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1] };
  const topic = {
    errorCode: 0,
    name: 't',
    topicId: 'abcdefghijklmnopqrstuA',
    isInternal: false,
    partitions: [partition],
  };
  const good: MetadataAnswer = { clusterId: 'c', controllerId: 1, brokers: [broker], topics: [topic] };

  function ask(answer: MetadataAnswer & { readonly errorCode?: number }, clusterId: string | null = null) {
    let closed: string | undefined;
    let rebootstraps = 0;
    const connection = {
      broker: { host: 'asked', port: 1 },
      close: (reason: string) => (closed = reason),
    };
    const seen = watch(
      askMetadata({ ...connection, request: () => of({ errorCode: 0, ...answer }) } as unknown as Connection, {
        names: ['t'],
        mayCreate: false,
        clusterId,
        onRebootstrap: () => (rebootstraps += 1),
      }),
    );
    return { ...seen, closed, rebootstraps };
  }

  it.each([
    ['an empty name', { host: '' }],
    ['port 0', { port: 0 }],
    ['port -1', { port: -1 }],
    ['port 65536', { port: 65_536 }],
    ['a name of 256 characters', { host: 'x'.repeat(256) }],
  ])('leaves out a broker with %s', (_, wrong) => {
    const bad = { ...broker, nodeId: 2, ...wrong };
    expect(ask({ ...good, brokers: [broker, bad] }).values[0]?.brokers).toEqual([broker]);
  });

  it('leaves out a topic that nobody asked for', () => {
    const other = { ...topic, name: 'other' };
    expect(ask({ ...good, topics: [other, topic, { ...topic, name: null }] }).values[0]?.topics).toEqual([topic]);
  });

  it.each([
    ['10,001 brokers', { brokers: Array.from({ length: 10_001 }, (_, nodeId) => ({ ...broker, nodeId })) }],
    ['partition 2147483647', { topics: [{ ...topic, partitions: [{ ...partition, partitionIndex: 2_147_483_647 }] }] }],
    ['partition -1', { topics: [{ ...topic, partitions: [{ ...partition, partitionIndex: -1 }] }] }],
  ])('believes nothing of a broker that tells of %s, and leaves it', (_, lie) => {
    const { error, closed } = ask({ ...good, ...lie });
    expect(error).toMatchObject({ name: 'ConnectionError', reason: 'protocol', retriable: true });
    expect(closed).toBe('protocol');
  });

  it('believes 10,000 brokers and 1,000,000 partitions', () => {
    const brokers = Array.from({ length: 10_000 }, (_, nodeId) => ({ ...broker, nodeId }));
    const topics = [{ ...topic, partitions: [{ ...partition, partitionIndex: 999_999 }] }];
    expect(ask({ ...good, brokers, topics }).done).toBe(true);
  });

  // It ended every stream that waited, although any other broker could have told.
  it('is a fault that may pass when it cannot be read', () => {
    let closed: string | undefined;
    const connection = {
      broker: { host: 'asked', port: 1 },
      close: (reason: string) => (closed = reason),
      request: () => throwError(() => new DecodeError('Metadata v7: 4 bytes needed but 3 left', { position: 8 })),
    };
    const question = { names: ['t'], mayCreate: false, clusterId: null, onRebootstrap: () => undefined };
    const { error } = watch(askMetadata(connection as unknown as Connection, question));
    expect(error).toMatchObject({ name: 'ConnectionError', reason: 'protocol', retriable: true });
    expect(closed).toBe('protocol');
  });

  it('starts over when the broker asks for it', () => {
    const { error, rebootstraps } = ask({ ...good, brokers: [], topics: [], errorCode: 129 });
    expect(error).toMatchObject({ name: 'ConnectionError', retriable: true });
    expect(rebootstraps).toBe(1);
  });

  it('is a typed error when another cluster gives it', () => {
    expect(ask(good, 'c').done).toBe(true);
    expect(ask(good, 'd').error).toMatchObject({ name: 'ConnectionError', reason: 'protocol', retriable: false });
    expect(ask({ ...good, clusterId: null }, 'd').done).toBe(true);
  });
});
