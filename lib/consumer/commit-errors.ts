import { AuthenticationError, BrokerError } from '../errors';
import type { KafkaError } from '../errors';
import { brokerError, codeOf } from '../protocol/error-table';
import type { ErrorName } from '../protocol/error-table';
import type { TopicPartition } from '../types';
import { asGroupError } from './group/group-errors';
import type { GroupIdentity } from './group/membership';

const codes = (...names: ErrorName[]): ReadonlySet<number> => new Set(names.map(codeOf));

/** About who we are in the group: our generation is over, or a round is on. */
const OUTDATED = codes(
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'STALE_MEMBER_EPOCH',
  'FENCED_MEMBER_EPOCH',
  'GROUP_ID_NOT_FOUND',
);
const FENCED = codeOf('FENCED_INSTANCE_ID');
const REFUSALS = codes('GROUP_AUTHORIZATION_FAILED', 'TOPIC_AUTHORIZATION_FAILED', 'INVALID_GROUP_ID');

/** The error of one partition of a commit, made as this member, or (`undefined`) as nobody. */
export function commitError(
  code: number,
  { topic, partition }: TopicPartition,
  groupId: string,
  identity: GroupIdentity | undefined,
): KafkaError {
  const where = { api: 'OffsetCommit', topic, partition, message: `group ${groupId}` };
  if (identity === undefined && OUTDATED.has(code))
    return brokerError(code, {
      ...where,
      hint: 'The group has live members, and takes commits from them alone: give a consumer with assign() a groupId of its own, or subscribe() with it',
    });
  const error = brokerError(code, where);
  return code === FENCED && identity !== undefined
    ? (asGroupError(error, groupId, identity.groupInstanceId) as KafkaError)
    : error;
}

/** Whether what a member was refused may do in its next generation. */
export function isOutdated(error: unknown): boolean {
  return error instanceof BrokerError && OUTDATED.has(error.code);
}

/** What the membership has to hear of. */
export function doubtIn(error: unknown): BrokerError | undefined {
  const broker = error instanceof Error && !(error instanceof BrokerError) ? error.cause : error;
  return broker instanceof BrokerError && (broker.code === FENCED || OUTDATED.has(broker.code)) ? broker : undefined;
}

/** The group or a topic may not be used: no later commit would fare better. */
export function isForGood(error: unknown): boolean {
  return error instanceof AuthenticationError || (error instanceof BrokerError && REFUSALS.has(error.code));
}
