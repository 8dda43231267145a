import { NEVER } from 'rxjs';
import { backoffMs } from '../../lib/cluster/retry';
import { failing } from '../support/hooked-transport';
import { print } from '../support/print';
import { watch } from '../support/producer-rig';
import { busiest, VirtualKafka } from '../support/virtual-kafka';

const MINUTE = 60_000;

/** A producer and a consumer at work on three brokers, each of which leads a partition. */
function atWork() {
  const rig = new VirtualKafka({ brokers: 3, topics: { t: 3 } });
  const producer = rig.kafka.producer();
  const consumer = rig.kafka
    .consumer({ fetch: { maxWaitMs: 500 } })
    .assign([0, 1, 2].map(partition => ({ topic: 't', partition, offset: 0n })));
  const read: string[] = [];
  consumer.records.subscribe(record => read.push(`${record.partition}/${String(record.value)}`));
  const send = (partition: number, value: string) => watch(producer.send({ topic: 't', partition, value }));
  [0, 1, 2].forEach(partition => send(partition, 'before'));
  rig.clock.advance(5_000);
  const leaderOf = (partition: number): number =>
    rig.asked('Produce').find(({ body }: any) => body.topicData[0].partitionData[0].index === partition)!.broker;
  return { rig, send, read, leaderOf };
}

describe('A07 a broker that refuses', () => {
  it.each([
    ['3 s', 3_000],
    ['60 s', MINUTE],
    ['10 min', 10 * MINUTE],
  ])('A07 for %s is asked at most 80 times a minute, and used again within a backoff', (name, forMs) => {
    const { rig, send, read, leaderOf } = atWork();
    const victim = leaderOf(0);
    const host = `embedded-${victim}`;
    const others = [1, 2].filter(partition => leaderOf(partition) !== victim);
    rig.network.decide = (broker, pass) => (broker.host === host ? failing('ECONNREFUSED') : pass());
    rig.cluster.disconnect(victim);
    const from = rig.now;
    const blocked = send(0, 'during');
    // The others go on as if nothing had happened, all the time.
    let slowest = 0;
    for (let ms = 0; ms < forMs; ms += 1_000) {
      if (ms % 10_000 === 0) {
        for (const partition of others) {
          const sent = send(partition, `${ms}`);
          const at = rig.now;
          while (!sent.done && rig.now < at + 500) rig.clock.advance(10);
          slowest = Math.max(slowest, rig.now - at);
          expect(sent.done).toBe(true);
        }
      }
      rig.clock.advance(from + ms + 1_000 - rig.now);
    }
    const attempts = rig.network.attempts
      .filter(({ broker, at }) => broker.host === host && at >= from)
      .map(({ at }) => at);
    rig.network.decide = (_, pass) => pass();
    const healed = rig.now;
    const after = send(0, 'after');
    while (!after.done && rig.now < healed + 5_000) rig.clock.advance(10);
    const readAgain = (): boolean => read.includes('0/after');
    while (!readAgain() && rig.now < healed + 5_000) rig.clock.advance(10);
    const recovery = rig.now - healed;
    const perMinute = busiest(
      attempts.filter(at => at > from + 2_000),
      MINUTE,
    );
    print(
      `A07: refused for ${name}: ${attempts.length} attempts, at most ${perMinute}/min, used again after ${recovery} ms`,
    );
    expect(perMinute).toBeLessThanOrEqual(80);
    expect(busiest(attempts, 1_000)).toBeLessThanOrEqual(20);
    expect(recovery).toBeLessThanOrEqual(1_300);
    expect(slowest).toBeLessThanOrEqual(50);
    // What waited is stored once, in order, or has met its delivery timeout.
    if (forMs < 2 * MINUTE) expect(blocked.done).toBe(true);
    else expect(blocked.error).toMatchObject({ name: 'DeliveryTimeoutError' });
    const log = rig.cluster.log('t', 0).map(({ value }) => String(value));
    expect(log).toEqual(forMs < 2 * MINUTE ? ['before', 'during', 'after'] : ['before', 'after']);
    rig.close();
    expect(rig.clock.pending).toBe(0);
    expect([...rig.network.open.values()].every(count => count === 0)).toBe(true);
  });

  it('A07 the pauses follow the formula: 50 ms, doubled, at most 1 s, each within 20 %', () => {
    let chance = 0;
    const random = (): number => (chance = (chance + 0.37) % 1);
    const rig = new VirtualKafka({ topics: { t: 1 } });
    const kafka = { reconnectBackoffMs: 50, reconnectBackoffMaxMs: 1_000 };
    const pauses = Array.from({ length: 200 }, (_, i) =>
      backoffMs(i + 1, { baseMs: kafka.reconnectBackoffMs, maxMs: kafka.reconnectBackoffMaxMs }, random),
    );
    pauses.forEach((pause, i) => {
      const step = Math.min(1_000, 50 * 2 ** Math.min(i, 30));
      expect(pause).toBeGreaterThanOrEqual(0.8 * step);
      expect(pause).toBeLessThanOrEqual(Math.min(1_000, 1.2 * step));
    });
    // Of the one slot there is: bootstrap, where nothing was ever reached.
    rig.network.decide = () => failing('ECONNREFUSED');
    watch(rig.kafka.producer().send({ topic: 't', value: 'v' }));
    rig.clock.advance(MINUTE);
    const gaps = rig.network.attempts
      .map(({ at }) => at)
      .map((at, i, all) => at - (all[i - 1] ?? at))
      .slice(1);
    expect(gaps.slice(0, 6)).toEqual([50, 100, 200, 400, 800, 1_000]);
    expect(Math.max(...gaps)).toBe(1_000);
    rig.close();
  });

  // Each slot used to back off by itself: three of them asked a dead broker three times a second.
  it('A07 many users of a dead broker ask it as often as one', () => {
    const rig = new VirtualKafka({ topics: { t: 1 } });
    const producers = Array.from({ length: 10 }, () => rig.kafka.producer());
    producers.forEach(producer => watch(producer.send({ topic: 't', value: 'v' })));
    rig.clock.advance(5_000);
    rig.network.decide = () => failing('ECONNREFUSED');
    rig.cluster.disconnect(1);
    rig.clock.advance(5_000);
    const from = rig.network.attempts.length;
    rig.clock.advance(MINUTE);
    const node = rig.network.attempts.slice(from).filter(({ broker }) => broker.nodeId === 1).length;
    const all = rig.network.attempts.length - from;
    print(`A07: ten producers, a dead broker: ${all} attempts/min`);
    expect(node).toBeLessThanOrEqual(80);
    expect(all).toBeLessThanOrEqual(80);
    rig.network.decide = (_, pass) => pass();
    const sent = producers.map(producer => watch(producer.send({ topic: 't', value: 'w' })));
    rig.clock.advance(1_300);
    expect(sent.every(({ done }) => done)).toBe(true);
    rig.close();
    expect(rig.clock.pending).toBe(0);
  });
});

