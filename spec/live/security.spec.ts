/**
 * TLS and SASL against the listeners of a real Kafka: every way in, every way to be refused, and sessions that are renewed
 * while records flow.
 *
 *   npm run test:live -- --testPathPatterns security
 *   KAFKA_RX_FULL=true npm run test:live -- --testPathPatterns security    sessions are renewed for ten minutes
 */
import { readFileSync } from 'node:fs';
import { Observable, firstValueFrom, map, take, timeout, timer, toArray } from 'rxjs';
import { type Kafka, apis, tcpTransport, type KafkaOptions, type SaslOptions, type Transport } from '../../lib';
import { USERS, type Listener } from '../support/broker-config';
import { describeReal } from '../support/clusters';
import { startFlow } from '../support/flow';
import { kcat } from '../support/kcat';
import { liveClients } from '../support/live-clients';
import { print } from '../support/print';
import { itWithTool } from '../support/tools';
import { unsecuredToken } from '../support/unsecured-token';
import { within } from '../support/within';

const FULL = process.env.KAFKA_RX_FULL === 'true';
const PATIENCE_MS = 20_000;
const RENEWED_FOR_MS = FULL ? 600_000 : 8_000;
jest.setTimeout(RENEWED_FOR_MS + 120_000);

const plain = (username: keyof typeof USERS): SaslOptions => ({
  mechanism: 'plain',
  username,
  password: USERS[username],
});
const scram = (mechanism: 'scram-sha-256' | 'scram-sha-512', password: string = USERS.alice): SaslOptions => ({
  mechanism,
  username: 'alice',
  password,
});
const bearer: SaslOptions = { mechanism: 'oauthbearer', token: () => [{ value: unsecuredToken('admin', 300) }] };

