import type { Partition, Topic } from '../cluster-state';
import { CODE } from '../error-codes';
import type { RequestContext } from '../request-context';

/** A topic as a request names it: by name, or by id in the versions that have one. */
export function topicOf(context: RequestContext, name: string, id: string | undefined): Topic | undefined {
  return id === undefined ? context.cluster.topics.get(name) : context.cluster.topicById(id);
}

/** Why this broker cannot serve the partition, or 0. `epoch` is what the client believes, -1 = it does not say (KIP-320). */
export function leadershipError(context: RequestContext, partition: Partition, epoch = -1): number {
  if (partition.leader !== context.broker) return CODE.NOT_LEADER_OR_FOLLOWER;
  if (epoch < 0 || epoch === partition.leaderEpoch) return 0;
  return epoch < partition.leaderEpoch ? CODE.FENCED_LEADER_EPOCH : CODE.UNKNOWN_LEADER_EPOCH;
}

/** The hint that goes with an error of leadership (KIP-951): who leads, and where that broker is. */
export class LeaderHints {
  private readonly leaders = new Set<number>();

  constructor(private readonly context: RequestContext) {}

  /** The `currentLeader` of a partition's answer. */
  hint(errorCode: number, partition: Partition | undefined) {
    if (errorCode !== CODE.NOT_LEADER_OR_FOLLOWER && errorCode !== CODE.FENCED_LEADER_EPOCH) return undefined;
    if (partition === undefined || partition.leader < 0) return undefined;
    this.leaders.add(partition.leader);
    return { leaderId: partition.leader, leaderEpoch: partition.leaderEpoch };
  }

  /** The `nodeEndpoints` of the response: the brokers that the hints name. */
  endpoints() {
    return [...this.leaders].map(nodeId => ({ nodeId, ...this.context.endpointOf(nodeId) }));
  }
}
