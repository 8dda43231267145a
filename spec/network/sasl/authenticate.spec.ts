import { connect, type Connection } from '../../../lib/network/connection';
import { authenticator } from '../../../lib/network/sasl/session';
import type { Mechanism } from '../../../lib/network/sasl/mechanism';
import { oauthBearer } from '../../../lib/network/sasl/oauthbearer';
import { plain } from '../../../lib/network/sasl/plain';
import { scram } from '../../../lib/network/sasl/scram';
import { print } from '../../support/print';
import { BROKER, FakeBroker, FakeTime, OFFERS } from '../fake-broker';
import { SaslFront, type SaslScript } from './sasl-front';
import { scramServer, type ScramLies } from './scram-server';

/** The outcome of one attempt to connect. Time stands still; only what is computed off the event loop is waited for. */
function attempt(
  mechanism: Mechanism,
  script: SaslScript,
): Promise<{ front: SaslFront; connection?: Connection; error?: any }> {
  const runtime = new FakeTime();
  const front = new SaslFront(script, OFFERS);
  const authenticate = authenticator(mechanism, { runtime, connectTimeoutMs: 10_000 });
  const options = { ...new FakeBroker().options({ runtime, transport: front.transport }), authenticate };
  return new Promise(resolve =>
    connect(BROKER, options).subscribe({
      next: connection => resolve({ front, connection }),
      error: (error: unknown) => resolve({ front, error }),
    }),
  );
}

const PLAIN = plain('alice', 'alice-secret');
const ok: SaslScript = { authenticate: () => ({}) };

