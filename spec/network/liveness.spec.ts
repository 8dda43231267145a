import type { Connection } from '../../lib/network/connection';
import { ask, Echo, echoed, FakeBroker, type Attempt } from './fake-broker';

describe('The watch over a connection', () => {
  let broker: FakeBroker;
  let attempt: Attempt;
  let connection: Connection;
  const echo = (holdMs = 0) => ask(connection.request(Echo, { text: '' }, { holdMs, timeoutMs: 1_000_000 }));

  beforeEach(() => {
    broker = new FakeBroker();
    ({ connection } = attempt = broker.connected({ idleMs: 60_000 }));
  });

  it.each([0, 500, 30_000])('takes silence for %d ms of holding and 5 s more as death', holdMs => {
    broker.time.advance(20_000);
    const asked = echo(holdMs);
    broker.time.advance(holdMs + 4_999);
    expect(asked.error).toBeUndefined();
    broker.time.advance(1);
    expect(asked.error).toMatchObject({ reason: 'timeout', sent: true });
    expect(attempt.error).toMatchObject({ reason: 'timeout' });
    expect(attempt.error.message).toContain(`no byte for ${holdMs + 5_000} ms while Echo waits`);
  });

  it('never fires while bytes flow, be it one at a time', () => {
    const asked = echo();
    const reply = echoed(1, 3);
    for (const byte of reply) {
      broker.time.advance(4_900);
      broker.socket.send(Uint8Array.of(byte));
    }
    expect(asked.value.code).toBe(3);
  });

  it('gives each request its own time once the one before it is answered', () => {
    echo();
    const long = echo(10_000);
    broker.time.advance(4_000);
    broker.socket.send(echoed(1, 0));
    broker.time.advance(14_999);
    expect(long.error).toBeUndefined();
    broker.time.advance(1);
    expect(long.error).toMatchObject({ reason: 'timeout' });
  });

  // It used to look again only when the first one would have been due.
  it('also when the one before it may be held much longer', () => {
    echo(30_000);
    const short = echo();
    broker.time.advance(1_000);
    broker.socket.send(echoed(1, 0));
    broker.time.advance(4_999);
    expect(short.error).toBeUndefined();
    broker.time.advance(1);
    expect(short.error).toMatchObject({ reason: 'timeout' });
  });

  // Without replies a connection to a peer that was gone lived on for as long as it was used.
  it('takes a peer that reads nothing for dead, also when it owes no reply', () => {
    broker.socket.writable.next(false);
    const asked = ask(connection.request(Echo, { text: '' }, { expectReply: false }));
    broker.time.advance(5_000);
    expect(asked.error).toMatchObject({ reason: 'timeout', sent: true });
    expect(broker.live).toBe(0);
  });

  // A request of 1 MiB over a slow uplink was taken for silence, and began again from the start, for ever.
  it('takes bytes that leave for progress', () => {
    const asked = echo();
    broker.socket.writable.next(false);
    for (let i = 0; i < 10; i += 1) {
      broker.time.advance(4_900);
      broker.socket.writable.next(false);
    }
    broker.time.advance(4_900);
    broker.socket.send(echoed(1, 5));
    expect(asked.value.code).toBe(5);
  });

  it('watches over replies that nobody waits for, too', () => {
    echo().unsubscribe();
    broker.time.advance(5_000);
    expect(attempt.error).toMatchObject({ reason: 'timeout' });
  });

  it('counts from the end of a throttle', () => {
    echo();
    const next = echo();
    broker.socket.send(echoed(1, 0, 8_000));
    broker.time.advance(12_999);
    expect(next.error).toBeUndefined();
    broker.time.advance(1);
    expect(next.error).toMatchObject({ reason: 'timeout' });
  });

  it('looks again after a turn of I/O before it takes a peer for dead', () => {
    const asked = echo();
    const turn = broker.time.yield.bind(broker.time);
    broker.time.yield = work => {
      if (asked.value === undefined) broker.socket.send(echoed(1, 9));
      return turn(work);
    };
    broker.time.advance(40_000);
    expect(asked.value.code).toBe(9);
  });

  it('closes an unused connection, in good order', () => {
    broker.time.advance(30_000);
    echo();
    broker.time.advance(1_000);
    broker.socket.send(echoed(1, 0));
    broker.time.advance(59_999);
    expect(attempt.gone).toEqual([]);
    broker.time.advance(1);
    expect(attempt).toMatchObject({ completed: true, error: undefined });
    expect(attempt.gone).toEqual([{ reason: 'idle', error: undefined, cancelled: 0 }]);
    expect(broker.live).toBe(0);
  });

  it('does not close a connection whose only request waits long', () => {
    const asked = echo(100_000);
    broker.time.advance(90_000);
    broker.socket.send(echoed(1, 1));
    expect(asked.value.code).toBe(1);
  });

  it('does not close a connection while requests wait out a throttle', () => {
    const tight = new FakeBroker();
    const inner = tight.connected({ idleMs: 100 });
    ask(inner.connection.request(Echo, { text: '' }));
    tight.socket.send(echoed(1, 0, 1_000));
    const held = ask(inner.connection.request(Echo, { text: '' }));
    tight.time.advance(1_000);
    tight.socket.send(echoed(2, 6));
    expect(held.value.code).toBe(6);
  });
});
