import { isDeepStrictEqual } from 'node:util';
import { DecodeError, UnsupportedVersionError } from '../../lib/errors';
import type { EmbeddedMessage } from '../../lib/protocol/embedded-message';
import { ConsumerProtocolAssignment } from '../../lib/protocol/messages/consumer-protocol-assignment';
import { ConsumerProtocolSubscription } from '../../lib/protocol/messages/consumer-protocol-subscription';
import { kafkaClientsJar, readKafkaMessages } from './kafka-messages';
import { randomMessage, seeded, versionsOf } from './message-oracle';

const ROUNDS = 200;
const EMBEDDED: readonly EmbeddedMessage<any, any>[] = [ConsumerProtocolSubscription, ConsumerProtocolAssignment];
const jar = kafkaClientsJar();
const described = jar === undefined ? describe.skip : describe;

described.each(EMBEDDED)('$name', message => {
  it('is what Kafka defines, in all versions', () => {
    const definition = readKafkaMessages(jar!).get(message.name)!;
    expect(versionsOf(definition.validVersions)).toEqual(message.versions);
    for (let version = message.versions[0]; version <= message.versions[1]; version++) {
      for (let seed = 1; seed <= ROUNDS; seed++) {
        const { value, bytes } = randomMessage(definition, version, { range: message.versions, random: seeded(seed) });
        const framed = Buffer.concat([Buffer.of(0, version), bytes]);
        const read = message.decode(framed);
        if (!isDeepStrictEqual(read, { version, value })) expect(read).toEqual({ version, value });
        expect(message.encode(version, value).equals(framed)).toBe(true);
      }
    }
  });
});

describe('an embedded message', () => {
  const { encode, decode } = ConsumerProtocolSubscription;

  it('is read by the latest version that we know if it is of a later one', () => {
    const newer = Buffer.concat([encode(3, { topics: ['t'], rackId: 'r' }), Buffer.from('more')]);
    newer[1] = 9;
    expect(decode(newer)).toEqual({
      version: 9,
      value: { topics: ['t'], userData: null, ownedPartitions: [], generationId: -1, rackId: 'r' },
    });
  });

  it('drops what an older version has no field for', () => {
    expect(encode(0, { topics: [], generationId: 5, rackId: 'r' }).toString('hex')).toBe(
      '0000' + '00000000' + 'ffffffff',
    );
  });

  it('is not written in a version that we do not know', () => {
    expect(() => encode(4, { topics: [] })).toThrow(UnsupportedVersionError);
  });

  it.each([
    ['nothing', '', undefined],
    ['a negative version', 'ffff', -1],
    ['an array longer than the rest', '0001 7fffffff', 1],
    ['half a message', '0001 00000001 0001', 1],
  ])('refuses %s by a DecodeError with name, version and position', (_, hex, version) => {
    const read = () => decode(Buffer.from(hex.replace(/ /g, ''), 'hex'));
    expect(read).toThrow(DecodeError);
    expect(read).toThrow(
      expect.objectContaining({ api: 'ConsumerProtocolSubscription', version, position: expect.any(Number) }),
    );
  });
});
