import { concatMap, retry, tap, throwError, timeout, timer, type Observable } from 'rxjs';
import { AuthenticationError, ConnectionError } from '../../errors';
import type { Runtime } from '../../types';
import type { Deadline } from '../deadlines';
import { setUpFault } from '../faults';
import type { Link } from '../link';
import { authenticate, beginConversation, type Grant } from './authenticate';
import type { Mechanism } from './mechanism';

/** When to authenticate again, as a share of the session: at random, lest all connections do it at once. */
const RENEW_FROM = 0.85;
const RENEW_UNTIL = 0.95;
/** A request must not only be written but also be read by the broker within the session. */
const LAST_USE = 0.98;
/** A broker takes no second authentication sooner after the one before. */
const SHORTEST_MS = 1_000;
/** Pauses between calls of a token function that fails. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** What a session needs to know of its client. */
export interface SessionOptions {
  readonly runtime: Runtime;
  /** How long a token may take when its session is over already. */
  readonly connectTimeoutMs: number;
}

/**
 * Authenticates connections: as the last step of their set-up, and again before each session ends (KIP-368), on the live
 * connection. Completes when the set-up may go on.
 */
export function authenticator(mechanism: Mechanism, options: SessionOptions): (link: Link) => Observable<Grant> {
  const now = () => options.runtime.scheduler.now();
  return link =>
    beginConversation(link.broker, mechanism).pipe(
      concatMap(conversation => authenticate(link, mechanism, conversation, now)),
      tap(grant => new Session(link, mechanism, options).granted(grant)),
    );
}

/**
 * The renewals of one connection. While a token is waited for, requests go on; then they are held back until the broker
 * has answered: it reads in order, so the replies to what was sent before come first.
 *
 * A connection that nobody has used since the last time is left alone, so that it can become idle; its next request
 * authenticates first. A broker ends a session only when it gets a request, and takes SaslHandshake even then.
 */
class Session implements Deadline {
  at = Infinity;
  slot = -1;
  readonly #link: Link;
  readonly #mechanism: Mechanism;
  readonly #options: SessionOptions;
  #lastUseAt = Infinity;
  #asked = 0;

  constructor(link: Link, mechanism: Mechanism, options: SessionOptions) {
    this.#link = link;
    this.#mechanism = mechanism;
    this.#options = options;
  }

  granted({ lifetimeMs, since }: Grant): void {
    if (!(lifetimeMs > 0)) return;
    const share = RENEW_FROM + (RENEW_UNTIL - RENEW_FROM) * this.#options.runtime.random();
    this.#lastUseAt = since + LAST_USE * lifetimeMs;
    this.#asked = this.#link.asked;
    this.#link.renewal = this;
    this.#link.deadlines.set(this, since + Math.max(SHORTEST_MS, share * lifetimeMs));
  }

  due(): void {
    if (this.#link.inFlight > 0 || this.#link.asked !== this.#asked) this.wanted();
  }

  /** A request is about to be sent, and it is time. */
  wanted(): void {
    const link = this.#link;
    link.deadlines.clear(this);
    this.at = Infinity;
    const { runtime, connectTimeoutMs } = this.#options;
    const now = runtime.scheduler.now();
    const over = now >= this.#lastUseAt;
    if (over) link.hold();
    const patienceMs = over ? connectTimeoutMs : this.#lastUseAt - now;
    link.own(
      this.#conversation(patienceMs)
        .pipe(
          tap(() => link.hold()),
          concatMap(conversation => authenticate(link, this.#mechanism, conversation, () => runtime.scheduler.now())),
        )
        .subscribe({
          next: grant => {
            this.granted(grant);
            link.release();
          },
          error: (error: unknown) => this.#failed(error),
        }),
    );
  }

  #conversation(patienceMs: number) {
    const { scheduler } = this.#options.runtime;
    let last: unknown;
    return beginConversation(this.#link.broker, this.#mechanism).pipe(
      retry({
        delay: (error: unknown, attempt) => {
          if (error instanceof AuthenticationError) return throwError(() => error);
          last = error;
          return timer(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10)), scheduler);
        },
      }),
      timeout({ first: patienceMs, scheduler, with: () => throwError(() => this.#noToken(last)) }),
    );
  }

  #noToken(last: unknown): ConnectionError {
    const cause = last instanceof ConnectionError ? last.cause : last;
    const message = 'the session is over, and the function `sasl.token` gave no token for another one in time';
    return new NoTokenError(this.#link.broker, 'authentication', message, { cause });
  }

  #failed(error: unknown): void {
    const fault = setUpFault(this.#link.broker, error);
    // Nothing was said to the broker yet: what it was asked before, it will answer.
    if (error instanceof NoTokenError) this.#link.retire(fault);
    else this.#link.end(fault);
  }
}

class NoTokenError extends ConnectionError {}
