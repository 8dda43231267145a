import { InvalidStateError } from '../errors';

/**
 * How the partitions of a consumer come about.
 * - `none`: there are none.
 * - `group`: topics are subscribed to; the group, or without one this consumer alone, says which partitions.
 * - `assigned`: the application gave a fixed list.
 */
export type SubscriptionMode = 'none' | 'group' | 'assigned';

/**
 * What is going on with them.
 * - `idle`: nothing.
 * - `clearing`: they are being given up: emission stopped, records in flight are waited for, offsets committed.
 * - `joining`: it is not known yet which partitions are ours.
 * - `active`: they are ours.
 * - `closed`: the consumer was closed; nothing comes after it.
 */
export type SubscriptionPhase = 'idle' | 'clearing' | 'joining' | 'active' | 'closed';

/** Mode and phase; while clearing, `then` is what follows (`closed` = nothing any more). */
export interface SubscriptionState {
  readonly mode: SubscriptionMode;
  readonly phase: SubscriptionPhase;
  readonly then?: SubscriptionMode | 'closed';
}

/**
 * `subscribe`, `assign`, `unsubscribe` and `close` are calls; `cleared`, `joined` and `rejoin` report that a step is done or due; `idle`:
 * nobody has listened for so long that membership is given up until somebody does.
 */
export type SubscriptionEvent =
  'subscribe' | 'assign' | 'unsubscribe' | 'close' | 'cleared' | 'joined' | 'rejoin' | 'idle';

/** A new consumer. */
export const UNSUBSCRIBED: SubscriptionState = Object.freeze({ mode: 'none', phase: 'idle' });

const GROUP_JOINING: SubscriptionState = Object.freeze({ mode: 'group', phase: 'joining' });
const GROUP_ACTIVE: SubscriptionState = Object.freeze({ mode: 'group', phase: 'active' });
const ASSIGNED: SubscriptionState = Object.freeze({ mode: 'assigned', phase: 'active' });
const CLOSED: SubscriptionState = Object.freeze({ mode: 'none', phase: 'closed' });

const clear = (mode: SubscriptionMode, then: SubscriptionMode | 'closed'): SubscriptionState => ({
  mode,
  phase: 'clearing',
  then,
});
const begin = (mode: SubscriptionMode | 'closed'): SubscriptionState =>
  mode === 'group' ? GROUP_JOINING : mode === 'assigned' ? ASSIGNED : mode === 'closed' ? CLOSED : UNSUBSCRIBED;

type Move = (state: SubscriptionState) => SubscriptionState;
const stay: Move = state => state;
/** The latest wish counts: a call during clearing changes what follows, except that nothing follows `close`. */
const afterwards =
  (then: SubscriptionMode | 'closed'): Move =>
  state =>
    state.then === 'closed' ? state : clear(state.mode, then);

/** The legal moves. What is not here throws. */
const MOVES: Readonly<Record<string, Partial<Record<SubscriptionEvent, Move>>>> = {
  'none idle': { subscribe: () => GROUP_JOINING, assign: () => ASSIGNED, unsubscribe: stay, close: () => CLOSED },
  'assigned active': {
    assign: stay,
    subscribe: () => clear('assigned', 'group'),
    unsubscribe: () => clear('assigned', 'none'),
    close: () => clear('assigned', 'closed'),
  },
  'group joining': {
    subscribe: stay,
    joined: () => GROUP_ACTIVE,
    rejoin: stay,
    idle: () => clear('group', 'group'),
    assign: () => clear('group', 'assigned'),
    unsubscribe: () => clear('group', 'none'),
    close: () => clear('group', 'closed'),
  },
  'group active': {
    subscribe: stay,
    joined: stay,
    rejoin: () => GROUP_JOINING,
    idle: () => clear('group', 'group'),
    assign: () => clear('group', 'assigned'),
    unsubscribe: () => clear('group', 'none'),
    close: () => clear('group', 'closed'),
  },
  'assigned clearing': whileClearing(),
  'group clearing': whileClearing(),
  'none closed': { close: stay, unsubscribe: stay },
};

function whileClearing(): Partial<Record<SubscriptionEvent, Move>> {
  return {
    subscribe: afterwards('group'),
    assign: afterwards('assigned'),
    unsubscribe: afterwards('none'),
    close: afterwards('closed'),
    cleared: state => begin(state.then ?? 'none'),
    // A round of the group that was under way when its end was asked for has nothing to say any more.
    joined: stay,
    rejoin: stay,
    idle: stay,
  };
}

/** The state after an event; throws `InvalidStateError` for a move that the table does not know. */
export function nextSubscription(state: SubscriptionState, event: SubscriptionEvent): SubscriptionState {
  const move = MOVES[`${state.mode} ${state.phase}`]?.[event];
  if (move === undefined)
    throw new InvalidStateError(
      state.phase === 'closed'
        ? `the consumer is closed; ${event}() needs a new one`
        : `consumer: ${event} is not possible while ${state.mode}/${state.phase}`,
    );
  return move(state);
}
