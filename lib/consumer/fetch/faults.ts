import { ZERO_ID } from '../../cluster/metadata';
import { backoffMs, reactionTo, retryPauseMs } from '../../cluster/retry';
import { DecodeError } from '../../errors';
import type { BrokerError } from '../../errors';
import { brokerError, codeOf } from '../../protocol/error-table';
import { mayPass } from '../may-pass';
import type { PartitionState } from '../partition-state';
import type { FetchedPartition } from './arrivals';
import type { FetchContext } from './fetch-context';
import { leaderOf } from '../../cluster/leader-of';

const OFFSET_OUT_OF_RANGE = codeOf('OFFSET_OUT_OF_RANGE');
const CORRUPT_MESSAGE = codeOf('CORRUPT_MESSAGE');

/** Retries pass over a leader election silently; a partition that stays away this often in a row is worth an event. */
const ATTEMPTS_UNTIL_EVENT = 2;

/** A log that cannot be read seldom heals by itself, and each try ends a view: the pauses grow to so many times the longest one of other faults. */
const LONGEST_BACKOFFS = 10;

/**
 * One partition could not be read or placed. A fault that may pass sets it, and it alone, back; its position stays. The
 * metadata is refreshed where they may be the reason. All else is fatal for the view. `failedAt`: the broker that answered [the
 * leader as far as known]; its answer may have named the next one already.
 */
export function setBack(context: FetchContext, state: PartitionState, error: unknown, failedAt?: number): void {
  const { cluster } = context;
  if (!mayPass(error)) return context.fatal(error);
  if (reactionTo(error) === 'refresh') cluster.refresh();
  const leader = leaderOf(cluster.metadata, state);
  state.attempts++;
  state.failedAt = failedAt ?? (typeof leader === 'number' ? leader : -1);
  state.retryAt = cluster.runtime.scheduler.now() + retryPauseMs(cluster, state.attempts);
  if (state.unavailable || state.attempts < ATTEMPTS_UNTIL_EVENT) return;
  state.unavailable = true;
  cluster.emit({ type: 'partition-unavailable', partition: { topic: state.topic, partition: state.partition }, error });
}

/** What a partition brought cannot be read. The view hears of it in turn, when everything that came before is delivered. */
export function onSpoilt(state: PartitionState, error: DecodeError): void {
  state.spoilt = true;
  state.delivery?.push([error]);
}

/**
 * The view is about to error for a partition that cannot be read. The next one leaves it alone for a while, each time twice as long, so that
 * a pipeline with `retry` goes on with the others; a seek tries at once.
 */
export function suspect(context: FetchContext, state: PartitionState): void {
  const { runtime, options } = context.cluster;
  const offset = state.delivery?.position ?? state.offset;
  const times = state.suspect?.offset === offset ? state.suspect.times + 1 : 1;
  const backoff = { baseMs: options.retryBackoffMs, maxMs: LONGEST_BACKOFFS * options.retryBackoffMaxMs };
  state.suspect = { offset, times, until: runtime.scheduler.now() + backoffMs(times, backoff, runtime.random) };
}

/** A partition's error code in a Fetch response of broker `nodeId`. */
export function onFetchError(
  context: FetchContext,
  state: PartitionState,
  fetched: FetchedPartition,
  nodeId: number,
): void {
  const { outOfRange } = context.options;
  const { topic, partition, offset } = state;
  const code = fetched.errorCode;
  if (code === CORRUPT_MESSAGE)
    return onSpoilt(
      state,
      new DecodeError(
        `The broker found the log of ${topic}-${partition} corrupt at offset ${offset}; seek past it, or restore the log`,
        { position: 0, api: 'Fetch', topic, partition, offset },
      ),
    );
  if (code !== OFFSET_OUT_OF_RANGE)
    return setBack(context, state, brokerError(code, { api: 'Fetch', topic, partition }), nodeId);
  // A broker that has never heard of the epoch says the same (KIP-320), which does not mean that the offset is not there.
  if (state.lastFetchedEpoch >= 0) {
    state.lastFetchedEpoch = -1;
    return;
  }
  if (outOfRange === 'error') return context.fatal(notInLog(state, `offset ${offset} is not in the log`));
  state.outOfRange(outOfRange);
}

/**
 * A broker knows the topic by another id than the one that the position comes from (KIP-516): it was deleted and created again. That the
 * metadata say so is not enough, since a broker that lags behind still tells the old id; it then refuses to read by it.
 */
export function isRecreated(state: PartitionState, topicId: string, { errorCode }: FetchedPartition): boolean {
  if (topicId === ZERO_ID || (errorCode !== 0 && errorCode !== OFFSET_OUT_OF_RANGE)) return false;
  state.topicId ??= topicId;
  return state.topicId !== topicId;
}

/** The position means nothing in the new log; nor does what is delivered of the old one. */
export function onRecreated(context: FetchContext, state: PartitionState): void {
  const { outOfRange } = context.options;
  if (outOfRange === 'error') return context.fatal(notInLog(state, 'the topic was deleted and created again'));
  state.outOfRange(outOfRange);
}

/** The log ends before the position since another broker leads it (KIP-320, KIP-595): what was read from there on is gone. */
export function onTruncated(context: FetchContext, state: PartitionState, end: bigint): void {
  if (context.options.outOfRange === 'error')
    return context.fatal(
      notInLog(state, `the log was truncated to offset ${end}, behind the position ${state.offset}`),
    );
  const from = state.offset;
  const to = end < from ? end : from;
  context.truncate(state, to);
  context.cluster.emit({
    type: 'offset-reset',
    partition: { topic: state.topic, partition: state.partition },
    from,
    to,
  });
}

function notInLog({ topic, partition }: PartitionState, message: string): BrokerError {
  return brokerError(OFFSET_OUT_OF_RANGE, {
    api: 'Fetch',
    topic,
    partition,
    message,
    hint: "outOfRange is 'error': seek(), or choose 'earliest' or 'latest'",
  });
}
