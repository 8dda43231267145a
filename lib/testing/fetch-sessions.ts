import type { DecodedRequestOf } from '../protocol/api';
import type { Fetch } from '../protocol/apis/fetch';
import { CODE } from './error-codes';
import { FetchSession } from './fetch-session';

type FetchRequest = DecodedRequestOf<typeof Fetch>;

/** Kafka's default for `max.incremental.fetch.session.cache.slots`. */
const SLOTS = 1000;
/** The epochs that are none: no session, and a new one. */
const NO_SESSION = -1;
const NEW_SESSION = 0;

/** A request as its session completes it. `first` = the answer tells everything. */
export interface SessionRequest {
  readonly topics: FetchRequest['topics'];
  readonly session: FetchSession | undefined;
  readonly first: boolean;
}

/** The fetch sessions of one broker; they are gone when it stops. */
export class FetchSessions {
  private readonly sessions = new Map<number, FetchSession>();

  constructor(private readonly random: () => number) {}

  /** The session of a request, opened, continued or closed; or the error code of the request as a whole. */
  resolve(request: FetchRequest, version: number): SessionRequest | number {
    const { sessionId, sessionEpoch, topics } = request;
    const byId = version >= 13;
    if (sessionEpoch === NO_SESSION || sessionEpoch === NEW_SESSION) {
      if (sessionId !== 0) this.sessions.delete(sessionId);
      const opens = sessionEpoch === NEW_SESSION && version >= 7 && topics.length > 0;
      return { topics, session: opens ? this.open(request, byId) : undefined, first: true };
    }
    const session = this.sessions.get(sessionId);
    if (session === undefined) return CODE.FETCH_SESSION_ID_NOT_FOUND;
    if (session.byId !== byId) return CODE.FETCH_SESSION_TOPIC_ID_ERROR;
    if (session.epoch !== sessionEpoch) return CODE.INVALID_FETCH_SESSION_EPOCH;
    session.update(request);
    if (!session.isEmpty) return { topics: session.topics(), session, first: false };
    // Nothing left to fetch: the answer, without a session, is also its end.
    this.sessions.delete(sessionId);
    return { topics: [], session: undefined, first: true };
  }

  private open(request: FetchRequest, byId: boolean): FetchSession {
    if (this.sessions.size >= SLOTS) this.sessions.delete(this.sessions.keys().next().value!);
    const session = new FetchSession(1 + Math.floor(this.random() * 0x7fff_fffe), byId, request);
    this.sessions.set(session.id, session);
    return session;
  }
}
