import { createProducer } from '../../lib/producer/producer';
import { json, utf8 } from './encoders';
import { openBatch } from '../../lib/records/batch-reader';
import { scanBatches } from '../../lib/records/batch-header';
import { RecordCursor } from '../../lib/records/record-cursor';
import { readHeaders } from '../../lib/records/record-fields';
import { produced } from '../support/fake-cluster';
import type { FakeRequest } from '../support/fake-cluster';
import { ProducerRig, batchesIn, watch } from '../support/producer-rig';

describe('producer.send', () => {
  it('is cold: nothing is asked of the cluster before it is subscribed, and each subscription sends again', () => {
    const rig = new ProducerRig();
    const send = rig.producer.send({ topic: 't', value: 'a' });
    rig.clock.turn();
    expect(rig.fake.requests).toHaveLength(0);
    expect(rig.ids).toBe(0);
    watch(send);
    watch(send);
    rig.clock.turn();
    expect(rig.waiting).toEqual([[['a', 'a']]]);
  });

  it('puts a thousand single sends of one turn into one request and tells each where it was stored', () => {
    const rig = new ProducerRig({}, { topics: { t: 3 } });
    const seen = Array.from({ length: 1_000 }, (_, i) =>
      watch(rig.producer.send({ topic: 't', value: `v${i}`, partition: i % 3 })),
    );
    rig.clock.turn();
    expect(rig.fake.requests).toHaveLength(1);
    expect(rig.ids).toBe(1);
    rig.reply(produced(rig.fake.requests[0]!, (_topic, partition) => ({ baseOffset: BigInt(1_000 * partition) })));
    seen.forEach(({ values, done }, i) => {
      expect(done).toBe(true);
      expect(values).toEqual([
        [{ topic: 't', partition: i % 3, offset: BigInt(1_000 * (i % 3) + Math.floor(i / 3)), timestamp: 0 }],
      ]);
    });
  });

  it('has up to five requests in flight and meanwhile fills batches', () => {
    const rig = new ProducerRig();
    for (let i = 0; i < 8; i++) rig.send(`${i}`);
    expect(rig.waiting).toEqual([[['0']], [['1']], [['2']], [['3']], [['4']]]);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(rig.waiting.at(-1)).toEqual([['5', '6', '7']]);
  });

  it('gives the time of the append where the broker says it, else the record’s own', () => {
    const rig = new ProducerRig();
    rig.clock.advance(5);
    const own = watch(rig.producer.send({ topic: 't', value: 'a', timestamp: 3 }));
    const now = watch(rig.producer.send({ topic: 't', value: 'a' }));
    rig.clock.turn();
    rig.reply(produced(rig.fake.requests[0]!));
    expect([own, now].map(seen => seen.values[0]![0]!.timestamp)).toEqual([3, 5]);
    const appended = rig.send('b');
    rig.reply(produced(rig.fake.requests[0]!, () => ({ logAppendTimeMs: 99 })));
    expect(appended.values[0]![0]!.timestamp).toBe(99);
  });

  it('asks acks 0 for no answer and knows no offset', () => {
    const rig = new ProducerRig({ acks: 0 });
    const seen = rig.send('a');
    expect(rig.fake.requests[0]).toMatchObject({ body: { acks: 0 }, options: { expectReply: false } });
    expect(batchesIn(rig.fake.requests[0]!)[0]).toMatchObject({ epoch: -1, sequence: -1 });
    rig.reply(undefined);
    expect(seen.values).toEqual([[{ topic: 't', partition: 0, offset: -1n, timestamp: 0 }]]);
    expect(rig.ids).toBe(0);
  });

  it('uses no topic id that it does not know', () => {
    const rig = new ProducerRig();
    rig.send('a');
    expect(rig.fake.requests[0]!.options.maxVersion).toBeUndefined();
  });

  it('emits an empty array for no records', () => {
    expect(watch(new ProducerRig().producer.send([]))).toMatchObject({ values: [[]], done: true });
  });

  it('says of an array which records failed, in input order, and stores the others', () => {
    const rig = new ProducerRig({}, { topics: { t: 2 } });
    const records = [0, 1, 9, 0].map((partition, i) => ({ topic: 't', value: `${i}`, partition }));
    const seen = watch(rig.producer.send(records));
    rig.clock.turn();
    rig.reply(produced(rig.fake.requests[0]!, (_topic, partition) => ({ errorCode: partition === 1 ? 44 : 0 })));
    expect(seen.error).toMatchObject({
      name: 'SendError',
      retriable: false,
      message: expect.stringContaining('2 of 4'),
    });
    expect(seen.error.results).toMatchObject([
      { offset: 0n, partition: 0 },
      { name: 'BrokerError', error: 'POLICY_VIOLATION', topic: 't', partition: 1 },
      {
        name: 'BrokerError',
        error: 'UNKNOWN_TOPIC_OR_PARTITION',
        partition: 9,
        message: expect.stringContaining('0 to 1'),
      },
      { offset: 1n, partition: 0 },
    ]);
  });

  it('errors with the error itself for a single record', () => {
    const rig = new ProducerRig();
    const seen = rig.send('a');
    rig.reply(produced(rig.fake.requests[0]!, () => ({ errorCode: 29 })));
    expect(seen.error).toMatchObject({
      name: 'BrokerError',
      error: 'TOPIC_AUTHORIZATION_FAILED',
      topic: 't',
      partition: 0,
    });
  });

  it('blames the records that the broker names, and tells the others that they are good', () => {
    const rig = new ProducerRig();
    const seen = ['a', 'b'].map(value => watch(rig.producer.send({ topic: 't', value })));
    rig.clock.turn();
    const recordErrors = [{ batchIndex: 1, batchIndexErrorMessage: 'no key' }];
    rig.reply(produced(rig.fake.requests[0]!, () => ({ errorCode: 87, recordErrors })));
    expect(seen[0]!.error.message).toMatch(/another record/);
    expect(seen[1]!.error.message).toMatch(/no key/);
  });

  it('does not disturb the others when one unsubscribes', () => {
    const rig = new ProducerRig();
    const [a, b, c] = ['a', 'b', 'c'].map(value => watch(rig.producer.send({ topic: 't', value })));
    a!.subscription.unsubscribe();
    rig.clock.turn();
    b!.subscription.unsubscribe();
    expect(rig.waiting).toEqual([[['a', 'b', 'c']]]);
    rig.reply(produced(rig.fake.requests[0]!));
    expect([a, b].map(seen => seen!.values)).toEqual([[], []]);
    expect(c!.values[0]![0]!.offset).toBe(2n);
    expect(rig.clock.pending).toBe(0);
  });

  it('takes records that are sent from within a result', () => {
    const rig = new ProducerRig();
    const later: unknown[] = [];
    rig.producer.send({ topic: 't', value: 'a' }).subscribe(() => {
      rig.producer.send({ topic: 't', value: 'b' }).subscribe(result => later.push(result));
    });
    rig.clock.turn();
    rig.reply(produced(rig.fake.requests[0]!));
    expect(rig.waiting).toEqual([[['b']]]);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(later).toHaveLength(1);
  });
});

