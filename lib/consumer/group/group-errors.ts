import { isRetriable } from '../../cluster/retry';
import { BrokerError, FencedError, UnsupportedVersionError } from '../../errors';
import { codeOf } from '../../protocol/error-table';

/**
 * What an error of a group request means for the member.
 * - `retry`: nothing is wrong with us; the same again.
 * - `rejoin`: a round is on, take part.
 * - `stale`: our generation is over, and our partitions are others'; the member id is still good.
 * - `unknown`: the group does not know us any more: as `stale`, and a new id is needed.
 * - `wait`: another has our place, perhaps our former self: the same again, but not for ever.
 * - `fatal`: asking again would not help.
 */
export type GroupReaction = 'retry' | 'rejoin' | 'stale' | 'unknown' | 'wait' | 'fatal';

const REACTIONS: ReadonlyMap<number, GroupReaction> = new Map(
  (
    [
      ['REBALANCE_IN_PROGRESS', 'rejoin'],
      ['MEMBER_ID_REQUIRED', 'rejoin'],
      ['ILLEGAL_GENERATION', 'stale'],
      ['UNKNOWN_MEMBER_ID', 'unknown'],
      // Of the newer protocol: the coordinator has fenced us; we come back with epoch 0 and the same id.
      ['FENCED_MEMBER_EPOCH', 'stale'],
      ['STALE_MEMBER_EPOCH', 'retry'],
      // The group was deleted, or turned into one of the other protocol, under us.
      ['GROUP_ID_NOT_FOUND', 'stale'],
      // Of the newer protocol: a static member that died is not let go of before its session has ended.
      ['UNRELEASED_INSTANCE_ID', 'wait'],
      ['UNKNOWN_SERVER_ERROR', 'retry'],
    ] as const
  ).map(([name, reaction]) => [codeOf(name), reaction]),
);

/** The reaction to whatever a group request can error with. */
export function groupReaction(error: unknown): GroupReaction {
  if (error instanceof BrokerError) {
    const known = REACTIONS.get(error.code);
    if (known !== undefined) return known;
  }
  return isRetriable(error) ? 'retry' : 'fatal';
}

const FENCED: ReadonlySet<number> = new Set([codeOf('FENCED_INSTANCE_ID'), codeOf('UNRELEASED_INSTANCE_ID')]);

const UNSUPPORTED_VERSION = codeOf('UNSUPPORTED_VERSION');

/** The error that the application sees: being fenced has a type of its own, and so has a protocol that is not spoken. */
export function asGroupError(error: unknown, groupId: string, groupInstanceId: string | null): unknown {
  const isBroker = error instanceof BrokerError;
  if (error instanceof UnsupportedVersionError || (isBroker && error.code === UNSUPPORTED_VERSION))
    return new UnsupportedVersionError(
      `group ${groupId}: the brokers do not speak the group protocol that was asked for; groupProtocol 'consumer' needs Kafka 4.0, 'classic' works with all`,
      { cause: error },
    );
  if (!isBroker || !FENCED.has(error.code)) return error;
  return new FencedError(
    `group ${groupId}: another member has the groupInstanceId ${groupInstanceId}; give each process one of its own`,
    { cause: error },
  );
}
