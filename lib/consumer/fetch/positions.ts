import { catchError, defaultIfEmpty, defer, from, map, merge, mergeMap, of, take } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../../cluster/cluster';
import { InvalidStateError } from '../../errors';
import type { Position } from '../../types';
import { committedOffsets } from '../committed-offsets';
import type { GroupIdentity } from '../group/membership';
import { mayPass } from '../may-pass';
import type { ResolvedConsumerOptions } from '../options';
import { partitionKey } from '../partition-state';
import type { PartitionState } from '../partition-state';
import { leaderOf } from '../../cluster/leader-of';
import { listOffsetsOf } from '../../cluster/list-offsets';
import type { LogPlace, OffsetAnswer, OffsetQuery } from '../../cluster/list-offsets';

/** Where to begin or end a partition, to be turned into an offset. */
export interface Wish {
  readonly state: PartitionState;
  /** The state's `turn` when it was asked: an answer to a position that was left meanwhile does not count. */
  readonly turn: number;
  readonly what: 'from' | 'until';
  /** `undefined` = not said: ask `startAt`, else the group, else the reset policy. */
  readonly at: Position | undefined;
}

/** A wish come true, or why not yet. */
export type WishAnswer = OffsetAnswer<Wish> & {
  /** Of the record before, as it was committed; -1 = unknown. */
  readonly leaderEpoch?: number;
};

/** What resolving needs to know. */
export interface PositionContext {
  readonly cluster: Cluster;
  /** Whose connections to use. */
  readonly owner: string;
  readonly options: ResolvedConsumerOptions;
  /** Who we are in the group, as a member of it. */
  readonly identity?: () => GroupIdentity | undefined;
}

interface Placed {
  readonly wish: Wish;
  readonly at: Position;
}

/**
 * Turns positions into offsets: `startAt` first, then the group's commits, then the leaders, each asked once for all of its
 * partitions and none waiting for another. Emits answers as they come; what may succeed later is an answer with an error, so
 * that one partition without a leader holds nobody up. Errors with what no retry can change: a refusal, `startAt`'s own
 * error, or nothing committed under `offsetReset: 'error'`.
 */
export function resolvePositions(context: PositionContext, wishes: readonly Wish[]): Observable<readonly WishAnswer[]> {
  return askStartAt(context, wishes).pipe(
    mergeMap(placed => {
      const known = placed.flatMap(({ wish, at }) => (typeof at === 'bigint' ? [{ tag: wish, offset: at }] : []));
      const committed = placed.flatMap(({ wish, at }) => (at === 'committed' ? [wish] : []));
      const places = placed.flatMap(({ wish, at }) =>
        typeof at === 'bigint' || at === 'committed' ? [] : [query(wish, at)],
      );
      return merge(
        known.length > 0 ? of(known) : of<readonly WishAnswer[]>(),
        committed.length > 0 ? askGroup(context, committed) : of<readonly WishAnswer[]>(),
        askLeaders(context, places),
      );
    }),
  );
}

/** Positions from the application's own store, for partitions that were given none. */
function askStartAt({ options }: PositionContext, wishes: readonly Wish[]): Observable<readonly Placed[]> {
  const { startAt, groupId } = options;
  const open = wishes.filter(wish => wish.at === undefined);
  const fallback = (wish: Wish): Placed => ({ wish, at: groupId === undefined ? resetOf(options, wish) : 'committed' });
  if (startAt === undefined || open.length === 0)
    return defer(() => of(wishes.map(wish => (wish.at === undefined ? fallback(wish) : { wish, at: wish.at }))));
  return defer(() => from(startAt(open.map(({ state: { topic, partition } }) => ({ topic, partition }))))).pipe(
    take(1),
    defaultIfEmpty([]),
    map(answers => {
      const found = new Map(answers.map(answer => [partitionKey(answer), answer.offset]));
      return wishes.map(wish => {
        const at = wish.at ?? found.get(wish.state.key);
        return at === undefined ? fallback(wish) : { wish, at };
      });
    }),
  );
}

/** Committed offsets; where there is none, the reset policy. */
function askGroup(context: PositionContext, wishes: readonly Wish[]): Observable<readonly WishAnswer[]> {
  const { cluster, owner, options } = context;
  const { groupId } = options;
  const reset = (unset: readonly Wish[]) =>
    askLeaders(
      context,
      unset.map(wish => query(wish, resetOf(options, wish))),
    );
  if (groupId === undefined) return defer(() => reset(wishes));
  return committedOffsets(
    cluster,
    owner,
    groupId,
    wishes.map(wish => wish.state),
    context.identity?.(),
  ).pipe(
    mergeMap(answers => {
      const known = answers.flatMap((answer, i): WishAnswer[] =>
        'offset' in answer && answer.offset < 0n ? [] : [{ ...answer, tag: wishes[i]! }],
      );
      const unset = wishes.filter((_, i) => 'offset' in answers[i]! && answers[i].offset < 0n);
      return merge(of(known), reset(unset));
    }),
    catchError((error: unknown) => {
      if (!mayPass(error)) throw error;
      return of(wishes.map(tag => ({ tag, error })));
    }),
  );
}

function askLeaders(
  context: PositionContext,
  queries: readonly OffsetQuery<Wish>[],
): Observable<readonly WishAnswer[]> {
  const { cluster, options } = context;
  const unknown: WishAnswer[] = [];
  // Keyed by what is asked too: a request that names a partition twice is refused.
  const groups = new Map<string, { leader: number; queries: OffsetQuery<Wish>[] }>();
  for (const one of queries) {
    const leader = leaderOf(cluster.metadata, one.tag.state);
    if (typeof leader !== 'number') {
      unknown.push({ tag: one.tag, error: leader });
      continue;
    }
    const key = `${leader} ${one.tag.what}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { leader, queries: [one] });
    else group.queries.push(one);
  }
  return merge(
    unknown.length > 0 ? of(unknown) : of<readonly WishAnswer[]>(),
    ...[...groups.values()].map(group =>
      listOffsetsOf(cluster, group.leader, options.isolation, group.queries).pipe(
        mergeMap(answers => {
          // No record is that late: the end of the log, which only another question tells.
          const late = answers.filter(answer => 'offset' in answer && answer.offset < 0n);
          const found = answers.filter(answer => !('offset' in answer) || answer.offset >= 0n);
          return merge(
            of(found),
            askLeaders(
              context,
              late.map(({ tag }) => query(tag, 'latest')),
            ),
          );
        }),
      ),
    ),
  );
}

const query = (tag: Wish, at: LogPlace): OffsetQuery<Wish> => ({
  tag,
  at,
  topic: tag.state.topic,
  partition: tag.state.partition,
});

function resetOf(options: ResolvedConsumerOptions, { state }: Wish): 'earliest' | 'latest' {
  const policy = state.appearedLater ? options.offsetResetOfNew : options.offsetReset;
  if (policy !== 'error') return policy;
  const where =
    options.groupId === undefined
      ? 'without a groupId no offset is committed'
      : `group ${options.groupId} has no committed offset`;
  throw new InvalidStateError(
    `${state.topic}-${state.partition}: ${where}, and offsetReset is 'error'; commit one, give assign() an offset, or choose 'earliest' or 'latest'`,
  );
}
