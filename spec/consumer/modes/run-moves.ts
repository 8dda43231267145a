import { Subscription } from 'rxjs';
import type { Consumer } from '../../../lib/consumer/consumer-api';
import { consuming, values } from '../consuming';
import type { Consuming } from '../consuming';
import { BROKERS, LATE, TOPICS } from './moves';
import type { Move, Step } from './moves';
import type { ReadingModel } from './reading-model';
import { GROUP, keyOf, OPTIONS, SESSION_MS, SwitchedConsumer } from './switched-consumer';
import type { Protocol } from './switched-consumer';

/** What came of a sequence of moves. */
export interface Outcome {
  readonly violations: readonly string[];
  readonly delivered: number;
}

const GROUP_APIS: ReadonlySet<string> = new Set([
  'JoinGroup',
  'SyncGroup',
  'Heartbeat',
  'ConsumerGroupHeartbeat',
  'LeaveGroup',
  'OffsetCommit',
  'OffsetFetch',
]);
/** Time for what was cut, unanswered or killed to be over: sessions run out, requests are given up, rounds come together. */
const SETTLED_MS = 20_000;
const READ_MS = 6_000;
const CLOSED_MS = 5_000;

/** Makes the moves in virtual time, lets all come to rest, reads everything there is, closes; and says what was not as it must be. */
export function runMoves(protocol: Protocol, steps: readonly Step[]): Outcome {
  const lastAt = steps.reduce((sum, { afterMs }) => sum + afterMs, 0);
  let run: Run | undefined;
  consuming(
    {
      forMs: lastAt + SETTLED_MS + READ_MS + CLOSED_MS + 100,
      brokers: BROKERS,
      topics: TOPICS,
      configs: {
        'group.consumer.heartbeat.interval.ms': '500',
        'group.consumer.session.timeout.ms': String(SESSION_MS),
      },
      client: { clientId: 'ours', metadataMaxAgeMs: 2_000, requestTimeoutMs: 2_000 },
    },
    t => {
      const made = (run = new Run(t, protocol));
      let at = 0;
      for (const { afterMs, inside, move } of steps) t.at((at += afterMs), () => made.step(move, inside));
      t.at((at += 10), () => made.settle());
      t.at((at += SETTLED_MS), () => made.mustHaveRead());
      t.at((at += READ_MS), () => made.mustHaveReadAll());
      t.at(at + CLOSED_MS, () => made.mustBeClosed());
    },
  );
  return { violations: run!.model.violations, delivered: run!.deliveries };
}

const DISTURBING: ReadonlySet<Move['type']> = new Set([
  'join',
  'kill',
  'cut',
  'move coordinator',
  'move leader',
  'fault',
]);

class Run {
  readonly #t: Consuming;
  readonly #protocol: Protocol;
  readonly #our: SwitchedConsumer;
  #faults = new Subscription();
  #other: { readonly consumer: Consumer; kill(): void } | undefined;
  #appended = 0;

  constructor(t: Consuming, protocol: Protocol) {
    this.#t = t;
    this.#protocol = protocol;
    for (const [topic, count] of Object.entries(TOPICS))
      for (let p = 0; p < count; p++) t.cluster.append(topic, p, values(0, 3));
    this.#our = new SwitchedConsumer(t, protocol, move => this.#make(move));
  }

  get model(): ReadingModel {
    return this.#our.model;
  }

  get deliveries(): number {
    return this.#our.deliveries;
  }

  // ── Moves ──────────────────────────────────────────────────────────────────────────────────────────────────────

  step(move: Move, inside: boolean): void {
    if (inside) this.#our.inside.push(move);
    else this.#make(move);
  }

  #make(move: Move): void {
    const { cluster } = this.#t;
    if (this.#our.closed === 'no') this.#our.call(move);
    if (DISTURBING.has(move.type)) this.#our.undisturbed = false;
    switch (move.type) {
      case 'append':
        return this.#append(PLACES[move.index % PLACES.length]!, move.count);
      case 'join':
        if (this.#our.grouped) this.#join();
        return;
      case 'leave':
        this.#other?.consumer.close().subscribe();
        this.#other = undefined;
        return;
      case 'kill': {
        const killed = this.#other;
        this.#other = undefined;
        return killed?.kill();
      }
      case 'rebalance':
        try {
          cluster.rebalance(GROUP);
        } catch {
          // Nobody has joined yet.
        }
        return;
      case 'create':
        return this.#create();
      case 'grow':
        return cluster.createPartitions('orders', 3);
      case 'cut':
        return cluster.disconnect(move.broker);
      case 'move coordinator':
        return cluster.moveCoordinator({ group: GROUP }, move.broker);
      case 'move leader': {
        const [topic, partition] = PLACES[move.index % 4]!;
        return cluster.moveLeader({ topic, partition }, move.broker);
      }
      case 'fault':
        if (move.effect === 'NOT_COORDINATOR' && !GROUP_APIS.has(move.api)) return;
        // A cluster that has never answered is a wrong address, and errors the view.
        if (move.effect === 'unanswered' && move.api === 'Metadata') return;
        this.#faults.add(
          cluster.fault(
            { api: move.api, times: 1 },
            move.effect === 'late'
              ? { delayMs: 400 }
              : move.effect === 'unanswered'
                ? { drop: 'response' }
                : { error: move.effect },
          ) as Subscription,
        );
    }
  }