describe('what a producer takes', () => {
  it('is text, bytes and null, or what its encoders make', () => {
    const rig = new ProducerRig();
    watch(
      rig.producer.send([
        { topic: 't', key: 'k', value: Buffer.from('v') },
        { topic: 't', value: null },
      ]),
    );
    rig.clock.turn();
    expect(batchesIn(rig.fake.requests[0]!)[0]).toMatchObject({ keys: ['k', null], values: ['v', null] });
    const typed = createProducer<string, { a: number }>(rig.fake.cluster, 'q', { key: utf8, value: json() });
    watch(
      typed.send([
        { topic: 't', key: 'k', value: { a: 1 } },
        { topic: 't', key: null, value: null },
      ]),
    );
    rig.clock.turn();
    expect(batchesIn(rig.fake.requests[1]!)[0]).toMatchObject({ keys: ['k', null], values: ['{"a":1}', null] });
  });

  it.each([
    [{ value: 5 }, /value.*number.*encoder/],
    [{ value: undefined }, /undefined; null sends a tombstone/],
    [{ value: 'v', key: {} }, /key.*object/],
    [{ value: 'v', headers: { h: 5 } }, /header/],
    [{ value: 'v', headers: 'h' }, /headers.*string/],
    [{ value: 'v', topic: undefined }, /topic.*string, not undefined/],
    [{ value: 'v', topic: 42 }, /topic.*string, not number/],
    // A batch has one base timestamp: NaN in its first record used to fail every later record of anybody in the batch.
    [{ value: 'v', timestamp: NaN }, /timestamp.*NaN/],
    [{ value: 'v', timestamp: Infinity }, /timestamp.*Infinity/],
    [{ value: 'v', timestamp: 5n }, /timestamp.*bigint/],
    [{ value: 'v', timestamp: new Date(5) }, /timestamp.*getTime/],
  ])('%p is a TypeError, and nothing of the call is sent', (record, message) => {
    const rig = new ProducerRig();
    const single = watch(rig.producer.send({ topic: 't', ...record } as never));
    expect(single.error).toBeInstanceOf(TypeError);
    expect(single.error.message).toMatch(message);
    const several = watch(
      rig.producer.send([
        { topic: 't', value: 'good' },
        { topic: 't', ...record },
      ] as never),
    );
    expect(several.error).toBeInstanceOf(TypeError);
    rig.clock.turn();
    expect(rig.fake.requests).toHaveLength(0);
    expect(rig.clock.pending).toBe(0);
  });

  it('goes where a partitioner says, and not out of range', () => {
    const calls: unknown[] = [];
    const rig = new ProducerRig(
      {
        partitioner: (record, key, count) => {
          calls.push([record.value, key, count]);
          return record.value === 'out' ? 4 : record.value === 'half' ? 0.5 : 3;
        },
      },
      { topics: { t: 4 } },
    );
    watch(rig.producer.send({ topic: 't', key: 'k', value: 'in' }));
    const out = watch(rig.producer.send({ topic: 't', value: 'out' }));
    const half = watch(rig.producer.send({ topic: 't', value: 'half' }));
    rig.clock.turn();
    expect(calls[0]).toEqual(['in', Buffer.from('k'), 4]);
    expect(calls[1]).toEqual(['out', null, 4]);
    expect(batchesIn(rig.fake.requests[0]!)).toMatchObject([{ partition: 3, values: ['in'] }]);
    for (const { error } of [out, half])
      expect(error).toMatchObject({
        error: 'UNKNOWN_TOPIC_OR_PARTITION',
        message: expect.stringContaining('the partitioner chose'),
      });
  });

  // They used to be walked twice or thrice: a generator is at its end by then, and its headers were lost without a word.
  it('are headers of any kind, a generator too, whether the topic is known or not and the batch has room or not', () => {
    function* headers() {
      yield ['a', '1'] as const;
      yield ['b', null] as const;
    }
    const rig = new ProducerRig({ batchBytes: 300 });
    const long = 'x'.repeat(200);
    watch(rig.producer.send({ topic: 't', value: long, headers: headers() }));
    watch(rig.producer.send({ topic: 't', value: long, headers: headers() }));
    watch(rig.producer.send([{ topic: 't', value: long, headers: headers() }]));
    watch(rig.producer.send({ topic: 't', value: long, headers: new Map([['a', '1']]) }));
    rig.clock.turn();
    expect(rig.fake.requests.flatMap(request => headersIn(request))).toEqual([
      [['a', Buffer.from('1')], ['b', null]], // prettier-ignore
      [['a', Buffer.from('1')], ['b', null]], // prettier-ignore
      [['a', Buffer.from('1')], ['b', null]], // prettier-ignore
      [['a', Buffer.from('1')]],
    ]);
  });

  it('is nothing of an encoder that makes undefined: that would be a tombstone', () => {
    const rig = new ProducerRig({ value: { encode: () => undefined as never } });
    expect(rig.send('a').error).toMatchObject({ name: 'TypeError', message: expect.stringContaining('undefined') });
  });

  // It used to error at once with what the partitioner threw, while the records before it were sent.
  it('says which records of an array were stored when a partitioner throws for one of them', () => {
    const rig = new ProducerRig({
      partitioner: ({ value }) => {
        if (value === 'bad') throw new Error('boom');
        return 0;
      },
    });
    const seen = watch(rig.producer.send(['a', 'bad', 'b'].map(value => ({ topic: 't', value }))));
    rig.clock.turn();
    rig.reply(produced(rig.fake.requests[0]!));
    expect(seen.error).toMatchObject({ name: 'SendError', message: expect.stringContaining('1 of 3') });
    expect(seen.error.results).toMatchObject([{ offset: 0n }, { message: 'boom' }, { offset: 1n }]);
  });

  it('is refused when its encoder has closed the producer', () => {
    const rig = new ProducerRig({
      value: {
        encode: () => {
          watch(rig.producer.close());
          return Buffer.from('v');
        },
      },
    });
    const record = { topic: 't', value: 'a' };
    for (const seen of [watch(rig.producer.send(record)), watch(rig.producer.send([record]))])
      expect(seen.error).toMatchObject({ name: 'ClosedError' });
  });
});

