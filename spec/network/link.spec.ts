import { concat, ignoreElements } from 'rxjs';
import { ConnectionError } from '../../lib/errors';
import type { Connection } from '../../lib/network/connection';
import { ask, BROKER, Echo, echoed, FakeBroker, frame, versionsOf, type Attempt } from './fake-broker';

describe('The end of a connection', () => {
  let broker: FakeBroker;
  let attempt: Attempt;
  let connection: Connection;
  const echo = (options = {}) => connection.request(Echo, { text: 'hi' }, options);

  beforeEach(() => {
    broker = new FakeBroker();
    ({ connection } = attempt = broker.connected());
  });

  const causes: [string, () => void, string][] = [
    ['RST', () => broker.socket.reset(), 'broken'],
    ['FIN', () => broker.socket.end(), 'broken'],
    ['a wrong length', () => broker.socket.send(Buffer.alloc(4, 0xff)), 'protocol'],
    ['a wrong correlation id', () => broker.socket.send(echoed(77, 0)), 'protocol'],
    ['silence', () => broker.time.advance(5_000), 'timeout'],
    ['close', () => connection.close(), 'shutdown'],
    ['unsubscribing', () => attempt.unsubscribe(), 'shutdown'],
    // Who tries again meets the refusal itself, which is an AuthenticationError and not retriable.
    ['refused re-authentication', () => connection.close('authentication'), 'authentication'],
  ];

  it.each(causes)('by %s errors every request, in order, on its own subscriber', (_, cause, reason) => {
    const log: string[] = [];
    const asked = ['a', 'b', 'c'].map(name => ask(echo(), name, log));
    cause();
    expect(log).toEqual(['a error', 'b error', 'c error']);
    for (const { error } of asked) {
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({ reason, sent: true, broker: BROKER, retriable: true });
    }
    expect(attempt.gone).toMatchObject([{ reason, cancelled: 3 }]);
    expect(connection).toMatchObject({ connected: false, inFlight: 0, cancelled: 3 });
    expect(ask(connection.state)).toMatchObject({ value: 'disconnected', completed: true });
    expect(broker.live).toBe(0);
    expect(broker.time.scheduler.actions.length).toBe(0);
    if (reason === 'shutdown') expect(attempt.error).toBeUndefined();
    else expect(attempt.error).toMatchObject({ name: 'ConnectionError', reason });
  });

  it.each(causes.filter(([, , reason]) => reason !== 'timeout'))(
    'by %s happens once, and what comes later is nothing',
    (_, cause) => {
      const asked = ask(echo());
      const { socket } = broker;
      cause();
      const before = [...asked.log];
      socket.send(echoed(1, 1));
      socket.received.error(new Error('late'));
      socket.writable.next(false);
      socket.reset();
      connection.close();
      connection.close('idle');
      attempt.unsubscribe();
      broker.time.advance(1_000_000);
      expect(asked.log).toEqual(before);
      expect(attempt.gone.length).toBe(1);
      expect(connection.writable).toBe(true);
    },
  );

  it('goes through its steps in order', () => {
    const steps: string[] = [];
    const note = (step: string) =>
      steps.push(
        `${step}: ${connection.connected ? 'open' : 'refusing'}, ${socket.destroyed ? 'no socket' : 'socket'}`,
      );
    const inner = broker.attempt({ onDisconnected: () => note('gone') });
    const { socket } = broker;
    socket.send(versionsOf(0, 5));
    connection = inner.connection!;
    connection.state.subscribe({
      next: state => state === 'disconnected' && note(state),
      complete: () => note('state completes'),
    });
    echo().subscribe({
      next: () => {
        note('first answered');
        connection.close();
      },
    });
    echo().subscribe({ next: () => note('second answered') });
    echo().subscribe({ error: () => note('third errors') });
    echo().subscribe({ error: () => note('fourth errors') });
    socket.send(Buffer.concat([echoed(1, 0), echoed(2, 0), echoed(3, 0).subarray(0, 10)]));
    expect(steps).toEqual([
      'first answered: open, socket',
      'gone: refusing, socket',
      'second answered: refusing, socket',
      'third errors: refusing, socket',
      'fourth errors: refusing, socket',
      'disconnected: refusing, no socket',
      'state completes: refusing, no socket',
    ]);
  });

  it('refuses what a request retries at once in its error handler', () => {
    const again: unknown[] = [];
    echo().subscribe({ error: () => echo().subscribe({ error: (error: unknown) => again.push(error) }) });
    const second = ask(echo());
    broker.socket.reset();
    expect(again).toMatchObject([{ name: 'ConnectionError', reason: 'broken', sent: false, retriable: true }]);
    expect(second.error).toMatchObject({ sent: true });
    expect(broker.socket.requests.length).toBe(3);
  });

  it('refuses requests ever after, unsent', () => {
    connection.close();
    expect(ask(echo()).error).toMatchObject({ name: 'ConnectionError', reason: 'shutdown', sent: false });
    expect(attempt.completed).toBe(true);
  });

  it('delivers complete frames that came before the cut, and drops half a frame', () => {
    const whole = ask(echo());
    const half = ask(echo());
    broker.socket.send(Buffer.concat([echoed(1, 1), echoed(2, 2).subarray(0, 13)]));
    broker.socket.reset();
    expect(whole.value.code).toBe(1);
    expect(half.error).toMatchObject({ reason: 'broken' });
    expect(attempt.gone).toMatchObject([{ cancelled: 1 }]);
  });

  it('delivers nothing behind an offending frame', () => {
    const log: string[] = [];
    const [first, second] = ['a', 'b'].map(name => ask(echo(), name, log));
    broker.socket.send(Buffer.concat([echoed(1, 1), echoed(3, 3), echoed(2, 2)]));
    expect(first!.value.code).toBe(1);
    expect(second!.error).toMatchObject({ reason: 'protocol', retriable: true });
    expect(second!.error.message).toContain('a reply to request 3 came, but 2 (Echo) was due');
  });

  it('comes with a reply that nobody asked for, or that was given before', () => {
    for (const reply of [echoed(1, 1), echoed(5, 5)]) {
      const world = new FakeBroker();
      const inner = world.connected();
      ask(inner.connection.request(Echo, { text: '' }));
      world.socket.send(echoed(1, 1));
      world.socket.send(reply);
      expect(inner.error).toMatchObject({ reason: 'protocol' });
      expect(inner.error.message).toContain('nothing was asked');
    }
  });

  it('cut at every byte of a reply, never lets a byte reach the next socket', () => {
    const reply = echoed(1, 123);
    for (let at = 0; at < reply.length; at += 1) {
      const world = new FakeBroker();
      const old = world.connected();
      const cut = ask(old.connection.request(Echo, { text: '' }));
      const oldSocket = world.socket;
      oldSocket.send(reply.subarray(0, at));
      oldSocket.reset();
      expect(cut.error).toMatchObject({ reason: 'broken', sent: true });
      const fresh = world.connected();
      const asked = ask(fresh.connection.request(Echo, { text: '' }));
      oldSocket.send(reply.subarray(at));
      world.socket.send(echoed(1, 7));
      expect(asked.value.code).toBe(7);
    }
  });

  it('is in good order when the broker drops an unused connection', () => {
    const done = ask(echo());
    broker.socket.send(echoed(1, 0));
    expect(done.completed).toBe(true);
    broker.socket.end();
    expect(attempt).toMatchObject({ completed: true, error: undefined });
    expect(attempt.gone).toEqual([{ reason: 'idle', error: undefined, cancelled: 0 }]);
  });

  it('is in good order when only abandoned replies are outstanding', () => {
    ask(echo()).unsubscribe();
    broker.socket.end();
    expect(attempt).toMatchObject({ completed: true, error: undefined });
  });

  it('does not wait for more replies after FIN', () => {
    const asked = ask(echo());
    broker.socket.end();
    expect(asked.error).toMatchObject({ reason: 'broken', sent: true });
    expect(attempt.error.message).toContain('with 1 request in flight');
  });

  it('comes by the error or end of the bytes alone, for transports that are wrapped', () => {
    for (const cause of ['error', 'complete'] as const) {
      const world = new FakeBroker();
      const inner = world.connected();
      const asked = ask(inner.connection.request(Echo, { text: '' }));
      if (cause === 'error') world.socket.received.error(new Error('cut'));
      else world.socket.received.complete();
      expect(asked.error).toMatchObject({ reason: 'broken' });
      expect(world.live).toBe(0);
    }
  });

  it('comes when writing throws', () => {
    broker.socket.destroyed = true;
    const asked = ask(echo());
    expect(asked.error).toMatchObject({ reason: 'broken', sent: true });
    expect(attempt.error).toMatchObject({ reason: 'broken' });
    const world = new FakeBroker();
    const inner = world.connected();
    world.socket.destroyed = true;
    expect(ask(inner.connection.request(Echo, { text: '' }, { expectReply: false })).error).toMatchObject({
      reason: 'broken',
    });
  });

  // What had been written without a reply came first, and what waited out a throttle last, whenever it was asked for.
  it('errors requests with and without a reply in the order in which they were made', () => {
    const log: string[] = [];
    broker.socket.writable.next(false);
    ['a', 'b', 'c', 'd'].forEach((name, i) => ask(echo({ expectReply: i % 2 === 0 }), name, log));
    broker.socket.reset();
    expect(log).toEqual(['a error', 'b error', 'c error', 'd error']);
  });

  // The news of the throttle came before the reply: who closed the connection there got the reply after the end.
  it('comes after the reply that throttles us, when the news of the throttle brings it', () => {
    const log: string[] = [];
    const inner: Attempt = broker.attempt({ onThrottle: () => inner.connection!.close() });
    broker.socket.send(versionsOf(0, 5));
    inner.connection!.state.subscribe({ complete: () => log.push('ended') });
    ask(inner.connection!.request(Echo, { text: '' }), 'a', log);
    ask(inner.connection!.request(Echo, { text: '' }), 'b', log);
    broker.socket.send(echoed(1, 1, 500));
    expect(log).toEqual(['a value', 'b error', 'ended']);
  });

  // It was put behind requests that had been told already, so nobody ever told it.
  it('refuses the request whose body brings it', () => {
    const asked = ask(
      connection.request(Echo, () => {
        connection.close();
        return { text: '' };
      }),
    );
    expect(asked.error).toMatchObject({ name: 'ConnectionError', reason: 'shutdown', sent: false });
    expect(broker.socket.requests).toHaveLength(1);
  });

  // The rest used to succeed after the connection had said that it is over.
  it('settles what is written through before it is over, when the first of it brings the end', () => {
    const log: string[] = [];
    broker.socket.writable.next(false);
    connection.state.subscribe({ complete: () => log.push('ended') });
    echo({ expectReply: false }).subscribe(() => connection.close());
    ask(echo({ expectReply: false }), 'second', log);
    broker.socket.writable.next(true);
    expect(log).toEqual(['second error', 'ended']);
  });

  // It used to make an illegal move: the reply that was handed over completed the authentication of a closed connection.
  it('while it authenticates is not undone by a reply that came before', () => {
    const inner = broker.attempt({
      authenticate: one => {
        one.request(Echo, { text: '' }).subscribe(() => one.close());
        return one.request(Echo, { text: '' });
      },
    });
    broker.socket.send(versionsOf(0, 5));
    broker.socket.send(Buffer.concat([echoed(1, 0), echoed(2, 0)]));
    expect([inner.connection, inner.completed, inner.gone.length, broker.live]).toEqual([undefined, true, 1, 1]);
  });

  it('may be the work of the subscriber of a reply, of a state or of the connection itself', () => {
    const chain = ask(concat(echo().pipe(ignoreElements()), connection.state));
    broker.socket.send(frame(1, Buffer.alloc(6)));
    expect(chain.value).toBe('connected');
    connection.state.subscribe(state => state === 'disconnected' && connection.close());
    connection.close();
    expect(attempt.completed).toBe(true);
  });
});

describe('A connection', () => {
  it('accepts large frames only once the peer has proven itself', () => {
    const broker = new FakeBroker();
    const { connection } = broker.connected({ maxResponseBytes: 200_000 });
    const asked = ask(connection.request(Echo, { text: '' }));
    broker.socket.send(frame(1, Buffer.alloc(150_000)));
    expect(asked.value).toMatchObject({ code: 0 });
    const tooLarge = ask(connection.request(Echo, { text: '' }));
    broker.socket.send(frame(2, Buffer.alloc(200_000)).subarray(0, 4));
    expect(tooLarge.error).toMatchObject({ reason: 'protocol', retriable: true });
    expect(tooLarge.error.message).toContain('maxResponseBytes');
  });

  it('tells when writes pile up', () => {
    const broker = new FakeBroker();
    const { connection } = broker.connected();
    broker.socket.writable.next(false);
    expect(connection.writable).toBe(false);
    broker.socket.writable.next(true);
    expect(connection.writable).toBe(true);
  });
});
