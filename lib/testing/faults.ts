import { Subscription, type Unsubscribable } from 'rxjs';
import { codeOf, type ErrorName } from '../protocol/error-table';
import { visitTopics } from './touches';

/** Which requests a fault is for. What is left out matches all. */
export interface FaultMatch {
  readonly broker?: number;
  /** Kafka's name: `Produce`, `Fetch`, … */
  readonly api?: string;
  readonly topic?: string;
  readonly partition?: number;
  /** The first match that is hit, counted from 1. [1] */
  readonly nth?: number;
  /** How many matches are hit. [all] */
  readonly times?: number;
}

/** What happens to a request that matches; effects of one fault add up. */
export interface FaultEffect {
  /**
   * Kafka's name of an error code, or `UNKNOWN_<code>`: answered where the API has its codes, for the matching topics and partitions only.
   * The request is not executed there, except for the errors that say it may have been (`REQUEST_TIMED_OUT`,
   * `NOT_ENOUGH_REPLICAS_AFTER_APPEND` of Produce).
   */
  readonly error?: string;
  /** The request is executed, this many bytes of the answer are sent, then the connection is reset. */
  readonly cutAfterBytes?: number;
  /** The request is executed, the answer comes that much later, and with it all behind it on the connection. */
  readonly delayMs?: number;
  /**
   * The connection goes silent, as over a dead link: this request does not arrive (`request`), or is executed but its answer is
   * lost (`response`), and nothing comes after it on this connection. New connections are not affected.
   */
  readonly drop?: 'request' | 'response';
}

/** The faults that hit one request. */
export interface RequestFaults {
  errorFor(topic?: string, partition?: number): number;
  readonly cutAfterBytes: number | undefined;
  readonly delayMs: number;
  readonly drop: 'request' | 'response' | undefined;
}

interface Fault {
  readonly match: FaultMatch;
  readonly effect: FaultEffect;
  readonly code: number;
  seen: number;
}

const NO_FAULTS: RequestFaults = Object.freeze({
  errorFor: () => 0,
  cutAfterBytes: undefined,
  delayMs: 0,
  drop: undefined,
});

/** The faults that a test has asked for, and how often each has been met. */
export class FaultScript {
  private readonly faults = new Set<Fault>();

  /** Unsubscribing heals. Throws for an error that Kafka does not have. */
  add(match: FaultMatch, effect: FaultEffect): Unsubscribable {
    const fault: Fault = { match, effect, code: effect.error === undefined ? 0 : errorCode(effect.error), seen: 0 };
    this.faults.add(fault);
    return new Subscription(() => this.faults.delete(fault));
  }

  /** The faults for a request that arrives now; counts it. `nameOf` resolves topic ids. */
  meet(broker: number, api: string, body: unknown, nameOf: (topicId: string) => string | undefined): RequestFaults {
    if (this.faults.size === 0) return NO_FAULTS;
    const hit = [...this.faults].filter(fault => {
      if (!matches(fault.match, broker, api, body, nameOf)) return false;
      const nth = ++fault.seen - (fault.match.nth ?? 1);
      return nth >= 0 && nth < (fault.match.times ?? Infinity);
    });
    return hit.length === 0 ? NO_FAULTS : combine(hit);
  }
}

function matches(
  match: FaultMatch,
  broker: number,
  api: string,
  body: unknown,
  nameOf: (topicId: string) => string | undefined,
): boolean {
  if (match.broker !== undefined && match.broker !== broker) return false;
  if (match.api !== undefined && match.api !== api) return false;
  if (match.topic === undefined && match.partition === undefined) return true;
  let found = false;
  const named = visitTopics(api, body, ({ name, id }, partition) => {
    const topic = name || (id === undefined ? undefined : nameOf(id));
    const right = match.topic === undefined || match.topic === topic;
    found ||= right && (match.partition === undefined || partition === undefined || match.partition === partition);
  });
  // A request for the metadata of all topics is about each of them.
  return found || (!named && api === 'Metadata');
}

function combine(hit: readonly Fault[]): RequestFaults {
  const effects = hit.map(({ effect }) => effect);
  return {
    errorFor: (topic, partition) =>
      hit.find(fault => fault.code !== 0 && covers(fault.match, topic, partition))?.code ?? 0,
    cutAfterBytes: effects.find(({ cutAfterBytes }) => cutAfterBytes !== undefined)?.cutAfterBytes,
    delayMs: Math.max(0, ...effects.map(({ delayMs = 0 }) => delayMs)),
    drop: effects.find(({ drop }) => drop !== undefined)?.drop,
  };
}

/** Whether a fault's scope is as wide as the place that asks, or wider. */
function covers(match: FaultMatch, topic: string | undefined, partition: number | undefined): boolean {
  return (
    (match.topic === undefined || match.topic === topic) &&
    (match.partition === undefined || match.partition === partition)
  );
}

function errorCode(name: string): number {
  const made = /^UNKNOWN_(-?\d+)$/.exec(name);
  return made === null ? codeOf(name as ErrorName) : Number(made[1]);
}
