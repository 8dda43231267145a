import { EMPTY, NEVER, Observable, defer, finalize } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { createCluster } from '../../lib/cluster/cluster';
import type { Cluster } from '../../lib/cluster/cluster';
import { resolveClientOptions } from '../../lib/options';
import { DescribeCluster } from '../../lib/protocol/apis/describe-cluster';
import { EmbeddedCluster } from '../../lib/testing';
import type { ByteStream, Transport } from '../../lib/types';
import { ManualClock } from '../support/manual-clock';
import { watch } from '../support/producer-rig';
import type { Watched } from '../support/producer-rig';

/** A cluster whose sockets wait for the spec to open or break them. */
function rig() {
  const clock = new ManualClock();
  const sockets: Subscriber<ByteStream>[] = [];
  const transport = () => new Observable<ByteStream>(socket => void sockets.push(socket));
  const told: string[] = [];
  let onEvent = (_type: string): void => undefined;
  const cluster = createCluster(
    resolveClientOptions({ brokers: 'b:1' }, { runtime: clock.runtime, transport }),
    event => {
      told.push(event.type);
      onEvent(event.type);
    },
  );
  return { clock, sockets, told, cluster, on: (listener: (type: string) => void) => (onEvent = listener) };
}

describe('the slot of a connection', () => {
  it('connects again after a fault', () => {
    const { clock, sockets, cluster } = rig();
    watch(cluster.topics(['t']));
    sockets[0]!.error(new Error('broken'));
    clock.advance(1_000);
    expect(sockets.length).toBeGreaterThan(1);
  });

  it('pauses for twice as long after each attempt that fails', () => {
    const { clock, sockets, cluster } = rig();
    watch(cluster.topics(['t']));
    for (const pauseMs of [50, 100, 200, 400]) {
      const made = sockets.length;
      sockets[made - 1]!.error(new Error('refused'));
      clock.advance(0.8 * pauseMs - 1);
      expect(sockets).toHaveLength(made);
      clock.advance(0.4 * pauseMs + 1);
      expect(sockets).toHaveLength(made + 1);
    }
    cluster.close();
  });

  // It used to set its timer after it had told of the loss, so a client that was closed there connected again, for ever.
  it('never connects again when the client is closed inside of what it tells', () => {
    const { clock, sockets, told, cluster, on } = rig();
    on(type => type === 'disconnected' && cluster.close());
    const asked = watch(cluster.topics(['t']));
    sockets[0]!.error(new Error('broken'));
    expect(asked.error).toMatchObject({ name: 'ClosedError' });
    expect(clock.pending).toBe(0);
    clock.advance(600_000);
    expect(sockets).toHaveLength(1);
    expect(told).toEqual(['disconnected']);
  });

  it('never connects again when the client is closed by who watches the connections', () => {
    const { clock, sockets, cluster } = rig();
    watch(cluster.topics(['t']));
    cluster.connections.subscribe(list => list.some(one => one.state === 'disconnected') && cluster.close());
    sockets[0]!.error(new Error('broken'));
    expect(clock.pending).toBe(0);
    clock.advance(600_000);
    expect(sockets).toHaveLength(1);
  });

  // Asking for the connection inside of the news that it is gone, and again right after, used to open two sockets; one of
  // them was nobody's.
  it('opens one socket when it is wanted inside of what it tells', () => {
    const clock = new ManualClock();
    const kafka = new EmbeddedCluster({ runtime: clock.runtime });
    let open = 0;
    const transport: Transport = (broker, tls) =>
      defer(() => {
        open += 1;
        return kafka.options.transport(broker, tls).pipe(finalize(() => (open -= 1)));
      });
    const given = { ...kafka.options, transport, connectionIdleMs: 1_000 };
    const answers: Watched<unknown>[] = [];
    const cluster: Cluster = createCluster(
      resolveClientOptions(given, { runtime: clock.runtime, transport }),
      event => event.type === 'disconnected' && event.reason === 'idle' && answers.length < 2 && ask(),
    );
    const ask = () => answers.push(watch(cluster.request(DescribeCluster, {}, { route: { nodeId: 1 } })));
    ask();
    clock.advance(1_500);
    expect(answers.map(answer => answer.done)).toEqual([true, true]);
    expect(open).toBe(1);
    cluster.close();
    expect(open).toBe(0);
  });

  // Whoever waited for a connection used to get a ClosedError, as if the client had been closed, and a consumer ended with it.
  it('lets a request wait on when the cluster forgets its broker for a while', () => {
    const clock = new ManualClock();
    const kafka = new EmbeddedCluster({ runtime: clock.runtime, brokers: 2 });
    let reachable = false;
    const transport: Transport = (broker, tls) =>
      broker.nodeId === 2 && !reachable ? NEVER : kafka.options.transport(broker, tls);
    const cluster = createCluster(
      resolveClientOptions({ ...kafka.options, transport }, { runtime: clock.runtime, transport }),
      () => undefined,
    );
    watch(cluster.topics(['t']));
    clock.advance(100);
    const answer = watch(cluster.request(DescribeCluster, {}, { route: { nodeId: 2 } }));
    clock.advance(100);
    kafka.stop(2);
    cluster.refresh();
    clock.advance(2_000);
    expect([...cluster.metadata.brokers.keys()]).toEqual([1]);
    expect(answer.error).toBeUndefined();
    reachable = true;
    kafka.start(2);
    cluster.refresh();
    clock.advance(5_000);
    expect(answer.done).toBe(true);
    cluster.close();
  });
});

describe('metadata that can never be had', () => {
  // The timer for the next refresh used to be set after the waiters were told: closing there left it behind, and a
  // process that had met a wrong port stayed alive for five minutes.
  it('leaves no timer behind when the client is closed inside of the error', () => {
    const { clock, sockets, cluster } = rig();
    cluster.topics(['t']).subscribe({ error: () => cluster.close() });
    sockets[0]!.next({
      received: new Observable(bytes => bytes.next(Buffer.from('HTTP/1.1 400 Bad Request\r\n'))),
      writable: EMPTY,
      write: () => undefined,
    });
    clock.turn();
    expect(watch(cluster.snapshots).done).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
