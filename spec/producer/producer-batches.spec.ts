import { BufferFullError } from '../../lib/errors';
import { produced } from '../support/fake-cluster';
import { ProducerRig, batchesIn, watch } from '../support/producer-rig';

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
