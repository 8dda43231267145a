import { NO_METADATA, type MetadataSnapshot, type PartitionMetadata } from '../../../lib/cluster/metadata';
import { cooperativeSticky } from '../../../lib/consumer/group/assignors/cooperative-sticky';
import { range } from '../../../lib/consumer/group/assignors/range';
import { sticky } from '../../../lib/consumer/group/assignors/sticky';
import { assignmentOf, assignmentsFor, subscriptionOf, topicsOf } from '../../../lib/consumer/group/leader';
import { DecodeError } from '../../../lib/errors';
import { ConsumerProtocolSubscription } from '../../../lib/protocol/messages/consumer-protocol-subscription';
import { partitions } from './assignors/members';

const TOLD = {
  ...{ topics: ['u', 't'], owned: partitions('t:1'), generation: 4, rack: 'r' },
  last: { owned: partitions('t:1 u:0'), generation: 3 },
};

/** A cluster in which partition n of each topic is on broker n. */
function metadata(counts: Record<string, number>): MetadataSnapshot {
  const topics = Object.entries(counts).map(([name, count]) => {
    const list = Array.from({ length: count }, (_, partition) => {
      return { partition, replicas: [partition] } as unknown as PartitionMetadata;
    });
    return [name, { ...{ name, topicId: '', internal: false, errorCode: 0 }, partitions: list }] as const;
  });
  const brokers = [0, 1, 2].map(nodeId => [nodeId, { ...{ nodeId, host: 'h', port: 1 }, rack: `r${nodeId}` }] as const);
  return { ...NO_METADATA, topics: new Map(topics), brokers: new Map(brokers) };
}

const member = (memberId: string, bytes: Buffer) => ({ memberId, groupInstanceId: null, metadata: bytes });
const reads = (topics: string[], rack: string | null = null) =>
  subscriptionOf({ topics, owned: [], generation: -1, rack, last: { owned: [], generation: -1 } }, range);
const given = (answers: ReturnType<typeof assignmentsFor>) =>
  answers.map(({ memberId, assignment }) => {
    const list = assignmentOf(assignment).map(({ topic, partition }) => `${topic}:${partition}`);
    return `${memberId} ${list.join(' ')}`.trim();
  });

describe('what a member tells', () => {
  it('is in the latest version: topics in order, what it has and since when, its rack', () => {
    expect(ConsumerProtocolSubscription.decode(subscriptionOf(TOLD, range))).toEqual({
      version: 3,
      value: {
        ...{ topics: ['t', 'u'], userData: null, generationId: 4, rackId: 'r' },
        ownedPartitions: [{ topic: 't', partitions: [1] }],
      },
    });
  });

  it('has for sticky what the last round gave, of the generation in which it did', () => {
    const { userData } = ConsumerProtocolSubscription.decode(subscriptionOf(TOLD, sticky)).value;
    expect(userData).toEqual(sticky.userData!(TOLD.last.owned, 3));
  });

  it('has for cooperative-sticky the generation, for leaders that look for it there', () => {
    const { userData } = ConsumerProtocolSubscription.decode(subscriptionOf(TOLD, cooperativeSticky)).value;
    expect(userData!.toString('hex')).toBe('00000003');
  });
});

describe('a leader', () => {
  it('shares all topics that anybody reads and that exist', () => {
    const members = [member('a', reads(['t'])), member('b', reads(['t', 'u', 'gone']))];
    expect([...topicsOf(members)].sort()).toEqual(['gone', 't', 'u']);
    expect(given(assignmentsFor(members, metadata({ t: 2, u: 1, other: 3 }), range))).toEqual(['a t:0', 'b t:1 u:0']);
  });

  it.each([
    ['cut off', reads(['t']).subarray(0, 9)],
    ['empty', Buffer.alloc(0)],
    ['of a count that lies', Buffer.from('00037fffffff', 'hex')],
    ['of a negative version', Buffer.from('ffff00000000', 'hex')],
  ])('gives nothing to a member whose bytes are %s, and goes on', (_, bytes) => {
    const members = [member('a', bytes), member('b', reads(['t']))];
    for (const assignor of [range, sticky, cooperativeSticky]) {
      expect(given(assignmentsFor(members, metadata({ t: 2 }), assignor))).toEqual(['a', 'b t:0 t:1']);
    }
  });

  it('understands members of each version, later ones than its own included', () => {
    const version = (number: number) => {
      const bytes = ConsumerProtocolSubscription.encode(Math.min(number, 3), { topics: ['t'] });
      bytes.writeInt16BE(number);
      return number > 3 ? Buffer.concat([bytes, Buffer.from('what is new')]) : bytes;
    };
    const members = [0, 1, 2, 3, 4].map(number => member(`v${number}`, version(number)));
    expect(given(assignmentsFor(members, metadata({ t: 5 }), range))).toEqual(
      [0, 1, 2, 3, 4].map(number => `v${number} t:${number}`),
    );
  });

  it('gives what has a replica in the rack of a member to that one', () => {
    const members = [member('a', reads(['t'], 'r2')), member('b', reads(['t'], 'r0')), member('c', reads(['t'], 'r1'))];
    expect(given(assignmentsFor(members, metadata({ t: 3 }), range))).toEqual(['a t:2', 'b t:0', 'c t:1']);
  });
});

describe('what a leader gave', () => {
  it('is nothing where there are no bytes', () => {
    expect(assignmentOf(Buffer.alloc(0))).toEqual([]);
  });

  it('is refused where it cannot be read', () => {
    expect(() => assignmentOf(Buffer.from('0001000000', 'hex'))).toThrow(DecodeError);
  });
});
