import { ConnectionError, RequestTimeoutError } from '../../lib/errors';
import { produced } from '../support/fake-cluster';
import type { FakeRequest } from '../support/fake-cluster';
import { ProducerRig, batchesIn, watch } from '../support/producer-rig';

const NOT_LEADER = 6;
const TIMED_OUT = 7;
const NOT_ENOUGH_REPLICAS = 19;
const OUT_OF_ORDER = 45;
const DUPLICATE = 46;
const INVALID_EPOCH = 47;
const UNKNOWN_PRODUCER = 59;

const code = (request: FakeRequest, errorCode: number) => produced(request, () => ({ errorCode }));
/** [epoch, sequence, value] of the first batch of a request. */
const wire = (request: FakeRequest) => {
  const [batch] = batchesIn(request);
  return [batch!.epoch, batch!.sequence, batch!.values.join()];
};

describe('the order of a partition', () => {
  it('is kept when the first of five in flight fails retriably: the rest come back out of order and go again, one after the other, each with its sequence', () => {
    const rig = new ProducerRig();
    const seen = ['0', '1', '2', '3', '4'].map(value => rig.send(value));
    const late = rig.send('5');
    expect(rig.fake.requests.map(wire)).toEqual([0, 1, 2, 3, 4].map(i => [0, i, `${i}`]));
    rig.reply(code(rig.fake.requests[0]!, NOT_ENOUGH_REPLICAS));
    for (let i = 0; i < 4; i++) rig.reply(code(rig.fake.requests[0]!, OUT_OF_ORDER));
    expect(rig.fake.requests).toHaveLength(0);
    rig.clock.advance(200);
    const order: unknown[] = [];
    while (rig.fake.requests.length > 0) {
      const [request] = rig.fake.requests;
      order.push(wire(request!));
      rig.reply(produced(request!, () => ({ baseOffset: BigInt(batchesIn(request!)[0]!.sequence) })));
      rig.clock.advance(1_000);
    }
    expect(order).toEqual([0, 1, 2, 3, 4, 5].map(i => [0, i, `${i}`]));
    expect([...seen, late].map(({ values }) => values[0]![0]!.offset)).toEqual([0n, 1n, 2n, 3n, 4n, 5n]);
  });

  it('is kept when a connection dies with five in flight: all go again in order, with the bytes they had', () => {
    const rig = new ProducerRig();
    for (let i = 0; i < 5; i++) rig.send(`${i}`);
    const before = rig.fake.requests.map(request => Buffer.from(request.body.topicData[0].partitionData[0].records));
    rig.fake.cut(0);
    const again: Buffer[] = [];
    rig.clock.turn();
    while (rig.fake.requests.length > 0) {
      again.push(rig.fake.requests[0]!.body.topicData[0].partitionData[0].records);
      rig.reply(produced(rig.fake.requests[0]!));
    }
    expect(again).toEqual(before);
    expect(rig.fake.refreshes).toBeGreaterThan(0);
  });

  it('is kept without sequences by one batch of a partition in flight', () => {
    const rig = new ProducerRig({ acks: 1 }, { topics: { t: 2 } });
    rig.send('a', 't', 0);
    rig.send('b', 't', 0);
    rig.send('c', 't', 1);
    expect(rig.waiting).toEqual([[['a']], [['c']]]);
    rig.reply(code(rig.fake.requests[0]!, TIMED_OUT));
    rig.clock.advance(200);
    expect(rig.waiting).toEqual([[['c']], [['a']]]);
    rig.fake.requests[1]!.reply(produced(rig.fake.requests[1]!));
    rig.clock.turn();
    expect(rig.waiting).toEqual([[['c']], [['b']]]);
  });

  it('is kept when the leader moves: nothing goes to the new one before the old one’s answers are known', () => {
    const rig = new ProducerRig({}, { nodes: 2 });
    rig.send('a');
    rig.send('b');
    rig.fake.lead('t', 0, 1);
    rig.send('c');
    expect(rig.fake.requests.map(({ nodeId }) => nodeId)).toEqual([0, 0]);
    rig.reply(code(rig.fake.requests[0]!, NOT_LEADER));
    rig.reply(code(rig.fake.requests[0]!, NOT_LEADER));
    const order: unknown[] = [];
    while (rig.fake.requests.length > 0) {
      const [request] = rig.fake.requests;
      order.push([request!.nodeId, ...wire(request!)]);
      rig.reply(produced(request!));
    }
    expect(order).toEqual([
      [1, 0, 0, 'a'],
      [1, 0, 1, 'b'],
      [1, 0, 2, 'c'],
    ]);
  });

  it('goes to the leader that a response names at once, without a pause and without asking', () => {
    const rig = new ProducerRig({}, { nodes: 2 });
    rig.send('a');
    const currentLeader = { leaderId: 1, leaderEpoch: 9 };
    rig.reply(produced(rig.fake.requests[0]!, () => ({ errorCode: NOT_LEADER, currentLeader })));
    expect(rig.fake.requests.map(({ nodeId }) => nodeId)).toEqual([1]);
    expect(rig.fake.refreshes).toBe(0);
    expect(rig.fake.events).toContainEqual(
      expect.objectContaining({ type: 'retry', api: 'Produce', attempt: 1, delayMs: 0 }),
    );
  });

  it('waits for a leader and keeps asking for one', () => {
    const rig = new ProducerRig({}, { nodes: 2 });
    rig.fake.lead('t', 0, -1);
    rig.send('a');
    expect(rig.fake.requests).toHaveLength(0);
    expect(rig.fake.refreshes).toBeGreaterThan(0);
    rig.fake.lead('t', 0, 1);
    rig.clock.turn();
    expect(rig.waiting).toEqual([[['a']]]);
  });
});