describe('A08 a dead bootstrap address', () => {
  it.each([
    ['drops every SYN', () => NEVER],
    ['refuses', () => failing('ECONNREFUSED')],
    ['has no name', () => failing('ENOTFOUND')],
  ])('A08 that %s delays nobody: all addresses are tried at once', (_, fault) => {
    const rig = new VirtualKafka({ brokers: 3, topics: { t: 1 } });
    const dead = ['embedded-1', 'embedded-2'];
    rig.network.decide = ({ host, nodeId }, pass) => (nodeId === undefined && dead.includes(host) ? fault() : pass());
    const sent = watch(rig.kafka.producer().send({ topic: 't', value: 'v' }));
    rig.clock.turn();
    expect(sent.done).toBe(true);
    print(`A08: two of three bootstrap addresses dead: stored at ${rig.now} ms`);
    rig.close();
    expect([...rig.network.open.values()].every(count => count === 0)).toBe(true);
  });
});

describe('A09 a broker that accepts and never answers', () => {
  it('A09 delays neither the others nor metadata, and is given up after the set-up deadline', () => {
    const { rig, send, leaderOf } = atWork();
    const silent = leaderOf(0);
    rig.cluster.fault({ broker: silent }, { drop: 'request' });
    rig.cluster.disconnect(silent);
    const from = rig.now;
    const own = send(0, 'held');
    let slowest = 0;
    for (const partition of [1, 2].filter(one => leaderOf(one) !== silent)) {
      const sent = send(partition, 'x');
      const at = rig.now;
      while (!sent.done && rig.now < at + 5_000) rig.clock.advance(10);
      slowest = Math.max(slowest, rig.now - at);
    }
    watch(rig.kafka.producer().send({ topic: 'new', value: 'v' }));
    const at = rig.now;
    const asked = (): boolean =>
      rig.asked('Metadata').some(({ body }: any) => body.topics.some(({ name }: any) => name === 'new'));
    while (!asked() && rig.now < at + 5_000) rig.clock.advance(10);
    const metadata = rig.now - at;
    rig.clock.advance(500);
    const states = watch(rig.kafka.connections)
      .values.at(-1)!
      .filter(({ broker }) => broker.nodeId === silent);
    expect(states.map(({ state }) => state)).toEqual(states.map(() => 'connecting'));
    rig.cluster.moveLeader({ topic: 't', partition: 0 }, (silent % 3) + 1);
    while (!own.done && rig.now < from + 20_000) rig.clock.advance(10);
    print(
      `A09: one silent broker: others ${slowest} ms, metadata ${metadata} ms, its partition moved at 0.5 s and stored after ${rig.now - from} ms`,
    );
    expect(slowest).toBeLessThanOrEqual(50);
    expect(metadata).toBeLessThanOrEqual(150);
    expect(own.done).toBe(true);
    expect(rig.now - from).toBeLessThanOrEqual(11_000);
    rig.clock.advance(11_000);
    const ends = rig.events.filter(event => event.type === 'disconnected' && event.connection.broker.nodeId === silent);
    expect(ends).toContainEqual(expect.objectContaining({ reason: 'timeout' }));
    rig.close();
  });
});

describe('A23 names that change', () => {
  it('A23 is resolved anew for each attempt, and found 20 s later within a backoff', () => {
    const rig = new VirtualKafka({ topics: { t: 1 } });
    const producer = rig.kafka.producer();
    watch(producer.send({ topic: 't', value: '1' }));
    rig.clock.advance(2_000);
    rig.network.decide = () => failing('ENOTFOUND');
    rig.cluster.disconnect(1);
    rig.clock.advance(10_000);
    rig.network.decide = () => failing('EAI_AGAIN');
    rig.clock.advance(10_000);
    rig.network.decide = (_, pass) => pass();
    const at = rig.now;
    const sent = watch(producer.send({ topic: 't', value: '2' }));
    while (!sent.done && rig.now < at + 5_000) rig.clock.advance(10);
    print(`A23: no such name for 20 s: stored ${rig.now - at} ms after it was there again`);
    expect(rig.now - at).toBeLessThanOrEqual(1_300);
    rig.close();
  });
});
