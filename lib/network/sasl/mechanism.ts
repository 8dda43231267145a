import type { Observable } from 'rxjs';

/** One way to prove who we are, with the credentials of one client; shared by all its connections. */
export interface Mechanism {
  /** As SaslHandshake spells it. */
  readonly name: string;
  /** Begins a conversation: its first message, and what to answer. Cold; each subscription is a conversation of its own. */
  begin(): Observable<Conversation>;
}

/** One authentication, from our first message to the proof of the server. */
export interface Conversation {
  readonly first: Uint8Array;
  /** What no error may repeat, should the broker say it. */
  readonly secrets: readonly string[];
  /**
   * Takes what the server answered. Emits our next message, or `undefined` once the server has said all that it must.
   * Errors with a `RefusedError` when the server is not what it claims to be, or says no.
   */
  answer(challenge: Buffer): Observable<Uint8Array | undefined>;
}
