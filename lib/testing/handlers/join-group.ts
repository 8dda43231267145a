import { map, takeUntil, type Observable } from 'rxjs';
import type { ResponseInputOf } from '../../protocol/api';
import type { JoinGroup } from '../../protocol/apis/join-group';
import { CODE } from '../error-codes';
import { refusedJoin, type JoinAnswer } from '../groups/classic-answers';
import type { Handler, RequestContext } from '../request-context';
import { groupError } from './coordination';

/** Kafka's defaults for `group.min.session.timeout.ms` and `group.max.session.timeout.ms`. */
const MIN_SESSION_TIMEOUT_MS = 6000;
const MAX_SESSION_TIMEOUT_MS = 1_800_000;

/** Answers JoinGroup when the round is over: once all members have come, or the slowest have used up the rebalance timeout. */
export const joinGroup: Handler<typeof JoinGroup> = (request, context) => {
  const { groupId, memberId, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  const { groups } = context.cluster;
  const errorCode =
    context.errorFor() ||
    groupError(context, groupId) ||
    (sessionTimeoutMs < MIN_SESSION_TIMEOUT_MS || sessionTimeoutMs > MAX_SESSION_TIMEOUT_MS
      ? CODE.INVALID_SESSION_TIMEOUT
      : 0) ||
    // A member of a group that is not there: its coordinator has forgotten it.
    (memberId !== '' && groups.get(groupId) === undefined ? CODE.UNKNOWN_MEMBER_ID : 0);
  if (errorCode !== 0) return inVersion(refusedJoin(errorCode, memberId), context);
  const group = groups.classic(groupId);
  if (group === undefined) return inVersion(refusedJoin(CODE.INCONSISTENT_GROUP_PROTOCOL, memberId), context);
  const answer: Observable<JoinAnswer> = group.join({
    ...request,
    clientId: context.clientId ?? '',
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    requiresKnownId: context.version >= 4,
    maySkipAssignment: context.version >= 9,
  });
  return answer.pipe(
    takeUntil(context.gone),
    map(joined => inVersion(joined, context)),
  );
};

/** Before v7 no protocol is an empty name. */
function inVersion(answer: JoinAnswer, { version }: RequestContext): ResponseInputOf<typeof JoinGroup> {
  return version >= 7 ? answer : { ...answer, protocolName: answer.protocolName ?? '' };
}
