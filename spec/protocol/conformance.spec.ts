import { isDeepStrictEqual } from 'node:util';
import { Reader } from '../../lib/bytes/reader';
import { Writer } from '../../lib/bytes/writer';
import { UnsupportedVersionError } from '../../lib/errors';
import type { AnyApi } from '../../lib/protocol/api';
import { apis } from '../../lib/protocol/apis';
import { print } from '../support/print';
import { Coverage } from './coverage';
import { kafkaClientsJar, readKafkaMessages } from './kafka-messages';
import type { KafkaMessage } from './kafka-messages';
import { randomMessage, seeded, versionsOf } from './message-oracle';
import type { OracleMessage, OracleOptions } from './message-oracle';

// Our declarations against Kafka's own, which ship inside kafka-clients: messages written from those, by code that shares
// nothing with lib/, must be read as they were meant and written again byte for byte.

/** Random messages per API, version and direction. */
const ROUNDS = Number(process.env['CONFORMANCE_ROUNDS'] ?? 200);
/** How many of them are also written with each field in turn filled that the version lacks, or left out that has a default. */
const ROUNDS_BY_FIELD = 10;
const TRAILING = Buffer.from('00ff017f80', 'hex');

/** Kafka has later versions of these that only brokers speak to each other. */
const LAST_OF_CLIENTS: Readonly<Record<string, number>> = { AddPartitionsToTxn: 3 };

const jar = kafkaClientsJar();

if (jar === undefined) {
  process.stderr.write(
    '\n*** CONFORMANCE SKIPPED: no kafka-clients jar. Set KAFKA_CLIENTS_JAR, or run the live suites once.\n\n',
  );
  describe.skip('the declared APIs agree with the message definitions of kafka-clients', () => {
    it('needs KAFKA_CLIENTS_JAR, or a kafka-clients jar in .cache or ~/.m2', () => undefined);
  });
} else {
  const messages = readKafkaMessages(jar);
  const coverage = new Coverage();
  afterAll(() => {
    print(
      `Conformance to ${jar.replace(/^.*\//, '')}, ${ROUNDS} random messages per API, version and direction, and as many with unknown tags`,
    );
    coverage.lines().forEach(print);
  });

  describe.each(Object.values(apis) as AnyApi[])('$name', api => {
    const request = messages.get(`${api.name}Request`)!;
    const response = messages.get(`${api.name}Response`)!;

    it('has the key, versions and first flexible version of Kafka', () => {
      const [min, max] = versionsOf(request.validVersions);
      expect(request.apiKey).toBe(api.key);
      expect(api.versions[0]).toBeGreaterThanOrEqual(min);
      expect(api.versions[1]).toBe(LAST_OF_CLIENTS[api.name] ?? (request.latestVersionUnstable ? max - 1 : max));
      expect(api.flexible).toBe(versionsOf(request.flexibleVersions)[0]);
      expect(versionsOf(response.flexibleVersions)[0]).toBe(api.flexible);
    });

    const versions = Array.from({ length: api.versions[1] - api.versions[0] + 1 }, (_, i) => api.versions[0] + i);
    describe.each(versions)('v%i', version => {
      it('reads and writes requests as Kafka defines them', () =>
        coverage.of(api, version, 'requests', count =>
          agrees({ api, message: request, version, decode: api.decodeRequest, encode: api.encodeRequest, count }),
        ));
      it('reads and writes responses as Kafka defines them', () =>
        coverage.of(api, version, 'responses', count =>
          agrees({ api, message: response, version, decode: api.decodeResponse, encode: api.encodeResponse, count }),
        ));
    });
  });
}

interface Subject {
  readonly api: AnyApi;
  readonly message: KafkaMessage;
  readonly version: number;
  readonly decode: AnyApi['decodeRequest'];
  readonly encode: AnyApi['encodeRequest'];
  readonly count: () => void;
}

function agrees(subject: Subject): void {
  const { api, message, version } = subject;
  const make = (seed: number, options: Partial<OracleOptions> = {}): OracleMessage =>
    randomMessage(message, version, { range: api.versions, random: seeded(seed * 1000 + version), ...options });

  for (const extreme of ['least', 'most'] as const) bothWays(subject, make(1, { extreme }));
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const oracle = make(seed);
    bothWays(subject, oracle);
    subject.count();
    if (seed <= ROUNDS_BY_FIELD) {
      refusesAbsentFields(subject, oracle);
      fillsInDefaults(subject, oracle);
    }

    if (version < api.flexible) continue;
    const newer = make(seed, { unknownTags: true });
    means(subject.decode(version, new Reader(newer.bytes)), newer.value);
  }
}

/** Read as it was meant, up to its end and no further whatever follows, and written again as it was. */
function bothWays({ version, decode, encode }: Subject, { value, bytes }: OracleMessage): void {
  const reader = new Reader(Buffer.concat([bytes, TRAILING]));
  means(decode(version, reader), value);
  means(reader.remaining, TRAILING.length);
  means(written(encode, version, value).toString('hex'), bytes.toString('hex'));
}

/** A field that the version lacks is dropped where Kafka says it may be, and refused by name elsewhere. */
function refusesAbsentFields({ version, encode }: Subject, { value, bytes, absent }: OracleMessage): void {
  for (const { container, name, ignorable, sample } of absent.slice(0, 20)) {
    const before = container[name];
    container[name] = sample;
    if (ignorable) means(written(encode, version, value), bytes);
    else expect(() => written(encode, version, value)).toThrow(UnsupportedVersionError);
    container[name] = before;
  }
}

/** What is left out is written as Kafka's default. */
function fillsInDefaults({ version, encode }: Subject, { value, defaulted }: OracleMessage): void {
  for (const { container, name, standard } of defaulted.slice(0, 20)) {
    const before = container[name];
    container[name] = standard;
    const explicit = written(encode, version, value);
    container[name] = undefined;
    means([name, written(encode, version, value)], [name, explicit]);
    container[name] = before;
  }
}

function written(encode: AnyApi['encodeRequest'], version: number, body: unknown): Buffer {
  const writer = new Writer();
  encode(version, body, writer);
  return writer.toBuffer();
}

/** Node's comparison for speed, Jest's for the message. */
function means(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}
