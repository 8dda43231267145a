import type { ObservableInput } from 'rxjs';
import { checkNumber, checkOneOf, checkOptions, defined } from '../options';
import type { Decoder, Position, TopicPartition } from '../types';
import type { Assignor, GroupAssignor } from './group/assignors/assignor';
import { checkAssignors } from './group/check-assignors';

/** Options of a consumer. */
export interface ConsumerOptions {
  /** The group whose offsets are committed and read, and which `subscribe` joins (`group.id`). Without it nothing is committed. */
  readonly groupId?: string;
  /** Makes this a static member: one that comes back within the session finds its partitions again, without a rebalance (`group.instance.id`, KIP-345). */
  readonly groupInstanceId?: string;
  /** How the group is run (`group.protocol`): `classic`, where a member assigns, or `consumer`, where the broker does (KIP-848). [classic] */
  readonly groupProtocol?: 'classic' | 'consumer';
  /** Who gets which partitions, in the order of preference; rebalances are cooperative if all of them are (`partition.assignment.strategy`). [cooperativeSticky] */
  readonly assignors?: readonly Assignor[];
  /** A member that is not heard of for so long is taken for dead (`session.timeout.ms`). With `groupProtocol: 'consumer'` the broker says. [45 000] */
  readonly sessionTimeoutMs?: number;
  /** `heartbeat.interval.ms`. With `groupProtocol: 'consumer'` the broker says. [3 000] */
  readonly heartbeatIntervalMs?: number;
  /** How long a rebalance waits for a member to give up its partitions (`max.poll.interval.ms` in its second role). [60 000] */
  readonly rebalanceTimeoutMs?: number;
  /** A member stays in its group for so long after the last view has ended; a view within that time causes no rebalance. [5 000] */
  readonly idleLeaveMs?: number;
  /** Where to start without a committed offset (`auto.offset.reset`). [latest; partitions that appear later: earliest] */
  readonly offsetReset?: 'earliest' | 'latest' | 'error';
  /** Where to go on when the position fell out of the log, or the topic was created again; always an `offset-reset` event. [earliest] */
  readonly outOfRange?: 'earliest' | 'latest' | 'error';
  /** `isolation.level` [read_committed] */
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  /** `auto`: acked as `next` returns, unless an operator claimed the record. [manual with `groupId`, else auto] */
  readonly ack?: 'manual' | 'auto';
  /** How many un-acked records, and bytes of them, may be out; `ackAhead` = how far acks of one partition may run ahead of its oldest un-acked record. [1 000, 32 MiB, 8 192] */
  readonly window?: { readonly records?: number; readonly bytes?: number; readonly ackAhead?: number };
  /**
   * What is fetched ahead. `bufferBytes`: all fetched and not yet delivered, requests under way included; `maxBytes`: one response
   * (`fetch.max.bytes`); `partitionBytes`: one partition in it (`max.partition.fetch.bytes`); `minBytes` and `maxWaitMs`: how long a
   * broker collects (`fetch.min.bytes`, `fetch.max.wait.ms`). [64 MiB, 16 MiB, 1 MiB, 1, 500]
   */
  readonly fetch?: {
    readonly bufferBytes?: number;
    readonly maxBytes?: number;
    readonly partitionBytes?: number;
    readonly minBytes?: number;
    readonly maxWaitMs?: number;
  };
  /** `manual`: only `commit()` commits. Else what was acked is committed each `everyMs`, or once offsets have moved by `everyRecords` (`auto.commit.interval.ms`). [every 5 s] */
  readonly commit?: 'manual' | { readonly everyMs?: number; readonly everyRecords?: number };
  /** How long giving up partitions, and `close`, wait for records in flight. [30 000, but at most half of `rebalanceTimeoutMs`] */
  readonly drainMs?: number;
  /** Positions from a store of your own, asked before the first fetch of newly assigned partitions that were given no `offset`. */
  readonly startAt?: (
    partitions: readonly TopicPartition[],
  ) => ObservableInput<readonly (TopicPartition & { readonly offset: Position })[]>;
  /**
   * `warnMs`: the window is full and not one record settled for this long: a `stalled` event and one process warning. `errorMs`, for members
   * of a group: records are un-acked, released ones aside, and not one settled: the view errors with `StalledError` and the
   * member leaves, so that its partitions go to one that is alive (`max.poll.interval.ms`). [10 000, 300 000]
   */
  readonly stall?: { readonly warnMs?: number; readonly errorMs?: number };
  /** Makes `record.key` of its bytes. [the bytes] */
  readonly key?: Decoder<any>;
  /** Makes `record.value` of its bytes. [the bytes] */
  readonly value?: Decoder<any>;
}

