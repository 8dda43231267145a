import type { DescribeCluster } from '../../protocol/apis/describe-cluster';
import type { Handler } from '../request-context';

/** Answers DescribeCluster: who is up. */
export const describeCluster: Handler<typeof DescribeCluster> = (_request, context) => {
  const { cluster } = context;
  return {
    errorCode: context.errorFor(),
    clusterId: cluster.clusterId,
    controllerId: cluster.controllerId,
    brokers: cluster.liveBrokers.map(brokerId => ({
      brokerId,
      ...context.endpointOf(brokerId),
      rack: cluster.rackOf(brokerId),
    })),
  };
};
