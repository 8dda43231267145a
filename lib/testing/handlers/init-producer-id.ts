import type { InitProducerId } from '../../protocol/apis/init-producer-id';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';

/** Answers InitProducerId: a fresh id for idempotence, or the next epoch of a transactional id, which fences the producer that had it. */
export const initProducerId: Handler<typeof InitProducerId> = (request, context) => {
  const errorCode = context.errorFor() || transactionError(request.transactionalId, context);
  if (errorCode !== 0) return { errorCode, producerEpoch: -1 };
  const { producers } = context.cluster;
  // Without a transactional id Kafka gives a fresh id whatever the producer had before.
  if (request.transactionalId === null) return { errorCode, ...producers.fresh() };
  const bumped = producers.bump(request.transactionalId, request);
  if (bumped !== undefined) return { errorCode, ...bumped };
  return { errorCode: context.version >= 4 ? CODE.PRODUCER_FENCED : CODE.INVALID_PRODUCER_EPOCH, producerEpoch: -1 };
};

function transactionError(id: string | null, context: RequestContext): number {
  if (id === null) return 0;
  if (id === '') return CODE.INVALID_REQUEST;
  return context.cluster.coordinator('transaction', id) === context.broker ? 0 : CODE.NOT_COORDINATOR;
}
