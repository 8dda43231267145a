import { Subscription } from 'rxjs';
import type { Assignment, Consumer } from '../../../lib/consumer/consumer-api';
import { assignors } from '../../../lib/consumer/group/assignors/assignors';
import type { ConsumerOptions } from '../../../lib/consumer/options';
import type { JournalEntry } from '../../../lib/testing/index';
import type { ConsumerRecord, Position } from '../../../lib/types';
import { consuming, values } from '../consuming';
import type { Consuming } from '../consuming';
import { BROKERS, LATE, TOPICS } from './moves';
import type { Acking, Move, Step, Wanted } from './moves';
import { exactly, ReadingModel } from './reading-model';
import type { Reading, Start } from './reading-model';

/** How the consumer gets its partitions when it subscribes. */
export type Protocol = 'no group' | 'cooperative' | 'range' | 'KIP-848';

/** What came of a sequence of moves. */
export interface Outcome {
  readonly violations: readonly string[];
  readonly delivered: number;
}

const GROUP = 'g';
const MEMBERSHIP: ReadonlySet<string> = new Set(['JoinGroup', 'SyncGroup', 'Heartbeat', 'ConsumerGroupHeartbeat']);
const GROUP_APIS: ReadonlySet<string> = new Set([...MEMBERSHIP, 'LeaveGroup', 'OffsetCommit', 'OffsetFetch']);
const SESSION_MS = 6_000;
/** Time for what was cut, unanswered or killed to be over: sessions run out, requests are given up, rounds come together. */
const SETTLED_MS = 20_000;
const READ_MS = 6_000;
const CLOSED_MS = 5_000;
const DRAIN_MS = 600;

const COMMON: ConsumerOptions = {
  offsetReset: 'earliest',
  ack: 'manual',
  window: { records: 6 },
  commit: { everyMs: 200 },
  drainMs: DRAIN_MS,
  idleLeaveMs: 700,
  sessionTimeoutMs: SESSION_MS,
  heartbeatIntervalMs: 500,
  rebalanceTimeoutMs: 3_000,
};
const OPTIONS: Readonly<Record<Protocol, ConsumerOptions>> = {
  'no group': COMMON,
  cooperative: { ...COMMON, groupId: GROUP },
  range: { ...COMMON, groupId: GROUP, assignors: [assignors.range] },
  'KIP-848': { ...COMMON, groupId: GROUP, groupProtocol: 'consumer' },
};

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

interface Held {
  readonly record: ConsumerRecord;
  readonly key: string;
  readonly reading: Reading;
}

const keyOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}-${partition}`;

class Run {
  readonly model = new ReadingModel(key => this.#end(key));
  deliveries = 0;
  readonly #t: Consuming;
  readonly #options: ConsumerOptions;
  readonly #consumer: Consumer;
  readonly #grouped: boolean;
  #assignment: Assignment = { mode: 'none', phase: 'idle', partitions: [] };
  #switchedAt = 0;
  /** The mode that the last call asked for. */
  #mode: Assignment['mode'] = 'none';
  #wanted = new Map<string, Wanted>();
  #view = Subscription.EMPTY;
  #acking: Acking = 'ack';
  #held: Held[] = [];
  #inside: Move[] = [];
  #closed: 'no' | 'closing' | 'closed' = 'no';
  #faults = new Subscription();
  #other: { readonly consumer: Consumer; kill(): void } | undefined;
  #appended = 0;

  constructor(t: Consuming, protocol: Protocol) {
    this.#t = t;
    this.#grouped = protocol !== 'no group';
    this.#options = OPTIONS[protocol];
    for (const [topic, count] of Object.entries(TOPICS))
      for (let p = 0; p < count; p++) t.cluster.append(topic, p, values(0, 3));
    t.cluster.requests.subscribe(entry => this.#onRequest(entry));
    this.#consumer = t.consumer(this.#options);
    this.#consumer.rebalances.subscribe(({ type, partitions }) => {
      for (const one of partitions)
        if (type === 'assigned') this.model.gain(keyOf(one), this.#committed(keyOf(one)), false);
        else this.model.lose(keyOf(one));
    });
    this.#consumer.assignment.subscribe(assignment => this.#onAssignment(assignment));
    this.#open();
  }

  // ── What comes back ────────────────────────────────────────────────────────────────────────────────────────────

  #onAssignment(assignment: Assignment): void {
    if (this.#assignment.mode !== assignment.mode) this.#switchedAt = this.#t.runtime.scheduler.now();
    this.#assignment = assignment;
    const { mode, phase, partitions } = assignment;
    const keys = new Set(partitions.map(keyOf));
    if (phase === 'clearing' || phase === 'closed') {
      // On close what is there stays to be committed.
      if (keys.size > 0 && this.#closed === 'no') this.model.violation(`${phase} with ${[...keys].join()}`);
      return;
    }
    if (mode !== this.#mode) this.model.violation(`${mode} after a call for ${this.#mode}`);
    if (mode === 'group' && this.#grouped) return;
    const wanted = mode === 'assigned' ? [...this.#wanted.keys()] : [...keys];
    if (mode === 'assigned' && (wanted.length !== keys.size || !wanted.every(key => keys.has(key))))
      this.model.violation(`assigned ${wanted.join()}, but has ${[...keys].join()}`);
    for (const key of [...this.model.ours]) if (!keys.has(key)) (this.#dropped.add(key), this.model.lose(key));
    for (const key of keys) {
      const one = this.#wanted.get(key);
      const until = typeof one?.until === 'bigint' ? Number(one.until) : undefined;
      if (this.model.ours.has(key)) this.model.readings.get(key)!.until = until;
      else
        this.model.gain(
          key,
          mode === 'group' ? EARLIEST : this.#start(key, one?.offset),
          one?.offset === undefined && this.#dropped.has(key),
          until,
        );
      this.#dropped.delete(key);
    }
  }
  /** Given up in this mode, and perhaps not yet let go of. */
  readonly #dropped = new Set<string>();

  #start(key: string, position: Position | undefined): Start {
    if (typeof position === 'bigint') return exactly(Number(position));
    if (position === 'latest') {
      const from = this.#end(key);
      return { from: () => from, to: () => this.#end(key), known: false, wished: true };
    }
    return position === 'earliest' || !this.#grouped ? EARLIEST : this.#committed(key);
  }

  /** What is committed between now and then. */
  #committed(key: string): Start {
    const [from, to] = [this.#committedNow(key), () => this.#committedNow(key)];
    // An old commit may still land, and give way to a later one.
    return { from: () => Math.min(from, to()), to: () => Math.max(from, to()), known: false, wished: false };
  }

  #committedNow(key: string): number {
    return Number(this.#t.cluster.committed(GROUP).find(one => keyOf(one) === key)?.offset ?? 0n);
  }

  #end(key: string): number {
    const [topic, partition] = key.split('-') as [string, string];
    try {
      return this.#t.cluster.log(topic, Number(partition)).length;
    } catch {
      return 0;
    }
  }

  #onRequest({ clientId, api, body, at }: JournalEntry): void {
    if (clientId !== 'ours') return;
    const { mode, phase } = this.#assignment;
    // What left in the same ms did so before.
    if (MEMBERSHIP.has(api) && mode !== 'group' && phase !== 'clearing' && phase !== 'closed' && at > this.#switchedAt)
      this.model.violation(`${api} at ${at} ms in mode ${mode}`);
    if (api === 'OffsetCommit')
      for (const { name, topicId, partitions } of (body as { topics: Topic[] }).topics)
        for (const { partitionIndex, committedOffset } of partitions) {
          const topic = name !== '' ? name : this.#t.cluster['state'].topicById(topicId)!.name;
          this.model.commits(`${topic}-${partitionIndex}`, Number(committedOffset));
        }
  }

  #onRecord(record: ConsumerRecord): void {
    const key = keyOf(record);
    const offset = Number(record.offset);
    this.deliveries++;
    const one = { record, key, reading: this.model.delivered(key, offset) };
    const inside = this.#inside.shift();
    if (inside !== undefined) this.#make(inside);
    const how = this.#acking === 'nack' && record.attempt > 1 ? 'ack' : this.#acking;
    if (how === 'ack' || how === 'nack') return this.#settle(one, how);
    this.#held.push(one);
    if (how === 'slow') this.#t.at(150, () => this.#settle(one, 'ack'));
  }

  #settle({ record, key, reading }: Held, how: 'ack' | 'nack'): void {
    const offset = Number(record.offset);
    if (how === 'ack' && record.ack()) this.model.acked(key, offset, reading);
    if (how === 'nack' && record.nack(new Error('not now'))) reading.rewind(offset);
  }

  #open(): void {
    if (!this.#view.closed || this.#closed !== 'no') return;
    for (const reading of this.model.readings.values()) reading.restart();
    this.#view = this.#consumer.records.subscribe({
      next: record => this.#onRecord(record),
      error: error => this.model.violation(`the view errored: ${String(error)}`),
      complete: () => {
        if (this.#closed !== 'no') return;
        for (const [key, { until }] of this.#wanted) {
          const reading = this.model.readings.get(key);
          const next = reading?.base === undefined ? (reading?.start.to() ?? 0) : reading.expected;
          if (this.#mode !== 'assigned' || until === undefined || (typeof until === 'bigint' && next < Number(until)))
            this.model.violation(`the view completed although ${key} was at ${next} of ${String(until)}`);
        }
      },
    });
  }

  // ── Moves ──────────────────────────────────────────────────────────────────────────────────────────────────────

  step(move: Move, inside: boolean): void {
    if (inside) this.#inside.push(move);
    else this.#make(move);
  }

  #make(move: Move): void {
    const { cluster } = this.#t;
    if (this.#closed === 'no') this.#call(move);
    switch (move.type) {
      case 'append':
        return this.#append(PLACES[move.index % PLACES.length]!, move.count);
      case 'join':
        if (this.#grouped) this.#join();
        return;
      case 'leave':
        this.#other?.consumer.close().subscribe();
        this.#other = undefined;
        return;
      case 'kill':
        {
          const killed = this.#other;
          this.#other = undefined;
          killed?.kill();
        }
        return;
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

  #call(move: Move): void {
    switch (move.type) {
      case 'subscribe':
        return this.#switch('group', [], () => this.#consumer.subscribe(move.topics));
      case 'assign':
        return this.#assign(move.partitions);
      case 'unsubscribe':
        return this.#switch('none', [], () => this.#consumer.unsubscribe());
      case 'seek':
      case 'pause':
      case 'resume':
        return this.#inPartition(move);
      case 'view':
        if (move.to !== 'open') this.#view.unsubscribe();
        if (move.to !== 'closed') this.#open();
        return;
      case 'acking':
        this.#acking = move.how;
        return;
      case 'settle':
        if (move.how === 'all') for (const one of this.#held.splice(0)) this.#settle(one, 'ack');
        else for (const one of this.#held.splice(move.index % (this.#held.length + 1), 1)) this.#settle(one, move.how);
        return;
      case 'commit':
        this.#consumer.commit().subscribe({ error: () => undefined });
        return;
      case 'close':
        return this.#close();
    }
  }

  #assign(partitions: readonly Wanted[]): void {
    // A position past the end would be out of range, and go back to the beginning.
    const inLog = partitions.map(one =>
      typeof one.offset === 'bigint' && one.offset > this.#end(keyOf(one))
        ? { ...one, offset: BigInt(this.#end(keyOf(one))) }
        : one,
    );
    this.#switch('assigned', inLog, () => this.#consumer.assign(inLog));
  }

  #switch(mode: Assignment['mode'], wanted: readonly Wanted[], call: () => unknown): void {
    if (mode !== this.#mode) {
      this.model.loseAll();
      this.#dropped.clear();
    }
    this.#mode = mode;
    this.#wanted = new Map(wanted.map(one => [keyOf(one), one]));
    call();
    const now = this.#assignment;
    if (now.mode !== mode && now.phase !== 'clearing') this.model.violation(`${now.mode} after a call for ${mode}`);
  }

  #inPartition(move: Extract<Move, { readonly index: number }>): void {
    const { partitions } = this.#assignment;
    const one = partitions[move.index % partitions.length];
    if (one === undefined) return;
    const key = keyOf(one);
    const reading = this.model.readings.get(key);
    // Told of by the assignment a moment before the rebalance event says that it begins.
    if (reading === undefined || !this.model.ours.has(key)) return;
    if (move.type === 'seek') {
      const to = typeof move.to === 'number' ? BigInt(Math.min(move.to, this.#end(key))) : move.to;
      this.model.seek(key, this.#start(key, to));
      this.#consumer.seek(one, to);
    } else if (move.type === 'pause') {
      this.#consumer.pause([one]);
      reading.paused = true;
      if (reading.mayContinue !== undefined) reading.mayContinue.paused = true;
    } else if (move.type === 'resume') {
      reading.paused = false;
      if (reading.mayContinue !== undefined) reading.mayContinue.paused = false;
      this.#consumer.resume([one]);
    }
  }

  #append([topic, partition]: readonly [string, number], count: number): void {
    if (topic === LATE && !this.#exists(topic, partition)) return;
    if (!this.#exists(topic, partition)) return;
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
    const other = this.#t.apart(this.#options, {
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

  #close(): void {
    if (this.#closed !== 'no') return;
    this.#closed = 'closing';
    this.model.loseAll();
    this.#consumer.close().subscribe({
      error: error => this.model.violation(`close errored: ${String(error)}`),
      complete: () => (this.#closed = 'closed'),
    });
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** No more faults, nobody else, everything exists, everything is acked as it comes. */
  settle(): void {
    this.#faults.unsubscribe();
    this.#inside = [];
    this.#acking = 'ack';
    this.#make({ type: 'leave' });
    this.#create();
    this.#t.cluster.createPartitions('orders', 3);
    // Once it is certain where reading begins that was to begin at the end.
    this.#t.at(SETTLED_MS - READ_MS, () => PLACES.forEach(place => this.#append(place, 1)));
    if (this.#closed !== 'no') {
      if (this.#grouped) this.#join();
      return;
    }
    this.#make({ type: 'settle', index: 0, how: 'all' });
    for (const { partition, topic } of this.#assignment.partitions) {
      const reading = this.model.readings.get(keyOf({ topic, partition }));
      if (reading !== undefined) reading.paused = false;
      if (reading?.mayContinue !== undefined) reading.mayContinue.paused = false;
    }
    this.#consumer.resume();
    this.#open();
  }

  mustHaveRead(): void {
    if (this.#closed !== 'no') return;
    const { mode, phase, partitions } = this.#assignment;
    if (mode !== this.#mode || phase !== (mode === 'none' ? 'idle' : 'active'))
      this.model.violation(`at rest ${mode}/${phase} after a call for ${this.#mode}`);
    if (partitions.length !== this.model.ours.size)
      this.model.violation(`at rest with ${partitions.map(keyOf).join()}, but ${[...this.model.ours].join()} are ours`);
    for (const key of this.model.ours) {
      const until = this.#wanted.get(key)?.until;
      if (until === undefined) this.#mustBeAt(key, this.#end(key));
    }
    // Everything there is, in the other mode or with other topics.
    this.#make({ type: 'subscribe', topics: /^(orders|stock|late)$/ });
    this.#open();
  }

  mustHaveReadAll(): void {
    const keys = PLACES.map(([topic, partition]) => keyOf({ topic, partition }));
    if (this.#grouped || this.#closed === 'no')
      for (const one of this.model.missing(keys)) this.model.violation(`nobody has acked ${one}`);
    if (this.#closed === 'no') for (const key of keys) this.#mustBeAt(key, this.#end(key));
    if (this.#grouped)
      for (const key of keys)
        if (this.#committedNow(key) < this.#end(key) && !this.#beganAtItsEnd(key))
          this.model.violation(`${key} is committed up to ${this.#committedNow(key)} of ${this.#end(key)} at rest`);
    this.#close();
    this.#make({ type: 'leave' });
  }

  /** Where reading begins is not committed before something was read. */
  #beganAtItsEnd(key: string): boolean {
    const { base, start } = this.model.readings.get(key) ?? {};
    return (base ?? start?.to()) === this.#end(key);
  }

  #mustBeAt(key: string, end: number): void {
    const reading = this.model.readings.get(key);
    // Nothing came, and nothing was to come.
    if (reading?.base === undefined && reading !== undefined && reading.start.to() >= end) return;
    const at = Math.max(reading?.watermark ?? -1, reading?.mayContinue?.watermark ?? -1);
    if (!this.model.ours.has(key) || at < end) this.model.violation(`${key} is acked up to ${at} of ${end} at rest`);
  }

  mustBeClosed(): void {
    if (this.#closed !== 'closed') this.model.violation('close did not settle');
  }
}

interface Topic {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly { readonly partitionIndex: number; readonly committedOffset: bigint }[];
}

const EARLIEST: Start = { from: () => 0, to: () => 0, known: true, wished: false };
const PLACES: readonly (readonly [string, number])[] = [
  ['orders', 0],
  ['orders', 1],
  ['stock', 0],
  ['stock', 1],
  [LATE, 0],
  ['orders', 2],
];
