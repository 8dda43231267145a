import { BufferFullError, ClosedError } from '../../lib/errors';
import { createProducer } from '../../lib/producer/producer';
import { json, utf8 } from './encoders';
import { produced } from '../support/fake-cluster';
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
});

describe('batches', () => {
  it('leave when they are full or have lingered', () => {
    const rig = new ProducerRig({ lingerMs: 50, batchBytes: 200 });
    rig.send('a'.repeat(60));
    rig.clock.advance(49);
    expect(rig.fake.requests).toHaveLength(0);
    rig.send('b'.repeat(60));
    expect(rig.fake.requests).toHaveLength(0);
    rig.send('c'.repeat(60));
    expect(rig.waiting).toEqual([[['a'.repeat(60), 'b'.repeat(60)]]]);
    rig.clock.advance(49);
    expect(rig.fake.requests).toHaveLength(1);
    rig.clock.advance(1);
    expect(rig.waiting[1]).toEqual([['c'.repeat(60)]]);
  });

  it('share requests up to maxRequestBytes, and each gets its turn', () => {
    const rig = new ProducerRig({ maxRequestBytes: 1_500 }, { topics: { t: 4 } });
    for (let partition = 0; partition < 4; partition++)
      watch(rig.producer.send({ topic: 't', value: `${partition}`.repeat(300), partition }));
    rig.clock.turn();
    const partitions = rig.fake.requests.map(request => batchesIn(request).map(batch => batch.partition));
    expect(partitions).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it('that hold one record longer than a request are not sent', () => {
    const rig = new ProducerRig({ maxRequestBytes: 2_000 });
    const long = rig.send('x'.repeat(2_000));
    expect(long.error).toMatchObject({
      error: 'MESSAGE_TOO_LARGE',
      topic: 't',
      message: expect.stringContaining('maxRequestBytes'),
    });
    rig.send('ok');
    expect(rig.waiting).toEqual([[['ok']]]);
  });

  it('that the broker finds too large are halved until they fit, in order and within their sequence', () => {
    const rig = new ProducerRig();
    const seen = ['a', 'b', 'c', 'd', 'e'].map(value => watch(rig.producer.send({ topic: 't', value })));
    rig.clock.turn();
    const stored: unknown[] = [];
    for (let i = 0; i < 20 && rig.fake.requests.length > 0; i++) {
      const [batch] = batchesIn(rig.fake.requests[0]!);
      const refuse = batch!.values.length > 2;
      if (!refuse) stored.push([batch!.sequence, batch!.values]);
      rig.reply(
        produced(rig.fake.requests[0]!, () => ({ errorCode: refuse ? 10 : 0, baseOffset: BigInt(batch!.sequence) })),
      );
    }
    expect(stored).toEqual([
      [0, ['a', 'b']],
      [2, ['c']],
      [3, ['d', 'e']],
    ]);
    expect(seen.map(({ values }) => values[0]![0]!.offset)).toEqual([0n, 1n, 2n, 3n, 4n]);
    expect(watch(rig.producer.pressure).values[0]).toEqual({ bufferedBytes: 0, full: false });
  });

  it('of one record that the broker finds too large fail', () => {
    const rig = new ProducerRig();
    const seen = rig.send('a');
    rig.reply(produced(rig.fake.requests[0]!, () => ({ errorCode: 10 })));
    expect(seen.error).toMatchObject({
      error: 'MESSAGE_TOO_LARGE',
      message: expect.stringContaining('max.message.bytes'),
    });
  });
});

describe('a full buffer', () => {
  it('errors at once, shows as pressure, and is over when something is settled', () => {
    const rig = new ProducerRig({ bufferBytes: 100 });
    const pressure = watch(rig.producer.pressure);
    rig.send('x'.repeat(150));
    expect(pressure.values.at(-1)).toMatchObject({ full: true });
    const refused = watch(rig.producer.send({ topic: 't', value: 'y' }));
    expect(refused.error).toBeInstanceOf(BufferFullError);
    expect(refused.error).toMatchObject({ retriable: true, message: expect.stringContaining('bufferBytes: 100') });
    rig.reply(produced(rig.fake.requests[0]!));
    expect(pressure.values.at(-1)).toEqual({ bufferedBytes: 0, full: false });
    expect(rig.send('y').error).toBeUndefined();
  });

  it('counts records whose topic is not known yet', () => {
    const rig = new ProducerRig({ bufferBytes: 100 });
    rig.send('x'.repeat(150), 'unknown');
    expect(rig.send('y').error).toBeInstanceOf(BufferFullError);
  });
});

describe('flush', () => {
  it('lets lingering batches leave and waits for what was sent before it, not for what came after', () => {
    const rig = new ProducerRig({ lingerMs: 1_000 });
    rig.send('a');
    const flush = rig.producer.flush();
    rig.clock.turn();
    expect(rig.fake.requests).toHaveLength(0);
    const flushed = watch(flush);
    rig.clock.turn();
    expect(rig.waiting).toEqual([[['a']]]);
    rig.send('b');
    expect(flushed.done).toBe(false);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(flushed).toMatchObject({ values: [undefined], done: true });
  });

  it('is over at once when there is nothing', () => {
    expect(watch(new ProducerRig().producer.flush()).done).toBe(true);
  });

  it('waits for records whose topic is not known yet, and does not fail with them', () => {
    const rig = new ProducerRig();
    const lost = rig.send('a', 'nowhere');
    const flushed = watch(rig.producer.flush());
    rig.clock.advance(59_000);
    expect(flushed.done).toBe(false);
    rig.clock.advance(2_000);
    expect(lost.error).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(flushed.done).toBe(true);
  });
});

describe('close', () => {
  it('of a new producer is over at once and opens nothing', () => {
    const rig = new ProducerRig();
    expect(watch(rig.producer.close())).toMatchObject({ values: [undefined], done: true });
    expect(rig.fake.requests).toHaveLength(0);
    expect(rig.fake.released).toEqual(['p']);
  });

  it('waits for what is under way, refuses what comes, leaves nothing behind', () => {
    const rig = new ProducerRig({ lingerMs: 1_000 });
    const pressure = watch(rig.producer.pressure);
    const a = rig.send('a');
    const closed = watch(rig.producer.close());
    const again = watch(rig.producer.close());
    const refused = rig.send('b');
    expect(refused.error).toBeInstanceOf(ClosedError);
    expect(rig.waiting).toEqual([[['a']]]);
    expect(closed.done).toBe(false);
    rig.reply(produced(rig.fake.requests[0]!));
    expect(a.done).toBe(true);
    for (const seen of [closed, again, watch(rig.producer.close())])
      expect(seen).toMatchObject({ values: [undefined], done: true });
    expect(pressure.done).toBe(true);
    expect(rig.fake.released).toEqual(['p']);
    expect(rig.clock.pending).toBe(0);
    expect(rig.send('c').error).toBeInstanceOf(ClosedError);
  });

  it('fails by name what is not stored in time, in whatever state it is', () => {
    const rig = new ProducerRig({}, { topics: { t: 2 } });
    const inFlight = rig.send('a', 't', 0);
    const parked = rig.send('b', 'nowhere');
    rig.fake.lead('t', 1, -1);
    const leaderless = rig.send('c', 't', 1);
    const closed = watch(rig.producer.close({ drainMs: 500 }));
    rig.clock.advance(499);
    expect(closed.done).toBe(false);
    rig.clock.advance(1);
    expect(closed.done).toBe(true);
    expect(inFlight.error).toMatchObject({
      name: 'ClosedError',
      message: expect.stringMatching(/t-0; it may have been written/),
    });
    expect(parked.error).toMatchObject({ name: 'ClosedError', message: expect.stringMatching(/nowhere$/) });
    expect(leaderless.error).toMatchObject({ name: 'ClosedError', message: expect.stringMatching(/t-1$/) });
    expect(rig.clock.pending).toBe(0);
  });

  it('goes on when whoever asked for it leaves', () => {
    const rig = new ProducerRig();
    rig.send('a');
    watch(rig.producer.close({ drainMs: 10 })).subscription.unsubscribe();
    rig.clock.advance(10);
    expect(rig.fake.released).toEqual(['p']);
  });

  it('may be called from within a result', () => {
    const rig = new ProducerRig();
    let closed = false;
    rig.producer
      .send({ topic: 't', value: 'a' })
      .subscribe(() => rig.producer.close().subscribe(() => (closed = true)));
    rig.clock.turn();
    rig.reply(produced(rig.fake.requests[0]!));
    expect(closed).toBe(true);
    expect(rig.clock.pending).toBe(0);
  });
});