describe('a topic made anew with fewer partitions', () => {
  // Partitions were never given up, so keys kept going to those that were gone: a part of all records failed for ever.
  it('gets new records on the partitions it has, and fails those for the others', () => {
    const rig = new ProducerRig({ partitioner: (_record, _key, count) => count - 1 }, { topics: { t: 6 } });
    const flying = rig.send('flying');
    const waiting = watch(rig.producer.send({ topic: 't', value: 'waiting', partition: 4 }));
    rig.fake.addTopic('t', 2, 'anewanewanewanewanewaA');
    expect(waiting.error).toMatchObject({
      error: 'UNKNOWN_TOPIC_OR_PARTITION',
      partition: 4,
      retriable: true,
      message: expect.stringContaining('made anew without partition 4'),
    });
    rig.reply(produced(rig.fake.requests[0]!, () => ({ errorCode: 3 })));
    expect(flying.error).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION', partition: 5 });
    const seen = rig.send('new');
    expect(batchesIn(rig.fake.requests[0]!)).toMatchObject([{ partition: 1, values: ['new'] }]);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(seen.done).toBe(true);
    expect(rig.send('gone', 't', 5).error).toMatchObject({ message: expect.stringContaining('0 to 1') });
    expect(rig.clock.pending).toBe(0);
  });
});

describe('acks 0', () => {
  // The broker only closes the connection of a producer that sends to the wrong leader: it used to connect again and go on
  // sending to it, until metadata was five minutes old. Nothing was stored meanwhile, and every send was a success.
  it('asks who leads when the broker closes the connection', () => {
    const rig = new ProducerRig({ acks: 0 });
    rig.send('a');
    rig.reply(undefined);
    const before = rig.fake.refreshes;
    rig.fake.cut(0);
    expect(rig.fake.refreshes).toBe(before + 1);
  });
});

function headersIn(request: FakeRequest): unknown[] {
  return request.body.topicData.flatMap(({ partitionData }: any) =>
    partitionData.flatMap(({ records }: any) => {
      const [header] = scanBatches(records);
      const where = { topic: 't', partition: 0 };
      const cursor = new RecordCursor(openBatch(records, header!, { maxInflatedBytes: 1e9, where }));
      const found: unknown[] = [];
      while (cursor.next()) found.push([...readHeaders(records, cursor.position)]);
      return found;
    }),
  );
}
