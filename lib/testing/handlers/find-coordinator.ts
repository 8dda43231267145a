import type { FindCoordinator } from '../../protocol/apis/find-coordinator';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';

const KINDS = ['group', 'transaction'] as const;

/** Answers FindCoordinator: one key to v3, several from v4 on. */
export const findCoordinator: Handler<typeof FindCoordinator> = (request, context) => {
  if (context.version < 4) return locate(request.keyType, request.key, context);
  return {
    coordinators: request.coordinatorKeys.map(key => ({ key, ...locate(request.keyType, key, context) })),
  };
};

function locate(keyType: number, key: string, context: RequestContext) {
  const kind = KINDS[keyType];
  const nodeId = kind === undefined ? -1 : context.cluster.coordinator(kind, key);
  const errorCode =
    context.errorFor() ||
    (kind === undefined ? CODE.INVALID_REQUEST : 0) ||
    (key === '' && kind === 'group' ? CODE.INVALID_GROUP_ID : 0) ||
    (nodeId < 0 ? CODE.COORDINATOR_NOT_AVAILABLE : 0);
  const endpoint = errorCode === 0 ? { nodeId, ...context.endpointOf(nodeId) } : { nodeId: -1, host: '', port: -1 };
  return { ...endpoint, errorCode, errorMessage: null };
}
