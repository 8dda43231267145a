import { NEVER } from 'rxjs';
import { CLIENT_DEFAULTS, checkNumber, parseBrokers, resolveClientOptions } from '../lib/options';
import { realRuntime } from '../lib/runtime';
import { Kafka } from '../lib/kafka';

const seams = { runtime: realRuntime, transport: () => NEVER };
const resolve = (given: object) => resolveClientOptions({ brokers: 'b', ...given } as never, seams);

describe('the options of a client', () => {
  it('have their defaults, also for what is given as undefined', () => {
    expect(resolve({ clientId: undefined })).toMatchObject({ ...CLIENT_DEFAULTS, tls: undefined });
  });

  it('are not written to, and cannot be changed afterwards', () => {
    const given = Object.freeze({ brokers: 'b', tls: true });
    expect(resolveClientOptions(given, seams)).toMatchObject({ tls: {} });
    expect(Object.isFrozen(resolveClientOptions(given, seams))).toBe(true);
  });

  it.each([
    [{ ssl: true }, TypeError, /"ssl"; here it is tls/],
    [{ fromBeginning: true }, TypeError, /"fromBeginning"; here it is offsetReset/],
    [{ brokerz: 'b' }, TypeError, /"brokerz"; did you mean "brokers"/],
    [{ quux: 1 }, TypeError, /"quux"; known are brokers, clientId/],
    [{ clientId: 5 }, TypeError, /"clientId" must be a string/],
    [{ tls: 'yes' }, TypeError, /"tls"/],
    [{ tls: null }, TypeError, /"tls" must be true, false/],
    // All of these came to light in each attempt to connect, as a connection that broke and might heal.
    [{ tls: { cert: 'no PEM', key: 'no PEM' } }, TypeError, /"tls" cannot be used: .*PEM/],
    [{ tls: { pfx: 'no PFX', passphrase: 'secret' } }, TypeError, /"tls" cannot be used: (?!.*secret)/],
    [{ tls: { passphrase: 12_345, pfx: 'x' } }, TypeError, /"tls" cannot be used: (?!.*12345)/],
    [{ tls: { minVersion: 'TLSv9' } }, TypeError, /"tls" cannot be used: "TLSv9"/],
    [{ tls: { ciphers: 'NOPE' } }, TypeError, /"tls" cannot be used: .*no cipher match/],
    [{ tls: { servername: 7 } }, TypeError, /"servername" must be a string/],
    [{ sasl: null }, TypeError, /"sasl" must be an object/],
    [{ sasl: { mechanism: 'gssapi' } }, TypeError, /"mechanism" must be 'plain' or 'scram-sha-256' or/],
    [{ sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' } }, TypeError, /in lower case: 'plain'/],
    [
      { sasl: { mechanism: 'plain', username: '', password: 'p' } },
      TypeError,
      /"username" must be a string that is not/,
    ],
    [{ sasl: { mechanism: 'scram-sha-256', username: 'u' } }, TypeError, /"password" must be a string that is not/],
    [
      { sasl: { mechanism: 'plain', username: 'u', password: 'p', token: 1 } },
      TypeError,
      /of 'plain': unknown option "token"/,
    ],
    [{ sasl: { mechanism: 'oauthbearer', token: 'abc' } }, TypeError, /"token" must be a function/],
    [{ transport: {} }, TypeError, /"transport" must be a function/],
    [{ requestTimeoutMs: '5' }, TypeError, /"requestTimeoutMs" must be a number/],
    [{ requestTimeoutMs: NaN }, TypeError, /"requestTimeoutMs" must be a number/],
    [{ requestTimeoutMs: 0 }, RangeError, /"requestTimeoutMs" must be from 1 to/],
    // Node's timers count to 2^31 - 1 and take what is beyond for 1 ms: metadata was asked for without a pause, and every
    // request timed out at once. A call gets twice `requestTimeoutMs`.
    [{ metadataMaxAgeMs: Infinity }, RangeError, /"metadataMaxAgeMs" must be from 1 to 2147483647, not Infinity/],
    [{ connectTimeoutMs: 2 ** 31 }, RangeError, /"connectTimeoutMs" must be from 1 to 2147483647/],
    [{ requestTimeoutMs: 2 ** 30 }, RangeError, /"requestTimeoutMs" must be from 1 to 1073741823/],
  ])('%p is refused by name', (given, type, message) => {
    expect(() => resolve(given)).toThrow(type);
    expect(() => resolve(given)).toThrow(message);
  });

  it('keep credentials as they were given, and out of sight', () => {
    const sasl = { mechanism: 'plain', username: 'u', password: 'p' };
    const resolved = resolve({ sasl });
    sasl.password = 'other';
    expect(resolved.sasl?.()).toEqual({ mechanism: 'plain', username: 'u', password: 'p' });
    expect(JSON.stringify(resolved)).not.toContain('password');
  });

  it.each([
    ['a:1,b:2', ['a:1', 'b:2']],
    [' a , b:2,', ['a:9092', 'b:2']],
    [
      ['a', '[::1]:5'],
      ['a:9092', '::1:5'],
    ],
    ['PLAINTEXT://a:1', ['a:1']],
  ])('brokers %p are %p', (given, expected) => {
    expect(parseBrokers(given).map(({ host, port }) => `${host}:${port}`)).toEqual(expected);
  });

  it.each([[''], [','], [[]], [undefined], [5], ['a:0'], ['a:65536'], ['a:b'], ['a b'], ['::1']])(
    'brokers %p are refused',
    given => {
      expect(() => parseBrokers(given as never)).toThrow(/"brokers"/);
    },
  );
});

describe('a duration', () => {
  it('has no upper limit of its own but that of a timer', () => {
    expect(() => checkNumber('x', 'waitMs', 2 ** 31 - 1, { min: 0 })).not.toThrow();
    expect(() => checkNumber('x', 'fetch.waitMs', 2 ** 31, { min: 0 })).toThrow(/from 0 to 2147483647/);
    expect(() => checkNumber('x', 'records', Infinity, { min: 0 })).not.toThrow();
  });

  // It used to be taken for 1 ms: whoever wanted to wait for ever lost everything that was still under way.
  it('to drain in is never Infinity', () => {
    const kafka = new Kafka({ brokers: 'b', transport: () => NEVER });
    expect(() => kafka.close({ drainMs: Infinity })).toThrow(RangeError);
    expect(() => kafka.producer().close({ drainMs: Infinity })).toThrow(RangeError);
  });
});
