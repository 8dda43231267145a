import type { Habit, Terms } from './terms';

// What the model knows of one request, one reply and one connection.

export interface Request {
  readonly id: number;
  readonly habit: Habit;
  readonly terms: Terms;
  readonly link: ModelLink;
  place: number;
  live: boolean;
  sent: boolean;
  sentAt: number;
  /** Its time is up then; `undefined` while it has not been written. */
  overdueAt: number | undefined;
}

/** A reply on its way. */
export interface Reply {
  readonly kind: 'versions' | 'refusal' | 'failure' | 'echo';
  readonly size: number;
  readonly code: number;
  readonly throttleMs: number;
  got: number;
  wanted: boolean;
}

export class ModelLink {
  state: 'connecting' | 'connected' | 'disconnected' = 'connecting';
  step: 'tcp' | 'versions' | 'authentication' | 'up' = 'tcp';
  version: number;
  heard = false;
  places = 0;
  answered = 0;
  inFlight: Request[] = [];
  held: Request[] = [];
  unwritten: Request[] = [];
  outbox: Reply[] = [];
  /** Bytes of the chunk in hand that have not been looked at. */
  inHand = 0;
  writable = true;
  releaseAt: number | undefined;
  quietUntil = 0;
  movedAt = 0;
  usedAt = 0;

  constructor(
    readonly generation: number,
    readonly overdueAt: number,
    readonly second: boolean,
  ) {
    this.version = second ? 0 : 5;
  }

  get all(): Request[] {
    return [...this.inFlight, ...this.held, ...this.unwritten].sort((a, b) => a.place - b.place);
  }
}
