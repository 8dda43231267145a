import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { endWith, firstValueFrom, ignoreElements, take, timeout, type Observable } from 'rxjs';
import { AuthenticationError, Kafka, type SaslOptions } from '../../../lib';
import { type authentication } from '../../../lib/network/sasl/authentication';
import { print } from '../../support/print';
import type { SaslScript } from './sasl-front';
import { saslKafka } from './sasl-kafka';
import { scramServer } from './scram-server';

const CANARY = 'canary.Pa55-secret';
const TLS_CANARY = 'tls-canary-phrase';
/** A key that Node accepts, since bad ones are refused when the client is made. */
const TLS_KEY = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: TLS_CANARY },
}).privateKey;
/** A line of its body. */
const TLS_KEY_LINE = TLS_KEY.split('\n')[1]!;

/** In all forms in which bytes are shown. */
const FORMS = [CANARY, TLS_CANARY, TLS_KEY_LINE].flatMap(text => {
  const bytes = Buffer.from(text);
  return [
    text,
    bytes.toString('base64').slice(0, -4),
    bytes.toString('hex'),
    bytes.toString('hex').replace(/..(?!$)/g, '$& '),
    [...bytes].join(','),
    [...bytes].join(', '),
  ];
});

/** Everything that can be read off an object. */
function shown(value: unknown): string {
  const seen = new Set<unknown>();
  const json = (_: string, part: unknown): unknown => {
    if (typeof part === 'bigint') return String(part);
    if (typeof part === 'object' && part !== null) {
      if (seen.has(part)) return undefined;
      seen.add(part);
    }
    return part instanceof Error ? { ...part, message: part.message, stack: part.stack, cause: part.cause } : part;
  };
  const options = { depth: 10, showHidden: true, maxArrayLength: null, maxStringLength: null };
  return [
    inspect(value, options),
    inspect(value, { ...options, customInspect: false, getters: true }),
    JSON.stringify(value, json),
    String(value),
  ].join('\n');
}

const password = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'): SaslOptions => ({
  mechanism,
  username: 'alice',
  password: CANARY,
});
const bearer: SaslOptions = { mechanism: 'oauthbearer', token: () => [{ value: CANARY, extensions: { x: CANARY } }] };
/** A broker that repeats what it was told, against all custom. */
const echoing: SaslScript = {
  authenticate: message => ({ code: 58, message: `no: ${message.toString('utf8').replaceAll('\x01', ' ')}` }),
};

const cases: [string, SaslOptions, SaslScript][] = [
  ['PLAIN', password('plain'), { authenticate: () => ({ lifetimeMs: 5_000 }) }],
  ['PLAIN, refused', password('plain'), echoing],
  ['PLAIN, not offered', password('plain'), { ...echoing, handshake: () => ({ code: 33, mechanisms: [CANARY, 'X'] }) }],
  ['SCRAM-SHA-256', password('scram-sha-256'), { authenticate: scramServer('sha256', 'alice', CANARY) }],
  ['SCRAM-SHA-512, refused', password('scram-sha-512'), { authenticate: scramServer('sha512', 'alice', 'other') }],
  [
    'SCRAM-SHA-256, against a liar',
    password('scram-sha-256'),
    { authenticate: scramServer('sha256', 'alice', CANARY, { signature: () => 'AAAA' }) },
  ],
  [
    'SCRAM-SHA-256, out of step',
    password('scram-sha-256'),
    { authenticate: () => ({ bytes: Buffer.from(`m=${CANARY}`) }) },
  ],
  ['OAUTHBEARER', bearer, { authenticate: () => ({ lifetimeMs: 5_000 }) }],
  ['OAUTHBEARER, refused', bearer, echoing],
  [
    'OAUTHBEARER, refused by JSON',
    bearer,
    {
      authenticate: (_, step) =>
        step === 0 ? { bytes: Buffer.from(JSON.stringify({ status: CANARY })) } : { code: 58 },
    },
  ],
  [
    'OAUTHBEARER, a token that cannot be sent',
    { ...bearer, token: () => [{ value: `${CANARY} x` }] } as SaslOptions,
    echoing,
  ],
];

describe('what is secret', () => {
  it.each(cases)('is in nothing that can be seen: %s', async (what, sasl, script) => {
    const tls = { key: TLS_KEY, passphrase: TLS_CANARY };
    const { kafka, events, front } = saslKafka(sasl, script, { tls });
    const [producer, consumer, admin] = [kafka.producer(), kafka.consumer(), kafka.admin()];
    const settle = (source: Observable<unknown>): Promise<unknown> =>
      firstValueFrom(source.pipe(timeout(5_000))).catch((error: unknown) => error);
    const results = [
      await settle(admin.listTopics()),
      await settle(producer.send({ topic: 't', partition: 0, value: 'v' })),
      // Not the record: with all that is hidden, a Buffer shows whatever else lies in Node's pool.
      await settle(
        consumer
          .assign([{ topic: 't', partition: 0, offset: 'earliest' }])
          .records.pipe(take(1), ignoreElements(), endWith('read')),
      ),
      await settle(kafka.connections),
    ];
    const everything = shown([kafka, producer, consumer, admin, results, events, kafka.connections.subscribe()]);
    await firstValueFrom(kafka.close({ drainMs: 0 }));
    expect(results[0]).toEqual(what.includes(',') ? expect.any(AuthenticationError) : ['t']);
    // The front has seen it, or this test would look for nothing.
    if (!/cannot be sent|not offered|SCRAM/.test(what)) expect(front.messages.join('')).toContain(CANARY);
    print(`${what}: ${events.length} events, ${everything.length} characters searched`);
    for (const form of FORMS)
      expect(everything.includes(form) ? `${form} in ${around(everything, form)}` : '').toBe('');
  });

  it.each<[string, unknown]>([
    ['a mechanism of another name', { mechanism: CANARY, username: 'u', password: CANARY }],
    ['a user that is none', { mechanism: 'plain', username: { CANARY }, password: CANARY }],
    ['a password that is none', { mechanism: 'plain', username: 'u', password: [CANARY] }],
    ['NUL in the password', { mechanism: 'plain', username: 'u', password: `${CANARY}\0` }],
    ['half a character', { mechanism: 'plain', username: 'u', password: `${CANARY}\ud800` }],
    ['a token that is no function', { mechanism: 'oauthbearer', token: CANARY }],
    ['the whole as text', `plain:${CANARY}`],
  ])('is not in what refuses the options: %s', (_, sasl) => {
    let error: unknown;
    try {
      new Kafka({ brokers: 'b', sasl: sasl as SaslOptions });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TypeError);
    expect(shown(error)).not.toContain(CANARY);
  });
});

describe('credentials without TLS', () => {
  it('cause one warning in a process, unless they cannot be read on the way', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    jest.isolateModules(() => {
      const fresh = require('../../../lib/network/sasl/authentication') as { authentication: typeof authentication };
      const client = (sasl: SaslOptions, tls?: object) => ({ sasl: () => sasl, tls }) as never;
      fresh.authentication(client(password('scram-sha-512')));
      fresh.authentication(client(password('plain'), {}));
      expect(warn).not.toHaveBeenCalled();
      fresh.authentication(client(bearer));
      fresh.authentication(client(password('plain')));
    });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/OAUTHBEARER without TLS.*the token in clear/), {
      type: 'KafkaSecurityWarning',
      code: 'KAFKA_RX_CLEARTEXT_CREDENTIALS',
    });
    warn.mockRestore();
  });
});

function around(text: string, form: string): string {
  const at = text.indexOf(form);
  return text.slice(Math.max(0, at - 300), at + form.length + 20);
}
