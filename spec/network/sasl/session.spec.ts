import { NEVER, Subject, of, throwError } from 'rxjs';
import { connect, type Connection } from '../../../lib/network/connection';
import type { Mechanism } from '../../../lib/network/sasl/mechanism';
import { oauthBearer, type BearerToken } from '../../../lib/network/sasl/oauthbearer';
import { plain } from '../../../lib/network/sasl/plain';
import { authenticator } from '../../../lib/network/sasl/session';
import { BROKER, Echo, FakeBroker, FakeTime, OFFERS, ask, echoed } from '../fake-broker';
import { SaslFront, type SaslReply, type SaslScript } from './sasl-front';

const LIFETIME_MS = 10_000;
const PLAIN = plain('alice', 'alice-secret');
const granted: SaslScript = { authenticate: () => ({ lifetimeMs: LIFETIME_MS }) };

/** A connection that was authenticated at 0, in virtual time. */
function rig(mechanism: Mechanism = PLAIN, random = 0.5, script: SaslScript = granted) {
  const time = new FakeTime();
  const runtime = { scheduler: time.scheduler, yield: time.yield.bind(time), random: () => random };
  const front = new SaslFront(script, OFFERS);
  const rig = {
    time,
    front,
    connection: undefined as unknown as Connection,
    error: undefined as any,
    completed: false,
  };
  const broker = new FakeBroker();
  connect(BROKER, {
    ...broker.options({ runtime, transport: front.transport, idleMs: 60_000 }),
    authenticate: authenticator(mechanism, { runtime, connectTimeoutMs: 10_000 }),
  }).subscribe({
    next: connection => (rig.connection = connection),
    error: (error: unknown) => (rig.error = error),
    complete: () => (rig.completed = true),
  });
  front.seen.length = 0;
  return rig;
}

const echo = (connection: Connection, holdMs = 0) => ask(connection.request(Echo, { text: 'x' }, { holdMs }));
/** The broker answers what it was asked first. */
const reply = ({ front }: { readonly front: SaslFront }) => {
  const asked = front.asked.shift()!;
  asked.answer(echoed(asked.correlationId, 0));
};

describe('a session that ends (KIP-368)', () => {
  it.each([
    [0, 8_500],
    [0.5, 9_000],
    [1, 9_500],
  ])('is renewed in time; with chance at %d at %d of 10,000 ms', (random, at) => {
    const world = rig(PLAIN, random);
    echo(world.connection);
    reply(world);
    world.time.advance(at - 1);
    expect(world.front.seen).toEqual(['900']);
    world.time.advance(1);
    expect(world.front.seen).toEqual(['900', 'SaslHandshake', 'SaslAuthenticate']);
    expect(world.front.sockets).toBe(1);
    expect(world.connection.connected).toBe(true);
  });

  it('goes on for ever, a session at a time', () => {
    const world = rig();
    for (let i = 0; i < 100; i += 1) {
      echo(world.connection);
      reply(world);
      world.time.advance(4_500);
    }
    expect(world.front.handshakes).toBe(50);
    expect(world.error).toBeUndefined();
  });

  it('that lasts for ever is left alone', () => {
    const world = rig(PLAIN, 0.5, { authenticate: () => ({ lifetimeMs: 0 }) });
    echo(world.connection);
    reply(world);
    world.time.advance(50_000);
    expect(world.front.handshakes).toBe(0);
  });

  it('is renewed no sooner than a second after the last time: a broker would refuse that', () => {
    const world = rig(PLAIN, 0.5, { authenticate: () => ({ lifetimeMs: 400 }) });
    echo(world.connection);
    world.time.advance(999);
    expect(world.front.handshakes).toBe(0);
    world.time.advance(1);
    expect(world.front.handshakes).toBe(1);
  });

  it('ends requests under way by their own replies, then the broker hears of us, then go the requests that came meanwhile', () => {
    const world = rig();
    const before = [echo(world.connection, 5_000), echo(world.connection)];
    world.time.advance(9_000);
    // The handshake is with the broker, behind a long poll.
    expect(world.front.seen).toEqual(['900', '900', 'SaslHandshake']);
    const during = echo(world.connection);
    expect(world.connection.inFlight).toBe(4);
    world.time.advance(500);
    reply(world);
    reply(world);
    expect(before.map(one => one.completed)).toEqual([true, true]);
    expect(world.front.seen).toEqual(['900', '900', 'SaslHandshake', 'SaslAuthenticate', '900']);
    reply(world);
    expect(during.completed).toBe(true);
  });

  it('holds requests back until the broker has answered the last message, not the first', () => {
    let silent = false;
    const world = rig(PLAIN, 0.5, { authenticate: () => (silent ? undefined : { lifetimeMs: LIFETIME_MS }) });
    silent = true;
    echo(world.connection);
    reply(world);
    world.time.advance(9_000);
    const held = echo(world.connection);
    expect(world.front.seen).toEqual(['900', 'SaslHandshake', 'SaslAuthenticate']);
    // Nobody answers: like any silence, that ends the connection, and what was held was not sent.
    world.time.advance(16_000);
    expect(world.error).toMatchObject({ reason: 'timeout', retriable: true });
    expect(held.error).toMatchObject({ name: 'ConnectionError', sent: false, retriable: true });
  });

  it('is renewed before a request that comes late, as after a stall', () => {
    const world = rig();
    // The clock has moved, and no timer has fired yet.
    world.time.scheduler.frame = 9_800;
    echo(world.connection);
    expect(world.front.seen).toEqual(['SaslHandshake', 'SaslAuthenticate', '900']);
  });

  it('of a connection that nobody uses is renewed by its next request only, so that it can become idle', () => {
    const world = rig();
    world.time.advance(30_000);
    expect(world.front.seen).toEqual([]);
    echo(world.connection);
    expect(world.front.seen).toEqual(['SaslHandshake', 'SaslAuthenticate', '900']);
    reply(world);
    world.time.advance(130_000);
    expect(world.completed).toBe(true);
  });

  it('goes through while the broker throttles us, and the rest waits on', () => {
    const world = rig();
    const first = echo(world.connection, 10_000);
    const { correlationId, answer } = world.front.asked.shift()!;
    world.time.advance(8_900);
    answer(echoed(correlationId, 0, 2_000));
    expect(first.completed).toBe(true);
    echo(world.connection);
    world.time.advance(200);
    expect(world.front.seen).toEqual(['900', 'SaslHandshake', 'SaslAuthenticate']);
    world.time.advance(1_900);
    expect(world.front.seen).toEqual(['900', 'SaslHandshake', 'SaslAuthenticate', '900']);
  });

  it('that the broker does not renew ends the connection for good, with its reason', () => {
    let refuse = false;
    const refused: SaslReply = { code: 58, message: 'Cannot change principals' };
    const world = rig(PLAIN, 0.5, { authenticate: () => (refuse ? refused : { lifetimeMs: LIFETIME_MS }) });
    refuse = true;
    const polling = echo(world.connection, 5_000);
    world.time.advance(9_000);
    const held = echo(world.connection);
    reply(world);
    expect(polling.completed).toBe(true);
    expect(world.error).toMatchObject({ name: 'AuthenticationError', message: expect.stringMatching(/Cannot change/) });
    // Whoever sends it again meets the refusal itself.
    expect(held.error).toMatchObject({
      name: 'ConnectionError',
      reason: 'authentication',
      retriable: true,
      sent: false,
    });
    expect(held.error.cause).toBe(world.error);
  });

  it('holds nothing back for a connection that ends meanwhile', () => {
    const world = rig();
    echo(world.connection, 5_000);
    world.time.advance(9_000);
    world.connection.close();
    expect(world.completed).toBe(true);
    expect(world.front.live).toBe(0);
  });
});

