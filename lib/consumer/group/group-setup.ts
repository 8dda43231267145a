import type { Cluster } from '../../cluster/cluster';
import type { ResolvedConsumerOptions } from '../options';
import type { GroupSetup } from '../ownership';
import { ClassicMembership } from './classic-membership';
import { ConsumerMembership } from './consumer-membership';
import { Rebalances } from './rebalances';

/** How a consumer with these options takes part in its group; `undefined` = it has none. */
export function groupSetup(
  cluster: Cluster,
  owner: string,
  options: ResolvedConsumerOptions,
  fatal: (error: unknown) => void,
): GroupSetup | undefined {
  const { groupId, rebalanceTimeoutMs } = options;
  if (groupId === undefined) return undefined;
  const { runtime, emit } = cluster;
  return {
    member: host =>
      options.groupProtocol === 'consumer'
        ? new ConsumerMembership({ ...options, cluster, owner, groupId }, host)
        : new ClassicMembership({ ...options, cluster, owner, groupId }, host),
    rebalances: new Rebalances({ runtime, groupId, emit, fatal }),
    rebalanceTimeoutMs,
  };
}
