import * as net from 'node:net';
import { EMPTY, NEVER, of, throwError } from 'rxjs';
import type { Observable, Subscription } from 'rxjs';
import { apis } from '../../lib';
import { BrokerPool } from '../../lib/cluster/broker-pool';
import { rightCluster } from '../../lib/cluster/right-cluster';
import { DecodeError } from '../../lib/errors';
import { Kafka } from '../../lib/kafka';
import type { Connection } from '../../lib/network/connection';
import type { RequestOptions } from '../../lib/network/pipeline';
import { resolveClientOptions } from '../../lib/options';
import { realRuntime } from '../../lib/runtime';
import { EmbeddedCluster } from '../../lib/testing';
import type { BrokerAddress, KafkaEvent } from '../../lib/types';
import { fasterRuntime } from '../support/faster-runtime';
import { failing } from '../support/hooked-transport';
import { print } from '../support/print';
import { watch } from '../support/producer-rig';
import { VirtualKafka } from '../support/virtual-kafka';
import { within } from '../support/within';

const MINUTE = 60_000;

describe('B08 brokers that go away all at once', () => {
  it('B08 all down for 60 s: found again from the bootstrap list, told once', () => {
    const rig = new VirtualKafka({ brokers: 3, topics: { t: 3 } }, { brokers: 'embedded-1:9092' });
    const producer = rig.kafka.producer();
    watch(producer.send({ topic: 't', value: '1' }));
    rig.clock.advance(2_000);
    for (const broker of [1, 2, 3]) rig.cluster.stop(broker);
    const waiting = watch(producer.send({ topic: 't', value: '2' }));
    rig.clock.advance(MINUTE);
    const at = rig.now;
    for (const broker of [1, 2, 3]) rig.cluster.start(broker);
    while (!waiting.done && rig.now < at + 5_000) rig.clock.advance(10);
    print(`B08: all brokers down for 60 s: stored ${rig.now - at} ms after they were back`);
    expect(rig.now - at).toBeLessThanOrEqual(1_500);
    expect(rig.events.filter(({ type }) => type === 'rebootstrap')).toHaveLength(1);
    rig.close();
    expect(rig.clock.pending).toBe(0);
  });

  it('B08 only the bootstrap address down for 60 s: no interruption', () => {
    const rig = new VirtualKafka(
      { brokers: 3, topics: { t: 3 } },
      { brokers: 'embedded-1:9092', metadataMaxAgeMs: 5_000 },
    );
    const producer = rig.kafka.producer();
    watch(producer.send({ topic: 't', value: '1' }));
    rig.clock.advance(2_000);
    rig.cluster.stop(1);
    rig.clock.advance(200);
    let slowest = 0;
    const until = rig.now + MINUTE;
    while (rig.now < until) {
      const at = rig.now;
      const sends = [0, 1, 2].map(partition => watch(producer.send({ topic: 't', partition, value: 'v' })));
      while (!sends.every(({ done }) => done) && rig.now < at + 5_000) rig.clock.advance(5);
      slowest = Math.max(slowest, rig.now - at);
      rig.clock.advance(500);
    }
    print(`B08: the bootstrap broker down for 60 s: slowest of 360 sends ${slowest} ms`);
    expect(slowest).toBeLessThanOrEqual(100);
    expect(rig.events.filter(({ type }) => type === 'rebootstrap')).toEqual([]);
    rig.close();
  });

  it('B08 back on new ports, over TCP: the bootstrap address leads there', async () => {
    const times = 20;
    const runtime = fasterRuntime(times);
    const cluster = new EmbeddedCluster({ brokers: 3, topics: { t: 3 } });
    const open = async (): Promise<{ ports: number[]; listening: Subscription }> => {
      let listening: Subscription;
      const all = await new Promise<string>(resolve => (listening = cluster.listen().subscribe(resolve)));
      return { ports: all.split(',').map(one => Number(one.split(':')[1])), listening: listening! };
    };
    const first = await open();
    // A name or a load balancer in front: its address stays, and where it leads does not.
    let leadsTo: number | undefined = first.ports[0];
    const front = net.createServer(socket => {
      if (leadsTo === undefined) return void socket.resetAndDestroy();
      const onward = net.connect(leadsTo, '127.0.0.1');
      socket.on('error', () => onward.destroy()).pipe(onward);
      onward.on('error', () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve));
    const bootstrap = `127.0.0.1:${(front.address() as net.AddressInfo).port}`;
    const events: KafkaEvent[] = [];
    const kafka = new Kafka({ brokers: bootstrap, runtime });
    kafka.events.subscribe(event => events.push(event));
    const producer = kafka.producer();
    const send = (value: string) =>
      within(20_000, `sending ${value}`, producer.send({ topic: 't', partition: 0, value }));
    await send('1');
    leadsTo = undefined;
    first.listening.unsubscribe();
    const waiting = send('2');
    await new Promise(resolve => runtime.scheduler.schedule(resolve as () => void, MINUTE));
    const second = await open();
    expect(second.ports).not.toEqual(first.ports);
    const at = performance.now();
    leadsTo = second.ports[0];
    await waiting;
    const took = (performance.now() - at) * times;
    print(`B08: back on new ports after 60 s (clock × ${times}): stored ${Math.round(took)} ms of that clock later`);
    // 1.5 s by the backoffs; the loopback itself is no faster for a faster clock.
    expect(took).toBeLessThanOrEqual(1_500 + times * 250);
    expect(events.filter(({ type }) => type === 'rebootstrap')).toHaveLength(1);
    expect(cluster.log('t', 0).map(({ value }) => String(value))).toEqual(['1', '2']);
    await within(5_000, 'closing', kafka.close());
    second.listening.unsubscribe();
    front.close();
  }, 30_000);

  it('B08 starts over when a broker asks for it (REBOOTSTRAP_REQUIRED), and forgets all addresses', () => {
    const rig = new VirtualKafka({ brokers: 3, topics: { t: 3 } }, { metadataMaxAgeMs: 5_000 });
    const producer = rig.kafka.producer();
    watch(producer.send({ topic: 't', value: '1' }));
    rig.clock.advance(4_000);
    const heal = rig.cluster.fault({ api: 'Metadata', times: 1 }, { error: 'REBOOTSTRAP_REQUIRED' });
    const from = rig.network.attempts.length;
    rig.clock.advance(3_000);
    heal.unsubscribe();
    expect(rig.events.filter(({ type }) => type === 'rebootstrap')).toHaveLength(1);
    expect(rig.network.attempts.slice(from).some(({ broker }) => broker.nodeId === undefined)).toBe(true);
    const sent = watch(producer.send({ topic: 't', value: '2' }));
    rig.clock.advance(200);
    expect(sent.done).toBe(true);
    rig.close();
  });
});

describe('A26 an address that others have taken over', () => {
  /** The client's cluster, and another one with a topic of the same name, in the same time. */
  function twoClusters(brokers: string | undefined = undefined) {
    const rig = new VirtualKafka({ topics: { t: 1 } }, brokers === undefined ? {} : { brokers });
    // Chance makes the cluster's id.
    const other = new EmbeddedCluster({ runtime: { ...rig.clock.runtime, random: () => 0.3 }, topics: { t: 1 } });
    const strangers: string[] = [];
    other.requests.subscribe(({ api }) => strangers.push(api));
    const toOther = (broker: BrokerAddress) => other.options.transport({ ...broker, host: 'embedded-1' }, undefined);
    const producer = rig.kafka.producer();
    const first = watch(producer.send({ topic: 't', value: '1' }));
    rig.clock.advance(2_000);
    expect(first.done).toBe(true);
    return { rig, other, strangers, toOther, producer };
  }

  it('A26 by a broker of another cluster, where no other address is left: nothing goes there, and all who wait are told', () => {
    const { rig, other, strangers, toOther, producer } = twoClusters();
    const consumer = rig.kafka.consumer({ groupId: 'g' }).assign([{ topic: 't', partition: 0, offset: 0n }]);
    const view = watch(consumer.records);
    rig.clock.advance(1_000);
    rig.network.decide = toOther;
    rig.cluster.disconnect(1);
    const sent = watch(producer.send({ topic: 't', value: '2' }));
    const asked = watch(rig.kafka.admin().listOffsets([{ topic: 't', partition: 0, at: 'latest' }]));
    rig.clock.advance(3 * MINUTE);
    for (const { error } of [sent, asked, view]) {
      expect(error).toMatchObject({ name: 'ConnectionError', reason: 'protocol', retriable: false });
      expect(error.message).toMatch(/cluster \S+ answers there, but this client belongs to cluster/);
    }
    expect(new Set(strangers)).toEqual(new Set(['ApiVersions', 'Metadata']));
    expect(other.log('t', 0)).toEqual([]);
    print(
      `A26: another cluster at the address for 3 min: 0 records there, ${strangers.length} requests to tell it apart`,
    );
    rig.network.decide = (_, pass) => pass();
    const at = rig.now;
    const after = watch(producer.send({ topic: 't', value: '3' }));
    while (!after.done && rig.now < at + 5_000) rig.clock.advance(10);
    expect(rig.now - at).toBeLessThanOrEqual(1_300);
    expect(rig.cluster.log('t', 0).map(({ value }) => String(value))).toEqual(['1', '3']);
    rig.close();
    expect(rig.clock.pending).toBe(0);
  });

  it('A26 by another cluster at one of two bootstrap addresses: the other one is used', () => {
    const { rig, strangers, toOther, producer } = twoClusters('strange:9092,embedded-1:9092');
    // The address of node 1 is dead for a while, so that only the bootstrap list is left; the stranger is the faster one.
    rig.network.decide = (broker, pass) =>
      broker.host === 'strange' ? toOther(broker) : broker.nodeId === undefined ? pass() : failing('ECONNREFUSED');
    rig.cluster.disconnect(1);
    rig.clock.advance(2_000);
    rig.network.decide = (broker, pass) => (broker.host === 'strange' ? toOther(broker) : pass());
    const sent = watch(producer.send({ topic: 't', value: '2' }));
    rig.clock.advance(1_300);
    expect(sent.done).toBe(true);
    expect(strangers.filter(api => api === 'Produce')).toEqual([]);
    rig.close();
  });

  it('A26 by other brokers of the same cluster: ports swapped, found out before anything is sent', () => {
    const rig = new VirtualKafka({ brokers: 3, topics: { t: 3 } });
    const producer = rig.kafka.producer();
    [0, 1, 2].forEach(partition => watch(producer.send({ topic: 't', partition, value: '1' })));
    rig.clock.advance(2_000);
    const swap = new Map([['embedded-1', 'embedded-2'], ['embedded-2', 'embedded-1']]); // prettier-ignore
    rig.network.decide = broker =>
      rig.cluster.options.transport({ ...broker, host: swap.get(broker.host) ?? broker.host }, undefined);
    rig.cluster.disconnect(1);
    rig.cluster.disconnect(2);
    const from = rig.journal.length;
    const sends = [0, 1, 2].map(partition => watch(producer.send({ topic: 't', partition, value: '2' })));
    rig.clock.advance(5_000);
    expect(sends.filter(({ done }) => done)).toHaveLength(1);
    const produced = rig.journal.slice(from).filter(({ api }) => api === 'Produce');
    expect(produced.map(({ broker }) => broker)).toEqual([3]);
    const reasons = rig.events.flatMap(event => (event.type === 'disconnected' ? [String(event.error)] : []));
    expect(reasons).toContainEqual(expect.stringContaining('another broker, or one of another cluster, answers there'));
    rig.network.decide = (_, pass) => pass();
    rig.clock.advance(1_300);
    expect(sends.every(({ done }) => done)).toBe(true);
    rig.close();
  });

  it.each([
    ['its own cluster', 'mine', 'done'],
    ['no cluster', null, 'done'],
    ['another cluster', 'other', 'ConnectionError'],
  ])('A26 a broker too old to be told whom we mean is asked, and tells of %s', (_, clusterId, outcome) => {
    const broker = { host: 'b', port: 1, nodeId: 1 };
    const old = { broker, versionOf: () => 4, request: () => of({ clusterId }) } as unknown as Connection;
    const seen = watch(rightCluster(old, 'mine'));
    expect(seen.done ? 'done' : seen.error.name).toBe(outcome);
    if (!seen.done) expect(seen.error.retriable).toBe(true);
  });
});

describe('a question whether this is the right cluster', () => {
  const connectedTo = (answer: Observable<unknown>) => {
    const asked: RequestOptions[] = [];
    const request = (_api: unknown, _body: unknown, options: RequestOptions) => (asked.push(options), answer);
    const connection = { broker: { host: 'b', port: 1, nodeId: 1 }, versionOf: () => 4, request };
    return { seen: watch(rightCluster(connection as unknown as Connection, 'mine')), asked };
  };

  // With a deadline of its own it ended the connection as if the broker had broken the protocol.
  it('has no deadline but that of the set-up', () => {
    expect(connectedTo(NEVER).asked).toMatchObject([{ timeoutMs: Infinity }]);
  });

  it('whose answer cannot be read ends the connection, and not the streams that wait for it', () => {
    const { seen } = connectedTo(throwError(() => new DecodeError('4 bytes needed but 3 left', { position: 8 })));
    expect(seen.error).toMatchObject({ name: 'ConnectionError', reason: 'protocol', retriable: true });
  });
});

describe('the connections to bootstrap addresses', () => {
  // What was asked right behind the first metadata request was cut off by its answer and repeated: a topic was created, and
  // then was there already.
  it('end when the brokers are known, but not before the requests in flight are answered', () => {
    const rig = new VirtualKafka({ brokers: 1 }, { metadataMaxAgeMs: 5_000 });
    rig.cluster.fault({ api: 'Metadata', times: 1 }, { delayMs: 20 });
    watch(rig.kafka.producer().send({ topic: 'a', value: 'v' }));
    rig.clock.advance(1);
    const topic = { name: 'raw', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    const created = watch(
      rig.kafka.request(apis.CreateTopics, { topics: [topic], timeoutMs: 5_000, validateOnly: false }),
    );
    rig.clock.advance(2_000);
    expect(created.values).toMatchObject([{ topics: [{ errorCode: 0 }] }]);
    expect(rig.asked('CreateTopics')).toHaveLength(1);
    rig.clock.advance(5_000);
    const ended = rig.events.filter(event => event.type === 'disconnected');
    expect(ended).toMatchObject([{ reason: 'shutdown', cancelled: 0, connection: { generation: 1 } }]);
    rig.close();
  });
});

describe('B12 a broker that is removed, and whose id comes back elsewhere', () => {
  it('B12 has no socket to the old address left after the refresh', () => {
    const rig = new VirtualKafka({ brokers: 3 });
    const options = { ...rig.cluster.options, transport: rig.network.transport };
    const client = resolveClientOptions(options, { runtime: realRuntime, transport: options.transport });
    const pool = new BrokerPool(client, () => undefined, () => undefined, () => EMPTY); // prettier-ignore
    const at = (host: string) => new Map([[2, { nodeId: 2, host, port: 9092, rack: null }]]);
    pool.update(at('embedded-2'));
    const slots = [
      ['client', 'client'],
      ['p', 'produce'],
      ['c', 'fetch'],
    ] as const;
    slots.forEach(([owner, purpose]) => watch(pool.connection(2, owner, purpose)));
    rig.clock.advance(100);
    expect(rig.network.open.get('embedded-2:9092')).toBe(3);
    pool.update(at('embedded-3'));
    expect(rig.network.open.get('embedded-2:9092')).toBe(0);
    const after = slots.map(([owner, purpose]) => watch(pool.connection(2, owner, purpose)));
    rig.clock.advance(100);
    expect(after.every(({ done }) => done)).toBe(true);
    expect(after.map(({ values }) => values[0]!.broker.host)).toEqual(slots.map(() => 'embedded-3'));
    pool.update(new Map());
    expect([...rig.network.open.values()].every(count => count === 0)).toBe(true);
    pool.close();
    rig.close();
  });
});