  #append([topic, partition]: readonly [string, number], count: number): void {
    if (this.#exists(topic, partition))
      this.#t.cluster.append(topic, partition, values(this.#appended, (this.#appended += count)));
  }

  #exists(topic: string, partition: number): boolean {
    try {
      this.#t.cluster.log(topic, partition);
      return true;
    } catch {
      return false;
    }
  }

  #create(): void {
    if (!this.#exists(LATE, 0)) this.#t.cluster.createTopic(LATE, 1);
  }

  #join(): void {
    if (this.#other !== undefined) return;
    const { runtime } = this.#t;
    const other = this.#t.apart(OPTIONS[this.#protocol], {
      runtime,
      wrap: transport => transport,
      client: { clientId: 'theirs' },
    });
    this.#other = other;
    other.consumer.subscribe(/^(orders|stock|late)$/).records.subscribe({
      next: record => {
        if (record.ack()) this.model.acked(keyOf(record), Number(record.offset));
      },
      error: error => {
        if (this.#other === other) this.model.violation(`the other member's view errored: ${String(error)}`);
      },
    });
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** No more faults, nobody else, everything exists, everything is acked as it comes. */
  settle(): void {
    this.#faults.unsubscribe();
    this.#our.inside.length = 0;
    this.#make({ type: 'leave' });
    this.#create();
    this.#t.cluster.createPartitions('orders', 3);
    // Once it is certain where reading begins that was to begin at the end.
    this.#t.at(SETTLED_MS - READ_MS, () => PLACES.forEach(place => this.#append(place, 1)));
    if (this.#our.closed !== 'no') {
      if (this.#our.grouped) this.#join();
      return;
    }
    this.#our.relax();
  }

  mustHaveRead(): void {
    if (this.#our.closed !== 'no') return;
    const { mode, phase, partitions } = this.#our.assignment;
    if (mode !== this.#our.mode || phase !== (mode === 'none' ? 'idle' : 'active'))
      this.model.violation(`at rest ${mode}/${phase} after a call for ${this.#our.mode}`);
    if (partitions.length !== this.model.ours.size)
      this.model.violation(`at rest with ${partitions.map(keyOf).join()}, but ${[...this.model.ours].join()} are ours`);
    for (const key of this.model.ours) {
      const until = this.#our.wanted.get(key)?.until;
      if (until === undefined) this.#mustBeAt(key, this.#our.endOf(key));
    }
    // Everything there is, in the other mode or with other topics.
    this.#make({ type: 'subscribe', topics: /^(orders|stock|late)$/ });
    this.#our.open();
  }

  mustHaveReadAll(): void {
    const keys = PLACES.map(([topic, partition]) => keyOf({ topic, partition }));
    if (this.#our.grouped || this.#our.closed === 'no')
      for (const one of this.model.missing(keys)) this.model.violation(`nobody has acked ${one}`);
    if (this.#our.closed === 'no') for (const key of keys) this.#mustBeAt(key, this.#our.endOf(key));
    if (this.#our.grouped)
      for (const key of keys)
        if (this.#our.committedNow(key) < this.#our.endOf(key) && !this.#beganAtItsEnd(key))
          this.model.violation(
            `${key} is committed up to ${this.#our.committedNow(key)} of ${this.#our.endOf(key)} at rest`,
          );
    this.#our.close();
    this.#make({ type: 'leave' });
  }

  /** Where reading begins is not committed before something was read. */
  #beganAtItsEnd(key: string): boolean {
    const { base, start } = this.model.readings.get(key) ?? {};
    return (base ?? start?.to()) === this.#our.endOf(key);
  }

  #mustBeAt(key: string, end: number): void {
    const reading = this.model.readings.get(key);
    // Nothing came, and nothing was to come.
    if (reading?.base === undefined && reading !== undefined && reading.start.to() >= end) return;
    const at = Math.max(reading?.watermark ?? -1, reading?.mayContinue?.watermark ?? -1);
    if (!this.model.ours.has(key) || at < end) this.model.violation(`${key} is acked up to ${at} of ${end} at rest`);
  }

  mustBeClosed(): void {
    if (this.#our.closed !== 'closed') this.model.violation('close did not settle');
  }
}

const PLACES: readonly (readonly [string, number])[] = [
  ['orders', 0],
  ['orders', 1],
  ['stock', 0],
  ['stock', 1],
  [LATE, 0],
  ['orders', 2],
];