describe('authentication', () => {
  it.each<[string, [number, number]]>([
    ['0', [0, 0]],
    ['1', [0, 1]],
    ['2', [1, 2]],
  ])('says user and password in version %s of SaslAuthenticate', async (_, versions) => {
    const { front, connection } = await attempt(PLAIN, { ...ok, versions });
    expect(connection?.connected).toBe(true);
    expect(front.seen).toEqual(['SaslHandshake', 'SaslAuthenticate']);
    expect(front.messages).toEqual([Buffer.from('\0alice\0alice-secret')]);
  });

  it('names the mechanism', async () => {
    for (const mechanism of [PLAIN, scram('sha256', 'a', 'b'), scram('sha512', 'a', 'b'), oauthBearer(() => [])]) {
      const names: string[] = [];
      await attempt(mechanism, {
        ...ok,
        handshake: name => {
          names.push(name);
          return { code: 33 };
        },
      });
      if (mechanism.name !== 'OAUTHBEARER') expect(names).toEqual([mechanism.name]);
    }
  });

  it('F03 tells what the broker offers when it does not have the mechanism', async () => {
    const mechanisms = ['GSSAPI', 'SCRAM-SHA-512', '<b>', 'X'.repeat(50)];
    const { error } = await attempt(PLAIN, { ...ok, handshake: () => ({ code: 33, mechanisms }) });
    expect(error).toMatchObject({ name: 'AuthenticationError', retriable: false });
    expect(error.message).toBe(
      'broker:9092 (node 7): PLAIN authentication failed: the broker does not have this mechanism enabled; it offers GSSAPI, SCRAM-SHA-512. Check `sasl.mechanism`',
    );
  });

  it('F03 tells when the listener does not use SASL', async () => {
    const { error } = await attempt(PLAIN, { ...ok, handshake: () => ({ code: 34 }) });
    expect(error).toMatchObject({ name: 'AuthenticationError', message: expect.stringMatching(/does not use SASL/) });
  });

  it('F03 passes on what the broker says to a wrong password, as one line without the password', async () => {
    const message = `Authentication failed for alice\n\x1b[31m with alice-secret ${'x'.repeat(500)}`;
    const { error } = await attempt(PLAIN, { authenticate: () => ({ code: 58, message }) });
    expect(error).toMatchObject({ name: 'AuthenticationError', retriable: false });
    expect(error.message).toContain('Authentication failed for alice  [31m with ***');
    expect(error.message.length).toBeLessThan(450);
    expect(error.message).toMatch(/\(SASL_AUTHENTICATION_FAILED\)$/);
    expect(error.message).not.toContain('alice-secret');
    expect([...(error.message as string)].filter(character => character < ' ')).toEqual([]);
  });

  it('F03 sends the byte that a refused token takes, and gives the reason of the refusal', async () => {
    const { front, error } = await attempt(
      oauthBearer(() => [{ value: 'to.k.en' }]),
      {
        authenticate: (_, step) =>
          step === 0 ? { bytes: Buffer.from('{"status":"invalid_token"}') } : { code: 58, message: 'expired: to.k.en' },
      },
    );
    expect(front.messages[1]).toEqual(Buffer.from([1]));
    expect(error).toMatchObject({
      name: 'AuthenticationError',
      message: expect.stringMatching(/expired: \*\*\* \(SASL_/),
    });
  });

  it('is not fatal, and tells why, when the function gave no token', async () => {
    const cause = new Error('the token service is down');
    const { front, error } = await attempt(
      oauthBearer(() => {
        throw cause;
      }),
      ok,
    );
    expect(front.seen).toEqual([]);
    expect(error).toMatchObject({ name: 'ConnectionError', reason: 'authentication', retriable: true, cause });
  });

  it('is fatal when what the function gave is no token', async () => {
    const { error } = await attempt(
      oauthBearer(() => [{ value: 'two words' }]),
      ok,
    );
    expect(error).toMatchObject({ name: 'AuthenticationError', message: expect.not.stringMatching('two words') });
  });

  it('needs a broker that knows SASL at all', async () => {
    const { error } = await attempt(PLAIN, { ...ok, versions: [7, 9] });
    expect(error).toMatchObject({ name: 'UnsupportedVersionError' });
  });

  it.each(['sha256', 'sha512'] as const)('proves both sides to each other with %s', async hash => {
    const { connection } = await attempt(scram(hash, 'al=i,ce', 'päss'), {
      authenticate: scramServer(hash, 'al=3Di=2Cce', 'päss'),
    });
    expect(connection?.connected).toBe(true);
  });

  const lies: [string, ScramLies, RegExp][] = [
    [
      'a wrong signature',
      { signature: own => (`A${own.slice(1)}` === own ? `B${own.slice(1)}` : `A${own.slice(1)}`) },
      /who it claims/,
    ],
    ['a signature of another length', { signature: () => 'AAAA' }, /who it claims/],
    ['no signature', { final: '' }, /no SCRAM message/],
    ['an error in place of the signature', { final: 'e=other-error' }, /'other-error'/],
    ['another nonce', { nonce: () => 'hvYDpWUa2RaTCAfuxFIlj' }, /does not extend/],
    ['our nonce, not extended', { nonce: own => own }, /does not extend/],
    ['2^31 iterations', { iterations: '2147483648' }, /2147483648 SCRAM iterations/],
    ['a million and one iterations', { iterations: '1000001' }, /1000001/],
    ['4,095 iterations', { iterations: '4095' }, /4095/],
    ['no iterations', { iterations: '' }, /no SCRAM message/],
    ['a salt that is none', { salt: '!' }, /no SCRAM message/],
    ['an early success', { first: '' }, /no SCRAM message/],
    ['a success of the wrong step', { first: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=' }, /no SCRAM message/],
  ];

  it.each(lies)('F04 refuses a broker with %s, without computing much', async (what, lie, why) => {
    const cpu = process.cpuUsage();
    const { connection, error, front } = await attempt(scram('sha256', 'u', 'pw'), {
      authenticate: scramServer('sha256', 'u', 'pw', lie),
    });
    const { user, system } = process.cpuUsage(cpu);
    print(`F04: ${what}: refused with ${Math.round((user + system) / 1_000)} ms of CPU`);
    expect(connection).toBeUndefined();
    expect(error).toMatchObject({ name: 'AuthenticationError', retriable: false, message: expect.stringMatching(why) });
    expect(front.live).toBe(0);
    expect(user + system).toBeLessThan(100_000);
  });
});
