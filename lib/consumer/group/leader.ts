import type { MetadataSnapshot } from '../../cluster/metadata';
import { DecodeError } from '../../errors';
import { ConsumerProtocolAssignment } from '../../protocol/messages/consumer-protocol-assignment';
import { ConsumerProtocolSubscription } from '../../protocol/messages/consumer-protocol-subscription';
import type { TopicPartition } from '../../types';
import { byTopic } from '../by-topic';
import type { GroupAssignor, GroupMember, RacksOf } from './assignors/assignor';
import type { StickyClaim } from './assignors/sticky-user-data';

/** What a member tells the leader, or read from what it told. */
export interface ToldSubscription {
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartition[];
  /** Of `owned`; -1 = none. */
  readonly generation: number;
  /** What the last round gave, though it may be given up by now: eager members have nothing when they tell. */
  readonly last: StickyClaim;
  readonly rack: string | null;
}

/** A member as JoinGroup shows it to the leader. */
export interface JoinedMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly metadata: Buffer;
}

const LATEST_SUBSCRIPTION = ConsumerProtocolSubscription.versions[1];
const LATEST_ASSIGNMENT = ConsumerProtocolAssignment.versions[1];

/** What a member says of itself, for one assignor, in the bytes that the leader reads. */
export function subscriptionOf(told: ToldSubscription, assignor: GroupAssignor): Buffer {
  return ConsumerProtocolSubscription.encode(LATEST_SUBSCRIPTION, {
    topics: [...told.topics].sort(),
    userData: assignor.userData?.(told.last.owned, told.last.generation) ?? null,
    ownedPartitions: listed(told.owned),
    generationId: told.generation,
    rackId: told.rack,
  });
}

/** All topics that anybody in the group reads. */
export function topicsOf(members: readonly JoinedMember[]): readonly string[] {
  return [...new Set(members.flatMap(member => told(member).topics))];
}

/** How many partitions each of these topics has; without those that are not there. */
export function partitionCounts(metadata: MetadataSnapshot, topics: readonly string[]): ReadonlyMap<string, number> {
  return new Map(topics.map(name => [name, metadata.topics.get(name)?.partitions.length ?? 0] as const));
}

/** In which racks the replicas of a partition are, as far as the brokers tell. */
export function racksIn({ topics, brokers }: MetadataSnapshot): RacksOf {
  return (topic, partition) => {
    const replicas = topics.get(topic)?.partitions[partition]?.replicas ?? [];
    return new Set(replicas.map(id => brokers.get(id)?.rack).filter(rack => typeof rack === 'string'));
  };
}

/** Who gets what, in the bytes that SyncGroup takes. */
export function assignmentsFor(
  members: readonly JoinedMember[],
  metadata: MetadataSnapshot,
  assignor: GroupAssignor,
): { readonly memberId: string; readonly assignment: Buffer }[] {
  const existing = [...partitionCounts(metadata, topicsOf(members))].filter(([, partitions]) => partitions > 0);
  const assigned = assignor.assign(new Map(existing), members.map(told), racksIn(metadata));
  return members.map(({ memberId }) => ({
    memberId,
    assignment: ConsumerProtocolAssignment.encode(LATEST_ASSIGNMENT, {
      assignedPartitions: listed(assigned.get(memberId) ?? []),
      userData: null,
    }),
  }));
}

/** What the leader gave us; nothing, in a group that has nothing to give. */
export function assignmentOf(bytes: Buffer): readonly TopicPartition[] {
  if (bytes.length === 0) return [];
  return flat(ConsumerProtocolAssignment.decode(bytes).value.assignedPartitions);
}

/** A member whose bytes cannot be read gets nothing, rather than bringing the group to a halt. */
function told({ memberId, groupInstanceId, metadata }: JoinedMember): GroupMember {
  try {
    const { topics, ownedPartitions, generationId, rackId, userData } =
      ConsumerProtocolSubscription.decode(metadata).value;
    return {
      ...{ memberId, groupInstanceId, topics, owned: flat(ownedPartitions ?? []) },
      ...{ generation: generationId, rack: rackId, userData },
    };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { memberId, groupInstanceId, topics: [], owned: [], generation: -1, rack: null, userData: null };
  }
}

function listed(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  return [...byTopic(partitions)].map(([topic, list]) => ({ topic, partitions: list }));
}

function flat(topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })));
}
