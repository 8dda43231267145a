import * as fc from 'fast-check';
import type { Position } from '../../../lib/types';

/** What there is to read: `late` is created by a move, and `orders` grows by one. */
export const TOPICS = { orders: 2, stock: 2 } as const;
/** The topic that is not there at first. */
export const LATE = 'late';
/** How many brokers. */
export const BROKERS = 2;

/** A partition as a move names it. */
export interface Wanted {
  readonly topic: string;
  readonly partition: number;
  readonly offset?: Position;
  readonly until?: Position;
}

/** What happens to the records that come. */
export type Acking = 'ack' | 'hold' | 'slow' | 'nack';

/** One thing that the application, another member, or the cluster does. An `index` picks from what there is at the time. */
export type Move =
  | { readonly type: 'subscribe'; readonly topics: readonly string[] | RegExp }
  | { readonly type: 'assign'; readonly partitions: readonly Wanted[] }
  | { readonly type: 'unsubscribe' | 'commit' | 'close' }
  | { readonly type: 'seek'; readonly index: number; readonly to: number | 'earliest' | 'latest' | 'committed' }
  | { readonly type: 'pause' | 'resume'; readonly index: number }
  | { readonly type: 'view'; readonly to: 'open' | 'closed' | 'opened again' }
  | { readonly type: 'acking'; readonly how: Acking }
  | { readonly type: 'settle'; readonly index: number; readonly how: 'ack' | 'nack' | 'all' }
  | { readonly type: 'append'; readonly index: number; readonly count: number }
  | { readonly type: 'rebalance' | 'join' | 'leave' | 'kill' | 'create' | 'grow' }
  | { readonly type: 'cut' | 'move coordinator'; readonly broker: number }
  | { readonly type: 'move leader'; readonly index: number; readonly broker: number }
  | { readonly type: 'fault'; readonly api: string; readonly effect: 'late' | 'unanswered' | 'NOT_COORDINATOR' };

/** A move, so long after the one before; or `inside` the `next` of the first record from then on. */
export interface Step {
  readonly afterMs: number;
  readonly inside: boolean;
  readonly move: Move;
}

const position = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 6 }).map(BigInt) },
  { weight: 2, arbitrary: fc.constantFrom<Position>('earliest', 'latest', 'committed') },
);
const wanted = fc
  .record({
    place: fc.constantFrom(['orders', 0], ['orders', 1], ['stock', 0], ['stock', 1], ['late', 0], ['orders', 2]),
    offset: fc.option(position, { nil: undefined, freq: 2 }),
    until: fc.option(fc.oneof(fc.integer({ min: 1, max: 8 }).map(BigInt), fc.constant<Position>('latest')), {
      nil: undefined,
      freq: 5,
    }),
  })
  .map(({ place, offset, until }): Wanted => ({
    topic: place[0] as string,
    partition: place[1] as number,
    ...(offset === undefined ? {} : { offset }),
    ...(until === undefined ? {} : { until }),
  }));
const index = fc.nat({ max: 7 });
const broker = fc.integer({ min: 1, max: BROKERS });

const move = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('subscribe' as const),
      topics: fc.constantFrom<readonly string[] | RegExp>(
        ['orders'],
        ['orders', 'stock'],
        ['stock', LATE],
        /^(orders|stock)$/,
        /^(stock|late)$/,
      ),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('assign' as const),
      partitions: fc.uniqueArray(wanted, { maxLength: 4, selector: one => `${one.topic}-${one.partition}` }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('unsubscribe' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('commit' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('seek' as const),
      index,
      to: fc.oneof(fc.nat({ max: 8 }), fc.constantFrom('earliest' as const, 'latest' as const, 'committed' as const)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('pause' as const, 'resume' as const), index }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('view' as const),
      to: fc.constantFrom('open' as const, 'closed' as const, 'opened again' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('acking' as const),
      how: fc.constantFrom<Acking>('ack', 'hold', 'slow', 'nack'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('settle' as const),
      index,
      how: fc.constantFrom('ack' as const, 'nack' as const, 'all' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('append' as const), index, count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constantFrom('rebalance' as const, 'join' as const, 'leave' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('kill' as const, 'create' as const, 'grow' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom('cut' as const, 'move coordinator' as const), broker }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('move leader' as const), index, broker }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('fault' as const),
      api: fc.constantFrom(
        ...['OffsetCommit', 'OffsetFetch', 'Heartbeat', 'JoinGroup', 'SyncGroup', 'LeaveGroup'],
        ...['ConsumerGroupHeartbeat', 'Fetch', 'ListOffsets', 'FindCoordinator', 'Metadata'],
      ),
      effect: fc.constantFrom('late' as const, 'unanswered' as const, 'NOT_COORDINATOR' as const),
    }),
  },
);

/** Sequences of moves; two thirds of them apart, a third at the same time or inside `next`. */
export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    afterMs: fc.oneof(
      { weight: 1, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 60 }) },
      { weight: 2, arbitrary: fc.integer({ min: 60, max: 1_500 }) },
    ),
    inside: fc.boolean().chain(one => (one ? fc.boolean() : fc.constant(false))),
    move,
  }),
  { minLength: 6, maxLength: 24, size: 'max' },
);

/** For the report of a failure. */
export const shown = (list: readonly Step[]): string =>
  list
    .map(({ afterMs, inside, move: one }) => `+${afterMs}${inside ? ' in next' : ''} ${fc.stringify(one)}`)
    .join('\n');
