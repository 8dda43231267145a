import { EMPTY, NEVER } from 'rxjs';
import { Slot, type SlotOptions } from '../../lib/cluster/slot';
import { ClosedError } from '../../lib/errors';
import type { Connection } from '../../lib/network/connection';
import { resolveClientOptions } from '../../lib/options';
import type { KafkaEventBody } from '../../lib/types';
import { ask, BROKER, Echo, FakeBroker, versionsOf } from '../network/fake-broker';

// One slot against a broker whose every byte is written by the spec.

function rig(more: Partial<SlotOptions> = {}) {
  const broker = new FakeBroker();
  const events: KafkaEventBody[] = [];
  const client = resolveClientOptions({ brokers: 'b:1' }, { runtime: broker.time, transport: broker.transport });
  const closed = new ClosedError('closed by the spec');
  const slot: Slot = new Slot(BROKER, 'client', 'client', {
    client,
    emit: event => events.push(event),
    onStatus: () => undefined,
    onLost: () => undefined,
    ...more,
  });
  const answer = () => broker.socket.send(versionsOf(broker.socket.last.correlationId, broker.socket.last.version));
  return { broker, slot, events, answer, close: () => slot.close(closed) };
}

describe('the life of a slot', () => {
  // The news of the attempt came before its socket: the slot was closed, but its socket was opened and, where the peer
  // answers at once, brought it back to life.
  it('opens nothing when it is closed inside of the news that it connects', () => {
    const { broker, slot, close } = rig({ onStatus: () => close() });
    const waiter = ask(slot.acquire());
    expect(waiter.error).toMatchObject({ name: 'ClosedError' });
    expect(broker.sockets).toHaveLength(0);
    expect(ask(slot.acquire()).error).toMatchObject({ name: 'ConnectionError', reason: 'shutdown' });
  });

  it('stays closed when it is closed while it sets up', () => {
    const { slot, broker, close } = rig({
      authenticate: () => {
        close();
        return EMPTY;
      },
    });
    const waiter = ask(slot.acquire());
    broker.socket.send(versionsOf(0, 5));
    expect(waiter.error).toMatchObject({ name: 'ClosedError' });
    expect([slot.connection, slot.status?.state, broker.live]).toEqual([undefined, 'disconnected', 0]);
  });

  // All who waited were given the connection in one go, also after the first of them had ended it.
  it('gives nobody a connection that one who waited before has ended', () => {
    const { broker, slot, answer } = rig();
    const given: Connection[] = [];
    slot.acquire().subscribe(connection => {
      given.push(connection);
      connection.close('protocol');
    });
    slot.acquire().subscribe(connection => given.push(connection));
    answer();
    expect(given).toHaveLength(1);
    broker.time.advance(10);
    answer();
    expect(given.map(({ generation, connected }) => [generation, connected])).toEqual([
      [1, false],
      [2, true],
    ]);
  });

  it('tells of no connection that was ended inside of the news of it', () => {
    const { slot, answer, events, close } = rig({ onStatus: () => slot.status?.state === 'connected' && close() });
    ask(slot.acquire());
    answer();
    expect(events.map(({ type }) => type)).toEqual(['disconnected']);
  });

  // The event was made after the news: it said of the new attempt that it had ended.
  it('tells of the attempt that ended, also when the news of it opens the next', () => {
    const { broker, slot, answer, events } = rig({
      onStatus: () => slot.status?.reason === 'idle' && slot.status.state === 'disconnected' && ask(slot.acquire()),
    });
    ask(slot.acquire());
    answer();
    broker.socket.end();
    expect(events.at(-1)).toMatchObject({
      type: 'disconnected',
      reason: 'idle',
      connection: { state: 'disconnected', generation: 1 },
    });
    expect(slot.status).toMatchObject({ state: 'connecting', generation: 2 });
    expect(broker.live).toBe(1);
  });

  // Replies that nobody waited for any more were counted among the requests that were cut off.
  it('counts what it cancels when it is closed', () => {
    const { slot, answer, events, close } = rig();
    const taken = ask(slot.acquire());
    answer();
    const connection = taken.value as Connection;
    ask(connection.request(Echo, { text: '' })).unsubscribe();
    const cut = ask(connection.request(Echo, { text: '' }));
    close();
    expect(cut.error).toMatchObject({ reason: 'shutdown', sent: true });
    expect(events.at(-1)).toMatchObject({ type: 'disconnected', reason: 'shutdown', cancelled: 1 });
  });

  // Nobody was told of that end.
  it('tells of an end in which one of the requests closes it', () => {
    const { broker, slot, answer, events, close } = rig();
    const taken = ask(slot.acquire());
    answer();
    (taken.value as Connection).request(Echo, { text: '' }).subscribe({ error: () => close() });
    broker.socket.reset();
    expect(events.slice(1)).toMatchObject([{ type: 'disconnected', reason: 'broken', cancelled: 1 }]);
    broker.time.advance(100_000);
    expect([broker.sockets.length, broker.live, events.length]).toEqual([1, 0, 2]);
  });

  // It was taken for the orderly end of an unused connection, so whoever waited made it connect again at once, for ever.
  it('backs off from a broker that hangs up while it is being told who we are', () => {
    const { broker, slot } = rig({ authenticate: () => NEVER });
    const waiter = ask(slot.acquire());
    broker.socket.send(versionsOf(0, 5));
    broker.socket.end();
    expect(waiter.error).toMatchObject({ name: 'ConnectionError', reason: 'broken', retriable: true });
    expect(broker.sockets).toHaveLength(1);
    broker.time.advance(39);
    expect(broker.sockets).toHaveLength(1);
    broker.time.advance(21);
    expect(broker.sockets).toHaveLength(2);
  });

  // A network that cuts each second kept the slot at its longest pause: it was cut again as soon as it had connected.
  it('connects at once after each cut of a connection that held for a while', () => {
    const { broker, slot, answer } = rig();
    ask(slot.acquire());
    for (let cut = 1; cut <= 12; cut++) {
      answer();
      broker.time.advance(600);
      broker.socket.reset();
      broker.time.advance(1);
      expect(broker.sockets).toHaveLength(cut + 1);
    }
  });

  it('pauses for longer and longer while connections die as soon as they are made', () => {
    const { broker, slot, answer } = rig();
    ask(slot.acquire());
    for (let cut = 1; cut <= 12; cut++) {
      answer();
      broker.time.advance(5);
      broker.socket.reset();
      broker.time.advance(1_000);
    }
    const made = broker.sockets.length;
    answer();
    broker.socket.reset();
    broker.time.advance(790);
    expect(broker.sockets).toHaveLength(made);
  });
});
