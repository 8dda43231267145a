import type { SaslOptions } from '../../../lib';
import { ManualClock } from '../../support/manual-clock';
import { watch } from '../../support/producer-rig';
import type { SaslScript } from './sasl-front';
import { saslKafka } from './sasl-kafka';

const ALICE: SaslOptions = { mechanism: 'plain', username: 'alice', password: 'alice-secret' };
const BROKERS = 2;

/** In virtual time. What the broker answers may change while the client lives. */
function rig(sasl: SaslOptions = ALICE) {
  const clock = new ManualClock();
  const world = { let: true, lifetimeMs: 0 };
  const script: SaslScript = {
    authenticate: () => (world.let ? { lifetimeMs: world.lifetimeMs } : { code: 58, message: 'wrong password' }),
  };
  return { clock, world, ...saslKafka(sasl, script, { runtime: clock.runtime }) };
}

describe('credentials that are refused', () => {
  it('F03 reach whoever asks for something, after one attempt at each broker', () => {
    const { clock, world, kafka, front } = rig();
    world.let = false;
    const all = [
      watch(kafka.admin().listTopics()),
      watch(kafka.producer().send({ topic: 't', value: 'v' })),
      watch(kafka.consumer().assign([{ topic: 't', partition: 0 }]).records),
    ];
    clock.advance(500);
    for (const { error } of all) {
      const refusal = error.name === 'SendError' ? error.results[0] : error;
      expect(refusal).toMatchObject({ name: 'AuthenticationError', retriable: false });
    }
    expect(front.handshakes).toBe(BROKERS);
    // And nobody asks: nothing is tried again by itself.
    clock.advance(600_000);
    expect(front.handshakes).toBeLessThanOrEqual(2 * BROKERS);
    expect(front.live).toBe(0);
  });

  // Metadata that grew old was asked for all the same: eight refused logins in ten minutes from a client that did nothing.
  it('F03 are not tried again by a client that nobody uses', () => {
    const { clock, world, kafka, cluster, front } = rig();
    const sent = watch(kafka.producer().send({ topic: 't', value: 'v' }));
    clock.advance(1_000);
    expect(sent.done).toBe(true);
    world.let = false;
    cluster.disconnect(1);
    cluster.disconnect(2);
    clock.advance(10_000);
    const before = front.handshakes;
    clock.advance(3_600_000);
    expect(front.handshakes - before).toBe(0);
    world.let = true;
    const again = watch(kafka.producer().send({ topic: 't', value: 'v' }));
    clock.advance(1_000);
    expect(again.done).toBe(true);
  });

  it('F03 are tried once a second and broker at most, however often a user asks', () => {
    const { clock, world, kafka, front } = rig();
    world.let = false;
    for (let ms = 0; ms < 10_000; ms += 10) {
      watch(kafka.admin().listTopics());
      clock.advance(10);
    }
    expect(front.handshakes).toBeLessThanOrEqual(BROKERS * 11);
    expect(front.handshakes).toBeGreaterThanOrEqual(BROKERS * 8);
  });

  it('F03 are forgotten once they are right', () => {
    const { clock, world, kafka } = rig();
    world.let = false;
    const before = watch(kafka.admin().listTopics());
    clock.advance(100);
    expect(before.error).toMatchObject({ name: 'AuthenticationError' });
    world.let = true;
    clock.advance(1_000);
    const answer = watch(kafka.admin().listTopics());
    clock.advance(100);
    expect(answer.values).toEqual([['t']]);
  });

  it('F03 while records flow end the streams that they hit, without a storm', () => {
    const { clock, world, kafka, front, events } = rig();
    world.lifetimeMs = 10_000;
    const records = watch(
      kafka.consumer().assign([
        { topic: 't', partition: 0 },
        { topic: 't', partition: 1 },
      ]).records,
    );
    clock.advance(8_000);
    expect(records.error).toBeUndefined();
    world.let = false;
    const before = front.handshakes;
    clock.advance(60_000);
    expect(records.error).toMatchObject({ name: 'AuthenticationError' });
    // Two brokers, each with a connection for the client and one for the fetches: one refused renewal and one attempt more.
    expect(front.handshakes - before).toBeLessThanOrEqual(BROKERS * 2 * 2);
    expect(events.filter(event => event.type === 'disconnected').length).toBeLessThanOrEqual(BROKERS * 2 * 2);
  });
});