describe('F05 a token provider', () => {
  /** The first token comes at once; later ones as `later` says. */
  function provider(later: (call: number) => ReturnType<Parameters<typeof oauthBearer>[0]>) {
    let calls = 0;
    const mechanism = oauthBearer(() => (calls++ === 0 ? [{ value: 'first' }] : later(calls - 1)));
    return { world: rig(mechanism), calls: () => calls - 1 };
  }

  it('that is slow holds nothing back', () => {
    const token = new Subject<BearerToken>();
    const { world } = provider(() => token);
    echo(world.connection);
    reply(world);
    world.time.advance(9_500);
    echo(world.connection);
    expect(world.front.seen).toEqual(['900', '900']);
    token.next({ value: 'second' });
    // The handshake waits behind the request that is under way.
    expect(world.front.seen).toEqual(['900', '900', 'SaslHandshake']);
    reply(world);
    expect(world.front.messages.at(-1)!.toString()).toContain('Bearer second');
    expect(world.connection.connected).toBe(true);
  });

  it('that fails is called again with backoff', () => {
    const { world, calls } = provider(call =>
      call < 3 ? throwError(() => new Error('down')) : of({ value: 'at.last' }),
    );
    echo(world.connection);
    reply(world);
    world.time.advance(9_000);
    expect(calls()).toBe(1);
    world.time.advance(100);
    expect(calls()).toBe(2);
    world.time.advance(200);
    expect(calls()).toBe(3);
    expect(world.front.messages.at(-1)!.toString()).toContain('Bearer at.last');
    expect(world.connection.connected).toBe(true);
  });

  it.each([
    ['never answers', () => NEVER, undefined],
    ['always fails', () => throwError(() => new Error('down')), new Error('down')],
  ])('that %s lets the connection end in good order, once what is under way is answered', (_, later, cause) => {
    const { world } = provider(later);
    echo(world.connection);
    reply(world);
    const polling = (world.time.advance(9_700), echo(world.connection, 5_000));
    world.time.advance(200);
    const held = echo(world.connection);
    expect(held.error).toBeUndefined();
    expect(world.connection.connected).toBe(true);
    reply(world);
    expect(polling.completed).toBe(true);
    expect(held.error).toMatchObject({ sent: false, retriable: true, reason: 'authentication' });
    expect(world.error).toMatchObject({ name: 'ConnectionError', reason: 'authentication', retriable: true });
    expect(world.error.cause).toEqual(cause);
    expect(world.front.handshakes).toBe(0);
    expect(world.front.live).toBe(0);
  });

  it('that gives no token for a session which is over holds requests back for the time of a set-up, not for ever', () => {
    const { world } = provider(() => NEVER);
    world.time.advance(30_000);
    const held = echo(world.connection);
    world.time.advance(9_999);
    expect(held.error).toBeUndefined();
    world.time.advance(1);
    expect(held.error).toMatchObject({ sent: false, retriable: true });
    expect(world.front.seen).toEqual([]);
  });
});
