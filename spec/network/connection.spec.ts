import { readFileSync } from 'node:fs';
import { EMPTY, NEVER, Observable, Subject, throwError } from 'rxjs';
import { AuthenticationError, ConnectionError, UnsupportedVersionError } from '../../lib/errors';
import { connect, type Connection } from '../../lib/network/connection';
import { CLIENT_SOFTWARE } from '../../lib/network/negotiate';
import { ask, BROKER, Echo, echoed, FakeBroker, versionsOf } from './fake-broker';

describe('connect', () => {
  it('is cold: nothing happens before someone subscribes, and each subscription has a socket of its own', () => {
    const broker = new FakeBroker();
    const source = connect(BROKER, broker.options());
    expect(broker.sockets.length).toBe(0);
    const one = source.subscribe();
    const two = source.subscribe();
    expect(broker.live).toBe(2);
    one.unsubscribe();
    two.unsubscribe();
    expect(broker.live).toBe(0);
  });

  it('emits one connection once ApiVersions is answered, not when the socket opens', () => {
    const broker = new FakeBroker();
    const attempt = broker.attempt({ generation: 4 });
    expect(attempt.connection).toBeUndefined();
    expect(broker.socket.requests).toEqual([{ key: 18, version: 5, correlationId: 0 }]);
    broker.socket.send(versionsOf(0, 5));
    expect(attempt.connection).toMatchObject({ broker: BROKER, generation: 4, connected: true, inFlight: 0 });
    const states = ask(attempt.connection!.state);
    expect(states.value).toBe('connected');
    expect(attempt.completed).toBe(false);
  });

  it('introduces itself with the version of the package', () => {
    const { name, version } = JSON.parse(readFileSync('package.json', 'utf8')) as { name: string; version: string };
    expect(CLIENT_SOFTWARE).toEqual({ name, version });
  });

  describe('asks in a lower version', () => {
    it('when the broker says 35 and lists what it knows, on the same socket', () => {
      const broker = new FakeBroker();
      const attempt = broker.attempt();
      // The refusal is written in version 0, whatever was asked.
      broker.socket.send(versionsOf(0, 0, [[18, 0, 2]], 35));
      expect(broker.socket.last).toEqual({ key: 18, version: 2, correlationId: 1 });
      broker.socket.send(versionsOf(1, 2));
      expect(attempt.connection?.versionOf(Echo)).toBe(3);
      expect(broker.sockets.length).toBe(1);
    });

    it('0, when the list is empty', () => {
      const broker = new FakeBroker();
      const attempt = broker.attempt();
      broker.socket.send(versionsOf(0, 0, [], 35));
      expect(broker.socket.last.version).toBe(0);
      broker.socket.send(versionsOf(1, 0));
      expect(attempt.connection?.connected).toBe(true);
    });

    it('0, on a new socket, when the peer hangs up without a word', () => {
      const broker = new FakeBroker();
      const attempt = broker.attempt();
      broker.socket.end();
      expect(broker.sockets.length).toBe(2);
      expect(broker.live).toBe(1);
      expect(broker.socket.last.version).toBe(0);
      broker.socket.send(versionsOf(0, 0));
      expect(attempt.connection?.connected).toBe(true);
      expect(attempt.gone).toEqual([]);
    });

    it('but only once', () => {
      const broker = new FakeBroker();
      const attempt = broker.attempt();
      broker.socket.end();
      broker.socket.end();
      expect(broker.sockets.length).toBe(2);
      expect(attempt.error).toBeInstanceOf(ConnectionError);
      expect(attempt.error).toMatchObject({ reason: 'broken', retriable: true, broker: BROKER });
      expect(attempt.error.message).toContain('set `tls`');
      expect(attempt.gone.length).toBe(1);
    });

    it('not when the socket never opened', () => {
      const broker = new FakeBroker();
      broker.autoOpen = false;
      const attempt = broker.attempt();
      broker.socket.fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      expect(broker.sockets.length).toBe(1);
      expect(attempt.error.message).toContain('broker:9092 (node 7): nothing listens there');
    });
  });

  it('errors with UnsupportedVersionError when 35 comes twice', () => {
    const broker = new FakeBroker();
    const attempt = broker.attempt();
    broker.socket.send(versionsOf(0, 0, [], 35));
    broker.socket.send(versionsOf(1, 0, [], 35));
    expect(attempt.error).toBeInstanceOf(UnsupportedVersionError);
    expect(attempt.gone).toMatchObject([{ reason: 'protocol', error: attempt.error }]);
    expect(broker.live).toBe(0);
  });

  it('errors when ApiVersions is answered with another error, or cannot be read', () => {
    for (const answer of [versionsOf(0, 5, [], 42), versionsOf(0, 5).subarray(0, 12)]) {
      const bytes = Buffer.from(answer);
      bytes.writeInt32BE(bytes.length - 4, 0);
      const broker = new FakeBroker();
      const attempt = broker.attempt();
      broker.socket.send(bytes);
      expect(attempt.error).toMatchObject({ name: 'ConnectionError', reason: 'protocol' });
      expect(broker.live).toBe(0);
    }
  });

  describe('gives all of the set-up one deadline', () => {
    it.each(['the socket', 'ApiVersions', 'authentication'])('while it waits for %s', step => {
      const broker = new FakeBroker();
      broker.autoOpen = step !== 'the socket';
      const attempt = broker.attempt({ authenticate: () => NEVER });
      if (step === 'authentication') {
        broker.time.advance(9_000);
        broker.socket.send(versionsOf(0, 5));
      }
      broker.time.advance(step === 'authentication' ? 999 : 9_999);
      expect(attempt.error).toBeUndefined();
      broker.time.advance(1);
      expect(attempt.error).toMatchObject({ name: 'ConnectionError', reason: 'timeout', retriable: true });
      expect(attempt.connection).toBeUndefined();
      expect(attempt.gone).toMatchObject([{ reason: 'timeout' }]);
      expect(broker.live).toBe(0);
      expect(broker.time.scheduler.actions.length).toBe(0);
    });

    it('also over the second try with version 0', () => {
      const broker = new FakeBroker();
      const attempt = broker.attempt();
      broker.time.advance(6_000);
      broker.socket.end();
      broker.time.advance(3_999);
      expect(attempt.error).toBeUndefined();
      broker.time.advance(1);
      expect(attempt.error).toMatchObject({ reason: 'timeout' });
    });

    it('which ends with it', () => {
      const broker = new FakeBroker();
      const { connection } = broker.connected();
      broker.time.advance(20_000);
      expect(connection.connected).toBe(true);
    });
  });

  describe('authenticates', () => {
    it('after ApiVersions and before the connection is offered, with requests of its own', () => {
      const broker = new FakeBroker();
      let seen: Connection | undefined;
      const attempt = broker.attempt({
        authenticate: connection => {
          seen = connection;
          return connection.request(Echo, { text: 'secret' });
        },
      });
      broker.socket.send(versionsOf(0, 5));
      expect(seen?.connected).toBe(false);
      expect(attempt.connection).toBeUndefined();
      expect(broker.socket.last).toEqual({ key: 900, version: 3, correlationId: 1 });
      broker.socket.send(echoed(1, 0));
      expect(attempt.connection).toBe(seen);
      expect(seen?.connected).toBe(true);
    });

    it('with nothing to do', () => {
      const broker = new FakeBroker();
      expect(broker.connected({ authenticate: () => EMPTY }).connection.connected).toBe(true);
    });

    it('and is fatal when refused', () => {
      const broker = new FakeBroker();
      const refused = new AuthenticationError('wrong password');
      const attempt = broker.attempt({ authenticate: () => throwError(() => refused) });
      broker.socket.send(versionsOf(0, 5));
      expect(attempt.error).toBe(refused);
      expect(attempt.gone).toEqual([{ reason: 'authentication', error: refused, cancelled: 0 }]);
      expect(broker.live).toBe(0);
    });

    it('until it is told to stop', () => {
      const broker = new FakeBroker();
      let stopped = false;
      const attempt = broker.attempt({ authenticate: () => new Observable(() => () => (stopped = true)) });
      broker.socket.send(versionsOf(0, 5));
      attempt.unsubscribe();
      expect(stopped).toBe(true);
      expect(broker.live).toBe(0);
    });

    // It was taken for the orderly end of an unused connection, and no error came.
    it('and a broker that hangs up meanwhile is a fault', () => {
      const broker = new FakeBroker();
      const attempt = broker.attempt({ authenticate: () => NEVER });
      broker.socket.send(versionsOf(0, 5));
      broker.socket.end();
      expect(attempt.error).toMatchObject({ name: 'ConnectionError', reason: 'broken', retriable: true });
      expect(attempt.error.message).toContain('during authentication');
      expect(broker.sockets).toHaveLength(1);
    });

    it('and a failure of ours there does not hang', () => {
      const broker = new FakeBroker();
      const attempt = broker.attempt({
        authenticate: () => {
          throw new Error('no token');
        },
      });
      broker.socket.send(versionsOf(0, 5));
      expect(attempt.error).toMatchObject({ name: 'ConnectionError', reason: 'protocol' });
      expect(attempt.error.message).toContain('no token');
    });
  });

  describe('names the likely cause when', () => {
    it.each([
      ['an HTTP server answers', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'HTTP'],
      ['an SSH server answers', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'), 'SSH'],
      ['a TLS listener sends an alert', Buffer.from([0x15, 3, 3, 0, 2, 2, 40]), 'Set `tls`'],
      ['the length is 2^31-1', Buffer.from([0x7f, 255, 255, 255]), '7fffffff'],
      ['the length is negative', Buffer.from([255, 255, 255, 255]), 'ffffffff'],
      ['the first frame is too large for a set-up', Buffer.from([0, 2, 0, 0, 0, 0, 0, 0]), '00020000'],
    ])('%s', (_, bytes, text) => {
      const broker = new FakeBroker();
      const attempt = broker.attempt();
      broker.socket.send(bytes);
      expect(attempt.error).toMatchObject({ name: 'ConnectionError', reason: 'protocol', retriable: false });
      expect(attempt.error.message).toContain(text);
      expect(attempt.error.message).toContain('broker:9092 (node 7)');
      expect(broker.live).toBe(0);
      expect(broker.sockets.length).toBe(1);
    });

    it.each([
      ['CERT_HAS_EXPIRED', 'AuthenticationError', 'authentication', false],
      ['DEPTH_ZERO_SELF_SIGNED_CERT', 'AuthenticationError', 'authentication', false],
      ['ERR_TLS_CERT_ALTNAME_INVALID', 'AuthenticationError', 'authentication', false],
      ['ERR_SSL_WRONG_VERSION_NUMBER', 'ConnectionError', 'protocol', false],
      ['ECONNRESET', 'ConnectionError', 'broken', true],
    ])('TLS fails with %s', (code, name, reason, retriable) => {
      const broker = new FakeBroker();
      broker.autoOpen = false;
      const attempt = broker.attempt({ tls: {} });
      broker.socket.fail(Object.assign(new Error('the reason'), { code }));
      expect(attempt.error).toMatchObject({ name, retriable });
      expect(attempt.error.message).toContain('the reason');
      expect(attempt.gone).toMatchObject([{ reason }]);
    });
  });

  it('survives a transport that throws, ends or errors inside subscribe', () => {
    const broker = new FakeBroker();
    const cases = [
      () => {
        throw new Error('thrown');
      },
      () => throwError(() => new Error('errored')),
      () => EMPTY,
      () =>
        new Observable<never>(() => {
          throw new Error('thrown inside');
        }),
    ];
    for (const transport of cases) {
      const attempt = broker.attempt({ transport });
      expect(attempt.error).toMatchObject({ name: 'ConnectionError' });
      expect(attempt.gone.length).toBe(1);
    }
  });

  it('can be unsubscribed while it is emitting the connection', () => {
    const broker = new FakeBroker();
    const stop = new Subject<void>();
    const attempt = broker.attempt();
    const states = () => ask(attempt.connection!.state);
    stop.subscribe(() => attempt.unsubscribe());
    broker.socket.send(versionsOf(0, 5));
    stop.next();
    expect(states()).toMatchObject({ value: 'disconnected', completed: true });
    expect(attempt.completed).toBe(false);
  });
});
