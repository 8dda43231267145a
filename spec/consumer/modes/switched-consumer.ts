import { Subscription } from 'rxjs';
import type { Assignment, Consumer } from '../../../lib/consumer/consumer-api';
import { assignors } from '../../../lib/consumer/group/assignors/assignors';
import type { ConsumerOptions } from '../../../lib/consumer/options';
import type { JournalEntry } from '../../../lib/testing/index';
import type { ConsumerRecord, Position } from '../../../lib/types';
import type { Consuming } from '../consuming';
import type { Acking, Move, Wanted } from './moves';
import { exactly, ReadingModel } from './reading-model';
import type { Reading, Start } from './reading-model';

/** How the consumer gets its partitions when it subscribes. */
export type Protocol = 'no group' | 'cooperative' | 'range' | 'KIP-848';

/** The group that all are in. */
export const GROUP = 'g';
/** After so long a member that was killed is noticed. */
export const SESSION_MS = 6_000;

const MEMBERSHIP: ReadonlySet<string> = new Set(['JoinGroup', 'SyncGroup', 'Heartbeat', 'ConsumerGroupHeartbeat']);
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
/** How members are made. */
export const OPTIONS: Readonly<Record<Protocol, ConsumerOptions>> = {
  'no group': COMMON,
  cooperative: { ...COMMON, groupId: GROUP },
  range: { ...COMMON, groupId: GROUP, assignors: [assignors.range] },
  'KIP-848': { ...COMMON, groupId: GROUP, groupProtocol: 'consumer' },
};