describe('the sequences of a partition', () => {
  it('survive a lost answer: what was stored is not stored again', () => {
    const rig = new ProducerRig();
    const seen = rig.send('a');
    rig.fake.requests[0]!.fail(new RequestTimeoutError('no answer'));
    rig.clock.advance(200);
    expect(wire(rig.fake.requests[0]!)).toEqual([0, 0, 'a']);
    rig.reply(code(rig.fake.requests[0]!, DUPLICATE));
    expect(seen.values).toEqual([[{ topic: 't', partition: 0, offset: -1n, timestamp: 0 }]]);
    rig.send('b');
    expect(wire(rig.fake.requests[0]!)).toEqual([0, 1, 'b']);
  });

  it('start anew in the next epoch after a refused batch, for those behind it too', () => {
    const rig = new ProducerRig();
    const refused = rig.send('a');
    const behind = rig.send('b');
    rig.reply(code(rig.fake.requests[0]!, 87));
    expect(refused.error).toMatchObject({ error: 'INVALID_RECORD' });
    rig.reply(code(rig.fake.requests[0]!, OUT_OF_ORDER));
    rig.clock.advance(200);
    expect(wire(rig.fake.requests[0]!)).toEqual([1, 0, 'b']);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(behind.done).toBe(true);
    rig.send('c');
    expect(wire(rig.fake.requests[0]!)).toEqual([1, 1, 'c']);
  });

  it('start anew after a batch that expired in flight; its late answer is not taken for another’s', () => {
    const rig = new ProducerRig({ deliveryTimeoutMs: 1_000 });
    const expired = rig.send('a');
    rig.clock.advance(500);
    const later = rig.send('b');
    rig.clock.advance(500);
    expect(expired.error).toMatchObject({ name: 'DeliveryTimeoutError', retriable: true });
    expect(expired.error.message).toMatch(/t-0: not stored within .*1 attempts; it may have been written/);
    expect(later.error).toBeUndefined();
    rig.reply(code(rig.fake.requests[0]!, NOT_ENOUGH_REPLICAS));
    rig.reply(code(rig.fake.requests[0]!, OUT_OF_ORDER));
    rig.clock.advance(300);
    expect(wire(rig.fake.requests[0]!)).toEqual([1, 0, 'b']);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(later.done).toBe(true);
  });

  it('go on where a batch that expired in flight was stored after all', () => {
    const rig = new ProducerRig({ deliveryTimeoutMs: 1_000 });
    rig.send('a');
    rig.clock.advance(1_000);
    rig.send('b');
    rig.reply(produced(rig.fake.requests[0]!));
    rig.reply(produced(rig.fake.requests[0]!));
    rig.send('c');
    expect(wire(rig.fake.requests[0]!)).toEqual([0, 2, 'c']);
  });

  it('start anew when the broker has forgotten the producer, and with another id when it knows a newer epoch', () => {
    const rig = new ProducerRig();
    const a = rig.send('a');
    rig.reply(code(rig.fake.requests[0]!, UNKNOWN_PRODUCER));
    rig.clock.advance(200);
    expect(wire(rig.fake.requests[0]!)).toEqual([1, 0, 'a']);
    rig.reply(code(rig.fake.requests[0]!, INVALID_EPOCH));
    rig.clock.advance(400);
    expect(rig.ids).toBe(2);
    expect(wire(rig.fake.requests[0]!)).toEqual([0, 0, 'a']);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(a.done).toBe(true);
  });

  it('are a partition’s own: another one does not wait and keeps its epoch', () => {
    const rig = new ProducerRig({}, { topics: { t: 2 } });
    rig.send('a', 't', 0);
    rig.send('b', 't', 1);
    rig.reply(code(rig.fake.requests[0]!, 87));
    rig.reply(produced(rig.fake.requests[0]!));
    rig.send('c', 't', 0);
    rig.send('d', 't', 1);
    expect(rig.fake.requests.map(wire)).toEqual([
      [1, 0, 'c'],
      [0, 1, 'd'],
    ]);
  });
});