describeReal('a client that is secured', cluster => {
  const clients = liveClients(cluster);
  const { listeners, pki } = cluster.real;
  if (listeners === undefined || pki === undefined) {
    it.skip('needs the listeners of a cluster from jars', () => undefined);
    return;
  }
  const ca = readFileSync(pki.ca);
  const identity = { cert: readFileSync(pki.clientCertificate), key: readFileSync(pki.clientKey) };
  const tls = { ca };
  const mtls = { ca, ...identity };
  const client = (listener: Listener, options: Partial<KafkaOptions>) =>
    clients.kafka({ brokers: listeners[listener], ...options });

  it.each<[string, Listener, Partial<KafkaOptions>]>([
    ['TLS', 'SSL', { tls }],
    ['TLS and a certificate of its own', 'MTLS', { tls: mtls }],
    ['PLAIN', 'SASLPLAIN', { sasl: plain('admin') }],
    ['PLAIN over TLS', 'SASLSSL', { sasl: plain('admin'), tls }],
    ['SCRAM-SHA-256', 'SASLPLAIN', { sasl: scram('scram-sha-256') }],
    ['SCRAM-SHA-512 over TLS', 'SASLSSL', { sasl: scram('scram-sha-512'), tls }],
    ['OAUTHBEARER', 'SASLPLAIN', { sasl: bearer }],
    ['OAUTHBEARER over TLS', 'SASLSSL', { sasl: bearer, tls }],
  ])('with %s writes and reads', async (_, listener, options) => {
    const topic = await clients.topic('secured', 3);
    await everythingAllowed(clients.kafka(), topic, ['alice', 'CN=client']);
    const kafka = client(listener, options);
    const values = ['a', 'b', 'c', 'd', 'e'];
    const sent = kafka.producer().send(values.map(value => ({ topic, value })));
    await within(PATIENCE_MS, 'the records to be stored', sent);
    const view = kafka
      .consumer()
      .assign([0, 1, 2].map(partition => ({ topic, partition, offset: 'earliest' as const })))
      .records.pipe(take(values.length), toArray());
    const read = await within(PATIENCE_MS, 'the records', view);
    expect(read.map(record => String(record.value)).sort()).toEqual(values);
  });

  const wrong = 'canary-wrong-password';
  const expired: SaslOptions = { mechanism: 'oauthbearer', token: () => [{ value: unsecuredToken('admin', -5) }] };
  it.each<[string, Listener, Partial<KafkaOptions>, RegExp]>([
    [
      'F03 a wrong password, PLAIN',
      'SASLPLAIN',
      { sasl: { ...plain('alice'), password: wrong } as SaslOptions },
      /PLAIN authentication failed: .*Invalid username or password/,
    ],
    [
      'F03 an unknown user, PLAIN',
      'SASLPLAIN',
      { sasl: { ...plain('alice'), username: 'nobody' } as SaslOptions },
      /Invalid username or password/,
    ],
    [
      'F03 a wrong password, SCRAM-SHA-256',
      'SASLPLAIN',
      { sasl: scram('scram-sha-256', wrong) },
      /SCRAM-SHA-256 authentication failed: .*invalid credentials/,
    ],
    [
      'F03 a wrong password, SCRAM-SHA-512 over TLS',
      'SASLSSL',
      { sasl: scram('scram-sha-512', wrong), tls },
      /invalid credentials/,
    ],
    [
      'F03 an unknown user, SCRAM-SHA-512',
      'SASLPLAIN',
      { sasl: { ...scram('scram-sha-512'), username: 'bob' } as SaslOptions },
      /invalid credentials/,
    ],
    [
      'F03 a token that has expired',
      'SASLPLAIN',
      { sasl: expired },
      /OAUTHBEARER authentication failed: .*invalid_token/,
    ],
    ['F03 SASL where there is none', 'PLAINTEXT', { sasl: plain('admin') }, /does not use SASL/],
    ['F01 a certificate that nobody vouches for', 'SSL', { tls: true }, /certificate was refused/],
    ['F01 no certificate where one is wanted', 'MTLS', { tls }, /refused our certificate, or wants one/],
  ])('%s is refused once by each broker, and told wherever a user looks', async (what, listener, options, why) => {
    const { transport, connects } = counting();
    const kafka = client(listener, { ...options, transport });
    const started = performance.now();
    const refusals = [
      kafka.admin().listTopics(),
      kafka.producer().send({ topic: 't', value: 'v' }),
      kafka.consumer().assign([{ topic: 't', partition: 0 }]).records,
    ].map(source => refusalOf(source));
    for (const error of await Promise.all(refusals)) {
      expect(error).toMatchObject({
        name: 'AuthenticationError',
        retriable: false,
        message: expect.stringMatching(why),
      });
      expect(String(error)).not.toContain(wrong);
    }
    const ms = Math.round(performance.now() - started);
    // Long enough for many attempts, if there were any.
    await firstValueFrom(timer(2_000));
    print(`${what}: told within ${ms} ms, ${connects.size} brokers, ${Math.max(...connects.values())} attempt each`);
    expect(Math.max(...connects.values())).toBe(1);
  });

  it('F03 is let in once its credentials are right: who asks again causes one attempt in a while', async () => {
    let good = false;
    const token = () => [{ value: unsecuredToken('admin', good ? 300 : -5) }];
    const { transport, connects } = counting();
    const kafka = client('SASLPLAIN', { sasl: { mechanism: 'oauthbearer', token }, transport });
    const until = performance.now() + 3_500;
    let asked = 0;
    while (performance.now() < until) {
      await refusalOf(kafka.admin().listTopics());
      asked += 1;
    }
    print(`F03: ${asked} calls in 3.5 s, ${Math.max(...connects.values())} attempts at a broker at most`);
    expect(asked).toBeGreaterThan(4);
    expect(Math.max(...connects.values())).toBeLessThanOrEqual(5);
    good = true;
    const again = async (): Promise<unknown> =>
      firstValueFrom(kafka.admin().listTopics()).catch(async () => {
        await firstValueFrom(timer(100));
        return again();
      });
    await again();
  });

  describe('F05 while its sessions last two seconds', () => {
    /** Records flow for a while, and a second consumer waits with polls longer than a session. */
    async function flowing(what: string, sasl: SaslOptions, forMs: number) {
      const [topic, quiet] = [await clients.topic('renewed', 3), await clients.topic('quiet')];
      const { transport, connects, handshakes } = counting();
      const kafka = client('REAUTH', { sasl, transport });
      const trouble: unknown[] = [];
      kafka.events.subscribe(event => {
        if (event.type === 'disconnected' && event.reason !== 'shutdown') trouble.push(event.error ?? event.reason);
        if (event.type === 'retry') trouble.push(event.error);
      });
      const patient = kafka.consumer({ fetch: { maxWaitMs: 3_000 } });
      const polled = firstValueFrom(
        patient.assign([{ topic: quiet, partition: 0, offset: 'earliest' }]).records.pipe(timeout(forMs + PATIENCE_MS)),
      );
      const flow = startFlow(kafka, { topic, partitions: 3, patienceMs: PATIENCE_MS, inFlight: 20 });
      const until = performance.now() + forMs;
      while (performance.now() < until) await flow.another(500);
      const { sent } = flow;
      const balance = await flow.finish();
      await firstValueFrom(clients.kafka().producer().send({ topic: quiet, value: 'v' }));
      await polled;
      const made = [...connects.values()].reduce((a, b) => a + b, 0);
      const renewals = handshakes() - made;
      print(
        `F05: ${what}: ${Math.round(forMs / 1_000)} s, ${sent} records, ${made} connections, ${renewals} renewals, ${trouble.length} errors`,
      );
      expect(balance).toEqual({ seen: sent, lost: 0, doubled: 0, reordered: 0 });
      return { trouble, renewals };
    }

    it.each<[string, () => SaslOptions]>([
      ['PLAIN', () => plain('admin')],
      ['a token function that takes its time', () => slowBearer(30, () => false)],
    ])('loses, doubles and repeats nothing, and no connection ends, with %s', async (what, sasl) => {
      const { trouble, renewals } = await flowing(what, sasl(), RENEWED_FOR_MS);
      expect(trouble).toEqual([]);
      expect(renewals).toBeGreaterThan(RENEWED_FOR_MS / 2_000);
    });

    it('loses, doubles and reorders nothing with a token function that is down for five seconds', async () => {
      const started = performance.now();
      const down = () => performance.now() - started > 3_000 && performance.now() - started < 8_000;
      const { trouble } = await flowing('a token function that is down for 5 s', slowBearer(10, down), 11_000);
      // Connections end then, in good order, and come back: what the user asked for waits.
      expect(trouble.length).toBeGreaterThan(0);
      for (const error of trouble)
        expect(error).toMatchObject({ name: 'ConnectionError', reason: 'authentication', retriable: true });
    });
  });

  itWithTool(kcat, 'finds on its listeners what other clients find there', async () => {
    const topic = await clients.topic('secured-kcat', 1);
    const kafka = client('SASLSSL', { sasl: plain('admin'), tls });
    await within(PATIENCE_MS, 'stored', kafka.producer().send({ topic, key: 'k', value: 'v' }));
    const login = ['security.protocol=SASL_SSL', `ssl.ca.location=${pki.ca}`, 'sasl.mechanism=PLAIN'];
    login.push('sasl.username=admin', `sasl.password=${USERS.admin}`);
    const options = login.flatMap(option => ['-X', option]);
    expect(await kcat.consume(listeners.SASLSSL, topic, options)).toMatchObject([{ key: 'k', payload: 'v' }]);
  });
});

