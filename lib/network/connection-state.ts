import type { ConnectionState } from '../types';

/**
 * What may happen to a connection: `ready` when set-up is done (ApiVersions answered, authentication passed), `lost`
 * when it ends, whatever the cause.
 */
export type ConnectionEvent = 'ready' | 'lost';

/**
 * The table of legal moves.
 *
 * - `connecting`: the socket opens, TLS, ApiVersions and SASL run. A stopped broker still accepts TCP, so an open socket proves nothing.
 * - `connected`: requests flow.
 * - `disconnected`: the end. There is no way out: a new attempt is a new object, so no event of an old socket can touch it.
 */
export const MOVES: Readonly<Record<ConnectionState, Readonly<Partial<Record<ConnectionEvent, ConnectionState>>>>> =
  Object.freeze({
    connecting: { ready: 'connected', lost: 'disconnected' },
    connected: { lost: 'disconnected' },
    disconnected: {},
  });

/** The state after `event`. Throws on a move that the table does not have: that is a bug of this library. */
export function next(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const to = MOVES[state][event];
  if (to === undefined) throw new Error(`A ${state} connection cannot take the event '${event}'`);
  return to;
}
