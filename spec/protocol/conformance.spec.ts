import { isDeepStrictEqual } from 'node:util';
import { Reader } from '../../lib/bytes/reader';
import { Writer } from '../../lib/bytes/writer';
import { UnsupportedVersionError } from '../../lib/errors';
import type { AnyApi } from '../../lib/protocol/api';
import { apis } from '../../lib/protocol/apis';
import { kafkaClientsJar, readKafkaMessages } from './kafka-messages';
import type { KafkaMessage } from './kafka-messages';
import { randomMessage, seeded, versionsOf } from './message-oracle';

// Our declarations against Kafka's own, which ship inside kafka-clients: messages written from those, by code that shares
// nothing with lib/, must be read as they were meant and written again byte for byte.

const ROUNDS = Number(process.env['CONFORMANCE_ROUNDS'] ?? 12);
const jar = kafkaClientsJar();

if (jar === undefined) {
  process.stderr.write(
    '\n*** CONFORMANCE SKIPPED: no kafka-clients jar. Set KAFKA_CLIENTS_JAR, or fetch one with Maven.\n\n',
  );
  describe.skip('the declared APIs agree with the message definitions of kafka-clients', () => {
    it('needs KAFKA_CLIENTS_JAR or a kafka-clients jar in ~/.m2', () => undefined);
  });
} else {
  const messages = readKafkaMessages(jar);
  describe.each(Object.values(apis) as AnyApi[])('$name', api => {
    const request = messages.get(`${api.name}Request`)!;
    const response = messages.get(`${api.name}Response`)!;

    it('has the key, versions and first flexible version of Kafka', () => {
      const [min, max] = versionsOf(request.validVersions);
      expect(request.apiKey).toBe(api.key);
      expect(api.versions[0]).toBeGreaterThanOrEqual(min);
      expect(api.versions[1]).toBe(request.latestVersionUnstable ? max - 1 : max);
      expect(api.flexible).toBe(versionsOf(request.flexibleVersions)[0]);
      expect(versionsOf(response.flexibleVersions)[0]).toBe(api.flexible);
    });

    const versions = Array.from({ length: api.versions[1] - api.versions[0] + 1 }, (_, i) => api.versions[0] + i);
    describe.each(versions)('v%i', version => {
      it('reads and writes requests as Kafka defines them', () =>
        agrees(api, request, version, api.decodeRequest, api.encodeRequest));
      it('reads and writes responses as Kafka defines them', () =>
        agrees(api, response, version, api.decodeResponse, api.encodeResponse));
    });
  });
}

function agrees(
  api: AnyApi,
  message: KafkaMessage,
  version: number,
  decode: AnyApi['decodeRequest'],
  encode: AnyApi['encodeRequest'],
): void {
  const written = (body: unknown): Buffer => {
    const writer = new Writer();
    encode(version, body, writer);
    return writer.toBuffer();
  };
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const oracle = randomMessage(message, version, { range: api.versions, random: seeded(seed * 1000 + version) });
    const reader = new Reader(oracle.bytes);
    means(decode(version, reader), oracle.value);
    expect(reader.remaining).toBe(0);
    expect(written(oracle.value).equals(oracle.bytes)).toBe(true);

    // A field that the version lacks is dropped where Kafka says it may be, and refused by name elsewhere.
    for (const { container, name, ignorable, sample } of oracle.absent.slice(0, 20)) {
      const before = container[name];
      container[name] = sample;
      if (ignorable) expect(written(oracle.value).equals(oracle.bytes)).toBe(true);
      else expect(() => written(oracle.value)).toThrow(UnsupportedVersionError);
      container[name] = before;
    }

    const newer = randomMessage(message, version, { range: api.versions, random: seeded(seed), unknownTags: true });
    means(decode(version, new Reader(newer.bytes)), newer.value);
  }
}

/** Node's comparison for speed, Jest's for the message. */
function means(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}