describe('the time of a record', () => {
  it('ends after deliveryTimeoutMs wherever it is, and the error says why', () => {
    const rig = new ProducerRig({ deliveryTimeoutMs: 1_000, lingerMs: 900 }, { topics: { t: 3 } });
    rig.fake.lead('t', 1, -1);
    const lingering = rig.send('a', 't', 0);
    const leaderless = rig.send('b', 't', 1);
    const retried = watch(rig.producer.send({ topic: 't', value: 'c', partition: 2 }));
    watch(rig.producer.flush());
    rig.clock.turn();
    for (let i = 0; i < 20 && retried.error === undefined; i++) {
      for (const request of [...rig.fake.requests]) request.reply(code(request, NOT_ENOUGH_REPLICAS));
      rig.clock.advance(100);
    }
    expect(lingering.error.message).toMatch(/t-0.*NOT_ENOUGH_REPLICAS/);
    expect(leaderless.error.message).toMatch(/t-1: .*no leader/);
    expect(retried.error.message).toMatch(/t-2: .*NOT_ENOUGH_REPLICAS/);
    expect(rig.clock.scheduler.frame).toBeLessThanOrEqual(1_100);
    rig.clock.advance(10_000);
    expect(rig.clock.pending).toBe(0);
  });

  it('ends while its broker cannot be reached', () => {
    const rig = new ProducerRig({ deliveryTimeoutMs: 1_000 });
    const seen = rig.send('a');
    const address = { host: 'n0', port: 1 };
    for (let i = 0; i < 11; i++) {
      rig.fake.requests[0]?.fail(new ConnectionError(address, 'broken', 'gone', { sent: true }));
      rig.clock.advance(100);
    }
    expect(seen.error).toMatchObject({ name: 'DeliveryTimeoutError', message: expect.stringContaining('gone') });
    expect(watch(rig.producer.pressure).values[0]).toEqual({ bufferedBytes: 0, full: false });
  });
});

