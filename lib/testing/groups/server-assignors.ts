/** A member as a server-side assignor sees it. */
export interface AssignableMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** Names. */
  readonly topics: ReadonlySet<string>;
  /** What it was to have until now. */
  readonly target: ReadonlySet<PartitionKey>;
}

/** A topic as an assignor sees it. */
export interface AssignableTopic {
  readonly name: string;
  readonly id: string;
  readonly partitions: { readonly length: number };
}

/** Topic id and partition in one, so that sets can hold it. */
export type PartitionKey = `${string} ${number}`;

/** Decides who is to have what: every partition of a subscribed topic exactly once. */
export type ServerAssignor = (
  members: readonly AssignableMember[],
  topics: readonly AssignableTopic[],
) => ReadonlyMap<string, ReadonlySet<PartitionKey>>;

/** The assignors of the embedded brokers, the default first, under Kafka's names (`group.consumer.assignors`). */
export const SERVER_ASSIGNORS: ReadonlyMap<string, ServerAssignor> = new Map([
  ['uniform', uniform],
  ['range', range],
]);

export function partitionKey(topicId: string, partition: number): PartitionKey {
  return `${topicId} ${partition}`;
}

/** As balanced as the subscriptions allow, and of such the one with few moves: who has a partition keeps it unless it has two more than another. */
function uniform(members: readonly AssignableMember[], topics: readonly AssignableTopic[]) {
  const assigned = new Map(members.map(({ memberId }) => [memberId, new Set<PartitionKey>()]));
  const loadOf = ({ memberId }: AssignableMember): number => assigned.get(memberId)!.size;
  const nameOf = new Map<PartitionKey, string>();
  for (const { name, id, partitions } of topics) {
    const subscribers = members.filter(member => member.topics.has(name));
    if (subscribers.length === 0) continue;
    for (let partition = 0; partition < partitions.length; partition++) {
      const key = partitionKey(id, partition);
      nameOf.set(key, name);
      const keeper = subscribers.find(({ target }) => target.has(key));
      if (keeper !== undefined) assigned.get(keeper.memberId)!.add(key);
    }
  }
  const kept = new Set([...assigned.values()].flatMap(keys => [...keys]));
  for (const [key, name] of nameOf) {
    if (kept.has(key)) continue;
    const subscribers = members.filter(member => member.topics.has(name));
    const least = subscribers.reduce((best, member) => (loadOf(member) < loadOf(best) ? member : best));
    assigned.get(least.memberId)!.add(key);
  }
  for (let moved = true; moved;) {
    moved = false;
    for (const from of members) {
      const own = assigned.get(from.memberId)!;
      for (const key of [...own].reverse()) {
        const to = members.find(member => member.topics.has(nameOf.get(key)!) && loadOf(member) + 1 < own.size);
        if (to === undefined) continue;
        own.delete(key);
        assigned.get(to.memberId)!.add(key);
        moved = true;
      }
    }
  }
  return assigned;
}

/** Of each topic a range of neighbours for each subscriber, in the order of instance and member ids. */
function range(members: readonly AssignableMember[], topics: readonly AssignableTopic[]) {
  const assigned = new Map(members.map(({ memberId }) => [memberId, new Set<PartitionKey>()]));
  const order = (member: AssignableMember): string => member.instanceId ?? member.memberId;
  const sorted = [...members].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  for (const { name, id, partitions } of topics) {
    const subscribers = sorted.filter(member => member.topics.has(name));
    const share = Math.floor(partitions.length / subscribers.length);
    const extra = partitions.length % subscribers.length;
    let next = 0;
    subscribers.forEach(({ memberId }, index) => {
      for (const end = next + share + (index < extra ? 1 : 0); next < end; next++) {
        assigned.get(memberId)!.add(partitionKey(id, next));
      }
    });
  }
  return assigned;
}