/** Takes `ms` for a token, and gives none while it is `down`. */
function slowBearer(ms: number, down: () => boolean): SaslOptions {
  return {
    mechanism: 'oauthbearer',
    token: () =>
      timer(ms).pipe(
        map(() => {
          if (down()) throw new Error('the token service is down');
          return { value: unsecuredToken('admin', 300) };
        }),
      ),
  };
}

/** The first error of a stream, out of what says which records it hit. */
async function refusalOf(source: Observable<unknown>): Promise<any> {
  const error: any = await firstValueFrom(source).then(
    () => new Error('it was let in'),
    (reason: unknown) => reason,
  );
  return error.name === 'SendError' ? (error.cause ?? error.results[0]) : error;
}

/** Counts sockets by port, and SaslHandshakes. */
function counting() {
  const connects = new Map<number, number>();
  let handshakes = 0;
  const transport: Transport = (broker, options) => {
    connects.set(broker.port, (connects.get(broker.port) ?? 0) + 1);
    return new Observable(subscriber =>
      tcpTransport(broker, options).subscribe({
        next: stream =>
          subscriber.next({
            ...stream,
            write: chunks => {
              if (Buffer.from(chunks[0]!).readInt16BE(4) === 17) handshakes += 1;
              stream.write(chunks);
            },
          }),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
  };
  return { transport, connects, handshakes: () => handshakes };
}

/** ACLs: all operations on the topic, for users who are not all-powerful. */
async function everythingAllowed(kafka: Kafka, topic: string, users: readonly string[]): Promise<void> {
  const TOPIC = 2;
  const [ALL, ALLOW] = [2, 3];
  const creations = users.map(user => ({
    ...{ resourceType: TOPIC, resourceName: topic, principal: `User:${user}`, host: '*' },
    ...{ operation: ALL, permissionType: ALLOW },
  }));
  const { results } = await firstValueFrom(kafka.request(apis.CreateAcls, { creations } as never, 'controller'));
  expect(results.map(result => result.errorCode)).toEqual(users.map(() => 0));
}
