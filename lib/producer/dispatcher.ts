import type { Unsubscribable } from 'rxjs';
import type { Runtime } from '../types';
import { Alarm } from './alarm';
import type { BrokerSender } from './broker-sender';
import type { PartitionQueue } from './partition-queue';

/**
 * Brings the queues with work to the senders of their leaders, once per turn of I/O: a thousand single sends in one turn
 * leave as one request. Partitions without a leader wait here.
 */
export class Dispatcher {
  readonly #senders = new Map<number, BrokerSender>();
  readonly #leaderless = new Set<PartitionQueue>();
  readonly #alarm: Alarm;
  #turn: Unsubscribable | undefined;
  #now: number | undefined;
  #closed = false;

  constructor(
    private readonly runtime: Runtime,
    private readonly options: {
      readonly senderOf: (nodeId: number) => BrokerSender;
      /** At the end of each turn in which something happened. */
      readonly onTurn: () => void;
      /** A partition has work and no leader. */
      readonly onLeaderless: () => void;
    },
  ) {
    this.#alarm = new Alarm(runtime, () => this.schedule());
  }

  /** The clock in ms, read once per turn. */
  now(): number {
    if (this.#now !== undefined) return this.#now;
    this.schedule();
    return (this.#now = this.runtime.scheduler.now());
  }

  /** The queue has something to send. */
  activate(queue: PartitionQueue): void {
    if (!queue.active) {
      queue.active = true;
      this.#assign(queue);
    }
    if (this.#turn === undefined) this.schedule();
  }

  /** The queue's leader is another one. */
  move(queue: PartitionQueue): void {
    if (!queue.active) return;
    for (const sender of this.#senders.values()) sender.remove(queue);
    this.#leaderless.delete(queue);
    this.#assign(queue);
    this.schedule();
  }

  /** Runs at the end of this turn. */
  schedule(): void {
    if (this.#turn === undefined && !this.#closed) this.#turn = this.runtime.yield(() => this.#run());
  }

  close(): void {
    this.#closed = true;
    this.#turn?.unsubscribe();
    this.#alarm.cancel();
    for (const sender of this.#senders.values()) sender.close();
    this.#senders.clear();
    this.#leaderless.clear();
  }

  #assign(queue: PartitionQueue): void {
    if (queue.leader < 0) {
      this.#leaderless.add(queue);
      return;
    }
    let sender = this.#senders.get(queue.leader);
    if (sender === undefined) this.#senders.set(queue.leader, (sender = this.options.senderOf(queue.leader)));
    sender.add(queue);
  }

  #run(): void {
    this.#turn = undefined;
    this.#now = undefined;
    const now = this.runtime.scheduler.now();
    let wakeAt = Infinity;
    for (const sender of this.#senders.values()) wakeAt = Math.min(wakeAt, sender.drain(now));
    for (const queue of this.#leaderless) {
      if (!queue.idle) continue;
      queue.active = false;
      this.#leaderless.delete(queue);
    }
    if (this.#leaderless.size > 0) this.options.onLeaderless();
    this.#alarm.setNoLaterThan(wakeAt);
    this.options.onTurn();
  }
}
