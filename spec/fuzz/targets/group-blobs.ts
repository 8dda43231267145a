import { NO_METADATA, type MetadataSnapshot, type PartitionMetadata } from '../../../lib/cluster/metadata';
import type { GroupAssignor } from '../../../lib/consumer/group/assignors/assignor';
import { cooperativeSticky } from '../../../lib/consumer/group/assignors/cooperative-sticky';
import { range } from '../../../lib/consumer/group/assignors/range';
import { roundRobin } from '../../../lib/consumer/group/assignors/round-robin';
import { sticky } from '../../../lib/consumer/group/assignors/sticky';
import { assignmentOf, assignmentsFor, subscriptionOf, type JoinedMember } from '../../../lib/consumer/group/leader';
import type { FuzzTarget } from '../fuzz';
import { HOSTILE_NAMES, type Random } from '../random';
import { refusalOf } from '../refusal';

const ASSIGNORS: readonly GroupAssignor[] = [range, roundRobin, sticky, cooperativeSticky];
const TOPICS = ['t', 'u', ...HOSTILE_NAMES];
const RACKS = [null, '', 'a', 'b', '__proto__'];

/** What members say of themselves, and what a leader says to us: both come from strangers. */
export const groupBlobs: FuzzTarget = {
  name: 'group-blobs',
  property:
    'a leader shares all partitions among its members whatever bytes they send, and bytes of a leader are an assignment or refused',
  cases: { quick: 500, change: 100_000, long: 1_000_000 },
  run(random) {
    const assignor = random.pick(ASSIGNORS);
    const metadata = randomMetadata(random);
    const honest: JoinedMember = {
      ...{ memberId: 'honest', groupInstanceId: null },
      metadata: subscriptionOf(
        { topics: TOPICS, owned: [], generation: -1, last: { owned: [], generation: -1 }, rack: 'a' },
        assignor,
      ),
    };
    const members = [honest, ...Array.from({ length: random.below(5) }, (_, i) => stranger(random, assignor, i))];
    // All that is new goes to somebody in the first round: nobody who is honest had anything, and what is claimed is withheld at most.
    const answers = assignmentsFor(members, metadata, assignor);
    const seen = new Set<string>();
    for (const { assignment } of answers) {
      for (const { topic, partition } of assignmentOf(assignment)) {
        const key = `${topic}/${partition}`;
        if (seen.has(key)) throw new Error(`${assignor.name} gives ${key} twice`);
        if (!(partition < (metadata.topics.get(topic)?.partitions.length ?? 0)))
          throw new Error(`${key} does not exist`);
        seen.add(key);
      }
    }
    const all = [...metadata.topics.values()].reduce((sum, { partitions }) => sum + partitions.length, 0);
    if (assignor.protocol === 'eager' && seen.size !== all) throw new Error(`${seen.size} of ${all} given`);

    const bytes = spoilt(random, random.pick(answers).assignment);
    refusalOf(() => assignmentOf(bytes), { frameBytes: bytes.length, api: 'ConsumerProtocolAssignment' });
    return members.length + 1;
  },
};

function randomMetadata(random: Random): MetadataSnapshot {
  const partitions = () =>
    Array.from({ length: random.below(8) }, (_, partition) => ({
      ...({ partition, replicas: [random.below(3), random.below(3)] } as unknown as PartitionMetadata),
    }));
  const topic = { topicId: '', internal: false, errorCode: 0 };
  return {
    ...NO_METADATA,
    brokers: new Map([0, 1].map(nodeId => [nodeId, { nodeId, host: 'h', port: 1, rack: random.pick(RACKS) }] as const)),
    topics: new Map(TOPICS.map(name => [name, { ...topic, name, partitions: partitions() }] as const)),
  };
}

/** A member whose bytes were right once. */
function stranger(random: Random, assignor: GroupAssignor, i: number): JoinedMember {
  const claims = () =>
    Array.from({ length: random.below(6) }, () => ({
      topic: random.pick([...TOPICS, 'gone']),
      partition: random.chance(0.9) ? random.below(8) : Number(random.signed(32)),
    }));
  const generation = () => (random.chance(0.8) ? random.below(3) : Number(random.signed(32)));
  const metadata = subscriptionOf(
    {
      topics: [random.pick(TOPICS), random.pick(TOPICS), random.text()],
      owned: claims(),
      generation: generation(),
      last: { owned: claims(), generation: generation() },
      rack: random.pick(RACKS),
    },
    random.chance(0.7) ? assignor : random.pick(ASSIGNORS),
  );
  return {
    memberId: `${random.text()}-${i}`,
    groupInstanceId: random.chance(0.3) ? random.text() : null,
    metadata: spoilt(random, metadata),
  };
}

/** As it was, cut off, with some bytes changed, or nothing that anybody wrote. */
function spoilt(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  switch (random.below(4)) {
    case 0:
      return copy;
    case 1:
      return copy.subarray(0, random.below(copy.length + 1));
    case 2:
      for (let times = 1 + random.below(4); times > 0; times--) {
        copy[random.below(copy.length)] = random.pick([0, 1, 2, 0x7f, 0x80, 0xff, random.below(256)]);
      }
      return copy;
    default:
      return Buffer.from(Array.from({ length: random.below(60) }, () => random.below(random.pick([2, 4, 256]))));
  }
}