describe('a topic that is not known', () => {
  it('is asked for until it is there; its records keep their order', () => {
    const rig = new ProducerRig();
    rig.send('a', 'new');
    rig.clock.advance(1_000);
    rig.send('b', 'new');
    rig.fake.addTopic('new', 1);
    rig.clock.advance(2_000);
    rig.send('c', 'new');
    expect(rig.waiting.flat().flat()).toEqual(['a', 'b', 'c']);
  });

  it('fails what has waited for a minute, or for deliveryTimeoutMs if that is less, each record after its own time', () => {
    const rig = new ProducerRig({ deliveryTimeoutMs: 10_000 });
    const a = rig.send('a', 'nowhere');
    rig.clock.advance(6_000);
    const b = rig.send('b', 'nowhere');
    rig.clock.advance(5_000);
    expect(a.error).toMatchObject({
      name: 'BrokerError',
      error: 'UNKNOWN_TOPIC_OR_PARTITION',
      topic: 'nowhere',
      retriable: true,
    });
    expect(a.error.message).toMatch(/createTopics/);
    expect(b.error).toBeUndefined();
    rig.clock.advance(6_000);
    expect(b.error).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(rig.clock.pending).toBe(0);
  });
});

describe('records that wait for their topic', () => {
  it('are looked up once, however many, and again when one is sent from within the error of another', () => {
    let asked = 0;
    const rig = new ProducerRig({ deliveryTimeoutMs: 1_000 });
    const { topics } = rig.fake.cluster;
    Object.assign(rig.fake.cluster, { topics: (names: string[]) => ((asked += 1), topics(names)) });
    const later: unknown[] = [];
    for (let i = 0; i < 3_000; i++)
      rig.producer.send({ topic: 'nowhere', value: `${i}` }).subscribe({
        error: () => {
          if (i === 0)
            rig.producer.send({ topic: 'nowhere', value: 'again' }).subscribe({ next: one => later.push(one) });
        },
      });
    expect(asked).toBe(1);
    rig.clock.advance(1_000);
    rig.fake.addTopic('nowhere', 1);
    rig.clock.advance(500);
    expect(rig.waiting).toEqual([[['again']]]);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(later).toHaveLength(1);
  });

  it('fail by name when the producer is closed from within the error of one of them', () => {
    const rig = new ProducerRig({
      partitioner: () => {
        throw new Error('mine');
      },
    });
    const errors: string[] = [];
    for (let i = 0; i < 3; i++)
      rig.producer.send({ topic: 'new', value: `${i}` }).subscribe({
        error: (error: Error) => {
          errors.push(error.message);
          if (i === 0) rig.producer.close({ drainMs: 0 }).subscribe();
        },
      });
    rig.fake.addTopic('new', 1);
    rig.clock.advance(1_000);
    expect(errors).toHaveLength(3);
    expect(errors[0]).toBe('mine');
    expect(rig.clock.pending).toBe(0);
  });
});

describe('a producer id that is refused', () => {
  it('fails everything with what the broker said', () => {
    const rig = new ProducerRig({}, { answer: () => undefined });
    const seen = rig.send('a');
    const [request] = rig.fake.requests;
    expect(request!.api).toBe('InitProducerId');
    request!.fail(Object.assign(new ConnectionError({ host: 'n', port: 1 }, 'broken', 'no'), { retriable: false }));
    expect(seen.error.message).toMatch(/no/);
  });

  it('is asked for again when no broker could answer, and by one request at a time', () => {
    const rig = new ProducerRig({}, { answer: () => undefined });
    rig.send('a');
    rig.send('b');
    expect(rig.fake.requests).toHaveLength(1);
    rig.fake.requests[0]!.fail(new RequestTimeoutError('no answer'));
    rig.clock.advance(1_000);
    rig.reply({ errorCode: 0, producerId: 1n, producerEpoch: 0 });
    expect(rig.waiting).toEqual([[['a', 'b']]]);
  });
});