/** Names a partition. */
export const keyOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}-${partition}`;

interface Held {
  readonly record: ConsumerRecord;
  readonly key: string;
  readonly reading: Reading;
}

interface Topic {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly { readonly partitionIndex: number; readonly committedOffset: bigint }[];
}

const EARLIEST: Start = { from: () => 0, to: () => 0, known: true, wished: false };

/** A consumer that is switched between modes, and the model that is told all that is done to it and all that comes of it. */
export class SwitchedConsumer {
  readonly model = new ReadingModel(key => this.endOf(key));
  readonly grouped: boolean;
  deliveries = 0;
  /** Nobody else was in the group, and nothing has happened to the cluster. */
  undisturbed = true;
  assignment: Assignment = { mode: 'none', phase: 'idle', partitions: [] };
  /** The mode that the last call asked for, and what it listed. */
  mode: Assignment['mode'] = 'none';
  wanted = new Map<string, Wanted>();
  closed: 'no' | 'closing' | 'closed' = 'no';
  /** To be made inside `next` of the records that come next. */
  readonly inside: Move[] = [];
  readonly #t: Consuming;
  readonly #make: (move: Move) => void;
  readonly #consumer: Consumer;
  #switchedAt = 0;
  /** Asked to join, and not answered yet: the group takes no commit of the generation before, or does not have to. */
  #inRound = false;
  readonly #leftInRound = new Set<string>();
  /** Given up in this mode, and perhaps not yet let go of. */
  readonly #dropped = new Set<string>();
  #view = Subscription.EMPTY;
  #acking: Acking = 'ack';
  #held: Held[] = [];

  constructor(t: Consuming, protocol: Protocol, make: (move: Move) => void) {
    this.#t = t;
    this.#make = make;
    this.grouped = protocol !== 'no group';
    t.cluster.requests.subscribe(entry => this.#onRequest(entry));
    this.#consumer = t.consumer(OPTIONS[protocol]);
    this.#consumer.rebalances.subscribe(({ type, partitions }) => {
      if (type === 'assigning' || type === 'assigned') this.#inRound = type === 'assigning';
      if (type !== 'assigned')
        for (const one of partitions) this.#leftInRound[this.#inRound ? 'add' : 'delete'](keyOf(one));
      for (const one of partitions)
        if (type === 'assigned') this.model.gain(keyOf(one), this.#handedOver(keyOf(one)), false);
        else this.model.lose(keyOf(one));
    });
    this.#consumer.assignment.subscribe(assignment => this.#onAssignment(assignment));
    this.open();
  }

  // ── Calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

  call(move: Move): void {
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
        if (move.to !== 'closed') this.open();
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
        return this.close();
    }
  }

  #assign(partitions: readonly Wanted[]): void {
    // A position past the end would be out of range, and go back to the beginning.
    const inLog = partitions.map(one =>
      typeof one.offset === 'bigint' && one.offset > this.endOf(keyOf(one))
        ? { ...one, offset: BigInt(this.endOf(keyOf(one))) }
        : one,
    );
    this.#switch('assigned', inLog, () => this.#consumer.assign(inLog));
  }

  #switch(mode: Assignment['mode'], wanted: readonly Wanted[], call: () => unknown): void {
    if (mode !== this.mode) {
      this.model.loseAll();
      this.#dropped.clear();
    }
    this.mode = mode;
    this.wanted = new Map(wanted.map(one => [keyOf(one), one]));
    call();
    const now = this.assignment;
    if (now.mode !== mode && now.phase !== 'clearing') this.model.violation(`${now.mode} after a call for ${mode}`);
  }

  #inPartition(move: Extract<Move, { readonly index: number }>): void {
    const { partitions } = this.assignment;
    const one = partitions[move.index % partitions.length];
    if (one === undefined) return;
    const key = keyOf(one);
    const reading = this.model.readings.get(key);
    // Told of by the assignment a moment before the rebalance event says that it begins.
    if (reading === undefined || !this.model.ours.has(key)) return;
    if (move.type === 'seek') {
      const to = typeof move.to === 'number' ? BigInt(Math.min(move.to, this.endOf(key))) : move.to;
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

  close(): void {
    if (this.closed !== 'no') return;
    this.closed = 'closing';
    this.model.loseAll();
    this.#consumer.close().subscribe({
      error: error => this.model.violation(`close errored: ${String(error)}`),
      complete: () => (this.closed = 'closed'),
    });
  }

  /** All that is held and all that comes is acked, nothing is paused. */
  relax(): void {
    this.#acking = 'ack';
    this.call({ type: 'settle', index: 0, how: 'all' });
    for (const one of this.assignment.partitions) {
      const reading = this.model.readings.get(keyOf(one));
      if (reading !== undefined) reading.paused = false;
      if (reading?.mayContinue !== undefined) reading.mayContinue.paused = false;
    }
    this.#consumer.resume();
    this.open();
  }

  // ── What comes back ────────────────────────────────────────────────────────────────────────────────────────────

  #onAssignment(assignment: Assignment): void {
    if (this.assignment.mode !== assignment.mode) this.#switchedAt = this.#t.runtime.scheduler.now();
    this.assignment = assignment;
    const { mode, phase, partitions } = assignment;
    const keys = new Set(partitions.map(keyOf));
    if (phase === 'clearing' || phase === 'closed') {
      // On close what is there stays to be committed.
      if (keys.size > 0 && this.closed === 'no') this.model.violation(`${phase} with ${[...keys].join()}`);
      return;
    }
    if (mode !== this.mode) this.model.violation(`${mode} after a call for ${this.mode}`);
    if (mode === 'group' && this.grouped) return;
    const wanted = mode === 'assigned' ? [...this.wanted.keys()] : [...keys];
    if (mode === 'assigned' && (wanted.length !== keys.size || !wanted.every(key => keys.has(key))))
      this.model.violation(`assigned ${wanted.join()}, but has ${[...keys].join()}`);
    for (const key of [...this.model.ours].filter(one => !keys.has(one))) {
      this.#dropped.add(key);
      this.model.lose(key);
    }
    for (const key of keys) {
      const one = this.wanted.get(key);
      const until = typeof one?.until === 'bigint' ? Number(one.until) : undefined;
      if (this.model.ours.has(key)) this.model.readings.get(key)!.until = until;
      else
        this.model.gain(
          key,
          mode === 'group'
            ? EARLIEST
            : this.grouped && (one?.offset ?? 'committed') === 'committed'
              ? this.#handedOver(key)
              : this.#start(key, one?.offset),
          one?.offset === undefined && this.#dropped.has(key),
          until,
        );
      this.#dropped.delete(key);
    }
  }

  #start(key: string, position: Position | undefined): Start {
    if (typeof position === 'bigint') return exactly(Number(position));
    if (position === 'latest') {
      const from = this.endOf(key);
      return { from: () => from, to: () => this.endOf(key), known: false, wished: true };
    }
    return position === 'earliest' || !this.grouped ? EARLIEST : this.#committed(key);
  }

  /** Where nothing stood in the way of the last commit, nothing that was acked comes again. */
  #handedOver(key: string): Start {
    const before = this.model.readings.get(key);
    const committed = this.#committed(key);
    if (this.#leftInRound.has(key)) return committed;
    if (!this.undisturbed || before === undefined || before.acked.size === 0 || before.mayContinue !== undefined)
      return committed;
    return { ...committed, from: () => Math.max(before.watermark, committed.from()) };
  }

  /** What is committed between now and then. */
  #committed(key: string): Start {
    const [from, to] = [this.committedNow(key), () => this.committedNow(key)];
    // An old commit may still land, and give way to a later one.
    return { from: () => Math.min(from, to()), to: () => Math.max(from, to()), known: false, wished: false };
  }

  committedNow(key: string): number {
    return Number(this.#t.cluster.committed(GROUP).find(one => keyOf(one) === key)?.offset ?? 0n);
  }

  endOf(key: string): number {
    const [topic, partition] = key.split('-') as [string, string];
    try {
      return this.#t.cluster.log(topic, Number(partition)).length;
    } catch {
      return 0;
    }
  }

  #onRequest({ clientId, api, body, at }: JournalEntry): void {
    if (clientId !== 'ours') return;
    const { mode, phase } = this.assignment;
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
    const inside = this.inside.shift();
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

  open(): void {
    if (!this.#view.closed || this.closed !== 'no') return;
    for (const reading of this.model.readings.values()) reading.restart();
    this.#view = this.#consumer.records.subscribe({
      next: record => this.#onRecord(record),
      error: error => this.model.violation(`the view errored: ${String(error)}`),
      complete: () => {
        if (this.closed !== 'no') return;
        for (const [key, { until }] of this.wanted) {
          const reading = this.model.readings.get(key);
          const next = reading?.base === undefined ? (reading?.start.to() ?? 0) : reading.expected;
          if (this.mode !== 'assigned' || until === undefined || (typeof until === 'bigint' && next < Number(until)))
            this.model.violation(`the view completed although ${key} was at ${next} of ${String(until)}`);
        }
      },
    });
  }
}
