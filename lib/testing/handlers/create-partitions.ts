import type { DecodedRequestOf } from '../../protocol/api';
import type { CreatePartitions } from '../../protocol/apis/create-partitions';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';

/** Answers CreatePartitions: topics only grow. Where the new replicas go is the cluster's affair here. */
export const createPartitions: Handler<typeof CreatePartitions> = (request, context) => ({
  results: request.topics.map(asked => {
    const errorCode = context.errorFor(asked.name) || refusalOf(asked, context);
    if (errorCode === 0 && !request.validateOnly) context.cluster.createPartitions(asked.name, asked.count);
    return { name: asked.name, errorCode };
  }),
});

function refusalOf(
  { name, count }: DecodedRequestOf<typeof CreatePartitions>['topics'][number],
  { cluster }: RequestContext,
): number {
  const topic = cluster.topics.get(name);
  if (topic === undefined) return CODE.UNKNOWN_TOPIC_OR_PARTITION;
  return count > topic.partitions.length ? 0 : CODE.INVALID_PARTITIONS;
}
