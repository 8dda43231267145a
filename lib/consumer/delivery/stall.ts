import type { Subscription } from 'rxjs';
import type { EventSink, Runtime } from '../../types';
import type { PartitionDelivery } from './partition-delivery';

/**
 * Says loudly that a full window is not being settled: a `stalled` event each time it stays so for `warnMs`, and one
 * process warning, since the usual cause is a pipeline that never acks.
 */
export class StallWatch {
  /** Counts settles; the ring's owner adds to it. Cheaper than a clock reading per ack. */
  settles = 0;
  private seen = 0;
  private since = 0;
  private timer: Subscription | undefined;
  private warned = false;

  constructor(
    private readonly runtime: Runtime,
    private readonly warnMs: number,
    private readonly emit: EventSink,
    private readonly partitions: readonly PartitionDelivery[],
  ) {}

  /** The loop rests. While it is blocked no settle can go unnoticed: each one wakes the loop, which rests again. */
  rested(blocked: boolean): void {
    if (!blocked) return this.stop();
    if (this.timer !== undefined && this.settles === this.seen) return;
    this.seen = this.settles;
    this.since = this.runtime.scheduler.now();
    this.timer ??= this.schedule(this.warnMs);
  }

  stop(): void {
    this.timer?.unsubscribe();
    this.timer = undefined;
  }

  private schedule(delayMs: number): Subscription {
    return this.runtime.scheduler.schedule(() => this.check(), delayMs);
  }

  private check(): void {
    const forMs = this.runtime.scheduler.now() - this.since;
    if (this.settles !== this.seen || forMs < this.warnMs) {
      // Settled since, and blocked again (else the timer were stopped): count from then, not with a timer per block.
      this.timer = this.schedule(Math.max(1, this.warnMs - forMs));
      return;
    }
    this.timer = this.schedule(this.warnMs);
    const worst = this.partitions.reduce((a, b) => (b.unacked > a.unacked ? b : a));
    const { topic, partition, oldest, unacked } = worst;
    this.emit({ type: 'stalled', partition: { topic, partition }, oldest, unacked, forMs });
    if (this.warned) return;
    this.warned = true;
    process.emitWarning(
      `The window of un-acked records is full and none was settled for ${forMs} ms (oldest: ${topic}-${partition}@${oldest}, ${unacked} un-acked there). ` +
        'No more records come until some are: let handle() ack them when their work completes, put autoAck() before a synchronous pipeline, or call record.ack().',
      { type: 'KafkaStalledWarning', code: 'KAFKA_RX_STALLED' },
    );
  }
}