/** `ConsumerOptions` with every default filled in and checked. */
export interface ResolvedConsumerOptions {
  readonly groupId: string | undefined;
  readonly groupInstanceId: string | null;
  readonly groupProtocol: 'classic' | 'consumer';
  readonly assignors: readonly GroupAssignor[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly idleLeaveMs: number;
  readonly offsetReset: 'earliest' | 'latest' | 'error';
  /** The same for partitions that appear after the subscription: their first records are new. */
  readonly offsetResetOfNew: 'earliest' | 'latest' | 'error';
  readonly outOfRange: 'earliest' | 'latest' | 'error';
  readonly isolation: 'read_committed' | 'read_uncommitted';
  readonly ack: 'manual' | 'auto';
  readonly window: { readonly records: number; readonly bytes: number; readonly ackAhead: number };
  readonly fetch: {
    readonly bufferBytes: number;
    readonly maxBytes: number;
    readonly partitionBytes: number;
    readonly minBytes: number;
    readonly maxWaitMs: number;
  };
  /** `undefined` = manual. `everyRecords` is `Infinity` when not asked for. */
  readonly commit: { readonly everyMs: number; readonly everyRecords: number } | undefined;
  readonly drainMs: number;
  readonly startAt: ConsumerOptions['startAt'];
  readonly stall: { readonly warnMs: number; readonly errorMs: number };
  readonly key: Decoder<any> | undefined;
  readonly value: Decoder<any> | undefined;
}

const MIB = 1024 * 1024;

/** The defaults of a consumer. `ack` depends on `groupId`. */
export const CONSUMER_DEFAULTS = Object.freeze({
  groupProtocol: 'classic',
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 3_000,
  rebalanceTimeoutMs: 60_000,
  idleLeaveMs: 5_000,
  offsetReset: 'latest',
  outOfRange: 'earliest',
  isolation: 'read_committed',
  window: Object.freeze({ records: 1_000, bytes: 32 * MIB, ackAhead: 8_192 }),
  fetch: Object.freeze({ bufferBytes: 64 * MIB, maxBytes: 16 * MIB, partitionBytes: MIB, minBytes: 1, maxWaitMs: 500 }),
  commit: Object.freeze({ everyMs: 5_000, everyRecords: Infinity }),
  drainMs: 30_000,
  stall: Object.freeze({ warnMs: 10_000, errorMs: 300_000 }),
} as const);

const KNOWN = [
  ...Object.keys(CONSUMER_DEFAULTS),
  'groupId',
  'groupInstanceId',
  'assignors',
  'ack',
  'startAt',
  'key',
  'value',
];
const WHAT = 'consumer';
const INT32 = 2 ** 31 - 1;

/** Fills in the defaults of a consumer; throws `TypeError` or `RangeError` that names the option. */
export function resolveConsumerOptions(given: ConsumerOptions = {}): ResolvedConsumerOptions {
  checkOptions(WHAT, given, KNOWN);
  for (const name of ['groupId', 'groupInstanceId'] as const)
    if (given[name] !== undefined && (typeof given[name] !== 'string' || given[name] === ''))
      throw new TypeError(`${WHAT}: option "${name}" must be a non-empty string`);
  checkOneOf(WHAT, 'groupProtocol', given.groupProtocol, ['classic', 'consumer']);
  for (const name of ['sessionTimeoutMs', 'heartbeatIntervalMs', 'rebalanceTimeoutMs'] as const)
    checkNumber(WHAT, name, given[name], { min: 1, max: INT32 });
  checkNumber(WHAT, 'idleLeaveMs', given.idleLeaveMs, { min: 0, max: INT32 });
  const heartbeatIntervalMs = given.heartbeatIntervalMs ?? CONSUMER_DEFAULTS.heartbeatIntervalMs;
  const sessionTimeoutMs = given.sessionTimeoutMs ?? CONSUMER_DEFAULTS.sessionTimeoutMs;
  if (heartbeatIntervalMs >= sessionTimeoutMs)
    throw new RangeError(
      `${WHAT}: option "heartbeatIntervalMs" must be below "sessionTimeoutMs" (${sessionTimeoutMs}), best a third of it, not ${heartbeatIntervalMs}`,
    );
  const rebalanceTimeoutMs = given.rebalanceTimeoutMs ?? CONSUMER_DEFAULTS.rebalanceTimeoutMs;
  checkOneOf(WHAT, 'offsetReset', given.offsetReset, ['earliest', 'latest', 'error']);
  checkOneOf(WHAT, 'outOfRange', given.outOfRange, ['earliest', 'latest', 'error']);
  checkOneOf(WHAT, 'isolation', given.isolation, ['read_committed', 'read_uncommitted']);
  checkOneOf(WHAT, 'ack', given.ack, ['manual', 'auto']);
  checkNumber(WHAT, 'drainMs', given.drainMs, { min: 0 });
  if (given.startAt !== undefined && typeof given.startAt !== 'function')
    throw new TypeError(`${WHAT}: option "startAt" must be a function`);
  for (const name of ['key', 'value'] as const) {
    const decoder: unknown = given[name];
    if (decoder !== undefined && typeof (decoder as Partial<Decoder<unknown>>)?.decode !== 'function')
      throw new TypeError(`${WHAT}: option "${name}" must have a decode method, as utf8 and json() have`);
  }
  const window = numbers('window', given.window, CONSUMER_DEFAULTS.window, { records: 1, bytes: 1, ackAhead: 1 });
  const fetch = numbers('fetch', given.fetch, CONSUMER_DEFAULTS.fetch, {
    bufferBytes: 1,
    maxBytes: 1,
    partitionBytes: 1,
    minBytes: 0,
    maxWaitMs: 0,
  });
  const commit =
    given.commit === 'manual'
      ? undefined
      : numbers('commit', given.commit, CONSUMER_DEFAULTS.commit, { everyMs: 1, everyRecords: 1 });
  return Object.freeze({
    groupId: given.groupId,
    groupInstanceId: given.groupInstanceId ?? null,
    groupProtocol: given.groupProtocol ?? CONSUMER_DEFAULTS.groupProtocol,
    assignors: checkAssignors(given.assignors),
    sessionTimeoutMs,
    heartbeatIntervalMs,
    rebalanceTimeoutMs,
    idleLeaveMs: given.idleLeaveMs ?? CONSUMER_DEFAULTS.idleLeaveMs,
    offsetReset: given.offsetReset ?? CONSUMER_DEFAULTS.offsetReset,
    offsetResetOfNew: given.offsetReset ?? 'earliest',
    outOfRange: given.outOfRange ?? CONSUMER_DEFAULTS.outOfRange,
    isolation: given.isolation ?? CONSUMER_DEFAULTS.isolation,
    ack: given.ack ?? (given.groupId === undefined ? 'auto' : 'manual'),
    window,
    fetch,
    commit,
    drainMs: given.drainMs ?? Math.min(CONSUMER_DEFAULTS.drainMs, rebalanceTimeoutMs / 2),
    startAt: given.startAt,
    stall: numbers('stall', given.stall, CONSUMER_DEFAULTS.stall, { warnMs: 1, errorMs: 1 }),
    key: given.key,
    value: given.value,
  });
}

/** A group of numeric options: unknown names and numbers out of range throw, the rest is filled in. */
function numbers<N extends string>(
  name: string,
  given: { readonly [K in N]?: number | undefined } | undefined,
  defaults: Readonly<Record<N, number>>,
  least: Readonly<Record<N, number>>,
): Readonly<Record<N, number>> {
  if (given === undefined) return defaults;
  checkOptions(`${WHAT}: option "${name}"`, given, Object.keys(defaults));
  for (const key of Object.keys(defaults) as N[]) {
    const unbounded = defaults[key] === Infinity && given[key] === Infinity;
    if (!unbounded) checkNumber(WHAT, `${name}.${key}`, given[key], { min: least[key], max: INT32 });
  }
  return Object.freeze({ ...defaults, ...defined(given) });
}
