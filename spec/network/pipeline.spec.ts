import { ConnectionError, DecodeError, UnsupportedVersionError } from '../../lib/errors';
import { ask, BROKER, Echo, echoed, FakeBroker, frame, type Attempt } from './fake-broker';
import type { Connection } from '../../lib/network/connection';
import type { Link } from '../../lib/network/link';

describe('Requests of a connection', () => {
  let broker: FakeBroker;
  let attempt: Attempt;
  let connection: Connection;
  const echo = (options = {}) => connection.request(Echo, { text: 'hi' }, options);
  const bytes = (...parts: Uint8Array[]) => broker.socket.send(Buffer.concat(parts));

  beforeEach(() => {
    broker = new FakeBroker();
    ({ connection } = attempt = broker.connected());
  });

  it('are cold, and emit one value', () => {
    const source = echo();
    expect(connection.inFlight).toBe(0);
    const one = ask(source);
    const two = ask(source);
    expect(broker.socket.requests.slice(1).map(({ correlationId }) => correlationId)).toEqual([1, 2]);
    expect(connection.inFlight).toBe(2);
    bytes(echoed(1, 11), echoed(2, 22));
    expect(one).toMatchObject({ value: { code: 11 }, completed: true });
    expect(two).toMatchObject({ value: { code: 22 }, completed: true });
    expect(connection.inFlight).toBe(0);
  });

  it('are answered in order, however the bytes are cut', () => {
    const log: string[] = [];
    ['a', 'b', 'c'].forEach(name => ask(echo(), name, log));
    for (const byte of Buffer.concat([echoed(1, 1), echoed(2, 2), echoed(3, 3)])) bytes(Uint8Array.of(byte));
    expect(log).toEqual(['a value', 'b value', 'c value']);
  });

  it('may be made inside the handling of a reply', () => {
    const log: string[] = [];
    echo().subscribe(() => ask(echo(), 'inner', log));
    bytes(echoed(1, 0));
    bytes(echoed(2, 0));
    expect(log).toEqual(['inner value']);
  });

  describe('choose the version', () => {
    it('that both sides speak at most, and hand it to the body', () => {
      const versions: number[] = [];
      ask(connection.request(Echo, version => (versions.push(version), { text: '' })));
      ask(connection.request(Echo, version => (versions.push(version), { text: '' }), { maxVersion: 1 }));
      expect(versions).toEqual([3, 1]);
      expect(broker.socket.requests.slice(1).map(({ version }) => version)).toEqual([3, 1]);
    });

    it('and error with the ranges of all sides when there is none', () => {
      const { error } = ask(echo({ maxVersion: -1 }));
      expect(error).toBeInstanceOf(UnsupportedVersionError);
      expect(error.message).toBe(
        'Echo cannot be sent to broker:9092 (node 7): the broker speaks versions 0-3, this client versions 0-3, this call needs at most -1',
      );
      expect(connection.inFlight).toBe(0);
    });
  });

  it('that cannot be encoded error, and write nothing', () => {
    const before = broker.socket.requests.length;
    const { error } = ask(connection.request(Echo, { text: undefined as unknown as string }));
    expect(error).toBeInstanceOf(Error);
    expect(broker.socket.requests.length).toBe(before);
    const after = ask(echo());
    bytes(echoed(broker.socket.last.correlationId, 5));
    expect(after.value.code).toBe(5);
  });

  it('whose reply cannot be decoded error alone: the next ones are unharmed', () => {
    const bad = ask(echo());
    const good = ask(echo());
    bytes(frame(1, Buffer.alloc(3)), echoed(2, 7));
    expect(bad.error).toBeInstanceOf(DecodeError);
    expect(bad.error).toMatchObject({ api: 'Echo', version: 3, position: expect.any(Number) });
    expect(good.value.code).toBe(7);
    expect(connection.connected).toBe(true);
  });

  it('that are given up keep their place, and their bytes are skipped', () => {
    const dropped = ask(echo());
    const next = ask(echo());
    dropped.unsubscribe();
    expect(connection.inFlight).toBe(2);
    bytes(echoed(1, 1).subarray(0, 9));
    bytes(echoed(1, 1).subarray(9), echoed(2, 2));
    expect(dropped.log).toEqual([]);
    expect(next.value.code).toBe(2);
    expect(connection.inFlight).toBe(0);
  });

  it('may be given up in the middle of their reply', () => {
    const dropped = ask(echo());
    const next = ask(echo());
    bytes(echoed(1, 1).subarray(0, 10));
    dropped.unsubscribe();
    bytes(echoed(1, 1).subarray(10), echoed(2, 2));
    expect(dropped.log).toEqual([]);
    expect(next.value.code).toBe(2);
  });

  it('without a reply take no place, and the ids stay in step', () => {
    const fired = ask(echo({ expectReply: false }));
    expect(fired).toMatchObject({ completed: true, error: undefined });
    expect(fired.log).toEqual([' value']);
    expect(connection.inFlight).toBe(0);
    const next = ask(echo());
    bytes(echoed(2, 4));
    expect(next.value.code).toBe(4);
  });

  describe('time out', () => {
    it('alone: the late reply is skipped, the neighbours are unharmed', () => {
      const late = ask(echo({ timeoutMs: 100, holdMs: 60_000 }));
      const neighbour = ask(echo({ holdMs: 60_000 }));
      broker.time.advance(99);
      expect(late.error).toBeUndefined();
      broker.time.advance(1);
      expect(late.error).toMatchObject({ name: 'RequestTimeoutError', retriable: true });
      expect(late.error.message).toContain('Echo to broker:9092 (node 7)');
      expect(connection).toMatchObject({ inFlight: 2, connected: true });
      bytes(echoed(1, 1), echoed(2, 2));
      expect(neighbour.value.code).toBe(2);
      expect(late.log).toEqual([' error']);
    });

    it('after the time of the connection by default', () => {
      const late = ask(echo({ holdMs: 60_000 }));
      broker.time.advance(29_999);
      expect(late.error).toBeUndefined();
      broker.time.advance(1);
      expect(late.error).toMatchObject({ name: 'RequestTimeoutError' });
    });

    it('not when the reply waits in the socket behind a stall of the event loop', () => {
      const asked = ask(echo({ timeoutMs: 100 }));
      // The timer fires first; the bytes are read in the turn of I/O after it.
      const turn = broker.time.yield.bind(broker.time);
      broker.time.yield = work => {
        if (asked.value === undefined) bytes(echoed(1, 9));
        return turn(work);
      };
      broker.time.advance(40_000);
      expect(asked.value.code).toBe(9);
      expect(asked.error).toBeUndefined();
      expect(connection.connected).toBe(true);
    });
  });

  describe('wait while the broker throttles', () => {
    let throttles: number[];
    beforeEach(() => {
      throttles = [];
      ({ connection } = attempt = broker.connected({ onThrottle: ms => throttles.push(ms) }));
      ask(echo());
      bytes(echoed(1, 0, 1_000));
    });

    it('and are written in order when it is over', () => {
      const log: string[] = [];
      const held = ['a', 'b'].map(name => ask(echo(), name, log));
      expect(throttles).toEqual([1_000]);
      expect(connection.inFlight).toBe(2);
      expect(broker.socket.requests.length).toBe(2);
      broker.time.advance(999);
      expect(broker.socket.requests.length).toBe(2);
      broker.time.advance(1);
      expect(broker.socket.requests.slice(2).map(({ correlationId }) => correlationId)).toEqual([2, 3]);
      bytes(echoed(2, 2), echoed(3, 3));
      expect(log).toEqual(['a value', 'b value']);
      expect(held.map(({ value }) => value.code)).toEqual([2, 3]);
    });

    it('in which time their patience does not run out', () => {
      const held = ask(echo({ timeoutMs: 500, holdMs: 60_000 }));
      broker.time.advance(1_499);
      expect(held.error).toBeUndefined();
      broker.time.advance(1);
      expect(held.error).toMatchObject({ name: 'RequestTimeoutError' });
    });

    it('and those under way get as much more time', () => {
      broker.time.advance(1_000);
      const first = ask(echo());
      const second = ask(echo({ timeoutMs: 500, holdMs: 60_000 }));
      bytes(echoed(2, 0, 2_000));
      expect(first.completed).toBe(true);
      broker.time.advance(2_499);
      expect(second.error).toBeUndefined();
      broker.time.advance(1);
      expect(second.error).toMatchObject({ name: 'RequestTimeoutError' });
    });

    it('and are never written when given up, or when the connection ends', () => {
      const dropped = ask(echo());
      const cut = ask(echo());
      dropped.unsubscribe();
      expect(connection.inFlight).toBe(1);
      broker.socket.reset();
      expect(cut.error).toMatchObject({ name: 'ConnectionError', sent: false });
      expect(broker.socket.requests.length).toBe(2);
      expect(attempt.gone[0]!.cancelled).toBe(1);
    });

    it('for at most a minute, whatever the broker says', () => {
      broker.time.advance(1_000);
      ask(echo());
      bytes(echoed(2, 0, 2 ** 31 - 1));
      expect(throttles).toEqual([1_000, 60_000]);
      ask(echo());
      broker.time.advance(60_000);
      expect(broker.socket.last.correlationId).toBe(3);
    });

    it('and what is made while the held ones are written stays behind them', () => {
      ask(echo({ expectReply: false }));
      const order: string[] = [];
      connection
        .request(Echo, () => ({ text: '' }), { expectReply: false })
        .subscribe(() => {
          order.push('held');
          ask(echo());
        });
      ask(echo());
      broker.time.advance(1_000);
      expect(order).toEqual(['held']);
      expect(broker.socket.requests.map(({ correlationId }) => correlationId)).toEqual([0, 1, 2, 3, 4, 5]);
    });
  });

  // They used to succeed at once: a producer with acks=0 went on for ever against a broker that had stopped reading, and
  // 400 MB piled up in the socket.
  describe('without a reply, while the peer does not read,', () => {
    const shout = () => ask(echo({ expectReply: false }));

    it('succeed once what piled up has left', () => {
      broker.socket.writable.next(false);
      const [one, two] = [shout(), shout()];
      expect([one.completed, two.completed, connection.inFlight]).toEqual([false, false, 2]);
      broker.socket.writable.next(true);
      expect([one.completed, two.completed, connection.inFlight]).toEqual([true, true, 0]);
      expect(shout().completed).toBe(true);
    });

    it('error when the connection ends, as sent', () => {
      broker.socket.writable.next(false);
      const one = shout();
      broker.socket.end();
      expect(one.error).toMatchObject({ name: 'ConnectionError', sent: true });
      expect(attempt.gone[0]).toMatchObject({ reason: 'broken', cancelled: 1 });
    });

    it('error when their time is over, and leave their place', () => {
      broker.socket.writable.next(false);
      const one = ask(echo({ expectReply: false, timeoutMs: 3_000 }));
      broker.time.advance(3_000);
      expect(one.error).toMatchObject({ name: 'RequestTimeoutError' });
      expect(connection.inFlight).toBe(0);
    });

    it('leave their place when nobody wants to know', () => {
      broker.socket.writable.next(false);
      shout().unsubscribe();
      expect(connection.inFlight).toBe(0);
      broker.socket.writable.next(true);
      expect(shout().completed).toBe(true);
    });
  });

  describe('held back for another session', () => {
    const link = () => connection as Link;
    const retired = {
      reason: 'authentication',
      error: new ConnectionError(BROKER, 'authentication', 'retired'),
    } as const;

    it('error when their time is over, and are not written after that', () => {
      link().hold();
      const held = ask(echo({ timeoutMs: 500 }));
      const shouted = ask(echo({ timeoutMs: 500, expectReply: false }));
      broker.time.advance(499);
      expect([held.error, shouted.error]).toEqual([undefined, undefined]);
      broker.time.advance(1);
      expect(held.error).toMatchObject({ name: 'RequestTimeoutError' });
      expect(shouted.error).toMatchObject({ name: 'RequestTimeoutError' });
      const before = broker.socket.requests.length;
      link().release();
      expect(broker.socket.requests.length).toBe(before);
      expect(connection.inFlight).toBe(0);
    });

    it('have their whole time from when they are written', () => {
      link().hold();
      const held = ask(echo({ timeoutMs: 500, holdMs: 60_000 }));
      broker.time.advance(400);
      link().release();
      broker.time.advance(499);
      expect(held.error).toBeUndefined();
      broker.time.advance(1);
      expect(held.error).toMatchObject({ name: 'RequestTimeoutError' });
    });

    // The peer does not read, so nothing else would ever come to end the connection.
    it.each([
      ['expires', () => broker.time.advance(1_500)],
      ['is given up', (last: ReturnType<typeof ask>) => last.unsubscribe()],
    ])('for good end with the connection once the last request without a reply %s', (_, over) => {
      broker.socket.writable.next(false);
      const last = ask(echo({ expectReply: false, timeoutMs: 1_500 }));
      link().retire(retired);
      const held = ask(echo({ timeoutMs: 60_000 }));
      expect(connection.connected).toBe(true);
      over(last);
      expect(connection.connected).toBe(false);
      expect(held.error).toMatchObject({ name: 'ConnectionError', sent: false });
    });
  });
});
