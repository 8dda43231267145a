import { ClosedError } from '../../lib/errors';
import { produced } from '../support/fake-cluster';
import { ProducerRig, watch } from '../support/producer-rig';

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
