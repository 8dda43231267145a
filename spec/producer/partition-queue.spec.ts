import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { Batch } from '../../lib/producer/batch';
import { PartitionQueue, sequenceAfter } from '../../lib/producer/partition-queue';
import type { ProducerIdentity } from '../../lib/producer/partition-queue';
import { BatchWriter } from '../../lib/records/batch-writer';
import { scanBatches } from '../../lib/records/batch-header';

const ME = {};

/** Somebody who waits and does not mind. */
function waiter(): Subscriber<any> {
  let made: Subscriber<any>;
  new Observable(subscriber => void (made = subscriber)).subscribe({ error: () => undefined });
  return made!;
}

const ID: ProducerIdentity = { producerId: 9n, producerEpoch: 0 };

function queueWith(rules: { idempotent?: boolean; maxInFlight?: number } = {}) {
  const exhausted: ProducerIdentity[] = [];
  const queue = new PartitionQueue('t', 0, 'id', { idempotent: true, maxInFlight: 5, ...rules }, identity =>
    exhausted.push(identity),
  );
  const fill = (records = 2): Batch => {
    const batch = new Batch('t', 0, new BatchWriter({ capacityBytes: 10_000, compression: 'none' }), {
      serial: 0,
      dueAt: 0,
      deadline: 1e9,
    });
    for (let i = 0; i < records; i++) batch.append(0, null, 'v', undefined, waiter(), 0);
    queue.open = batch;
    queue.closeOpen();
    return batch;
  };
  const take = (now = 0): Batch | undefined => {
    const batch = queue.next(now);
    if (batch !== undefined) queue.take(batch, ID, ME);
    return batch;
  };
  /** Epoch and sequence as they are on the wire. */
  const wire = (batch: Batch): readonly [number, number] => {
    const [header] = scanBatches(batch.wire!);
    return [header!.producerEpoch, header!.baseSequence];
  };
  return { queue, fill, take, wire, exhausted };
}

describe('PartitionQueue', () => {
  it('numbers batches as they are first taken, and keeps the numbers on retry', () => {
    const { queue, fill, take, wire } = queueWith();
    const [a, b, c] = [fill(2), fill(3), fill(1)];
    expect([take(), take(), take()]).toEqual([a, b, c]);
    expect([a, b, c].map(wire)).toEqual([
      [0, 0],
      [0, 2],
      [0, 5],
    ]);
    const before = Buffer.from(b.wire!);
    queue.stored(a);
    queue.retry(b, 0);
    queue.retry(c, 0);
    expect(take()).toBe(b);
    expect(b.wire).toEqual(before);
  });

  it('lets nothing overtake a batch that waits for its retry', () => {
    const { queue, fill, take } = queueWith();
    const [a, b] = [fill(), fill()];
    take();
    take();
    const c = fill();
    queue.retry(a, 100);
    expect(take(99)).toBeUndefined();
    queue.retry(b, 0);
    expect(take(99)).toBeUndefined();
    expect(queue.wakeAt(99)).toBe(100);
    expect(queue.wakeAt(100)).toBe(Infinity);
    expect(take(100)).toBe(a);
    expect(take(100)).toBeUndefined();
    queue.stored(a);
    expect(take(100)).toBe(b);
    // All retries are on their way again, in order: what comes behind them may follow.
    expect(take(100)).toBe(c);
  });

  it('has at most five batches in flight, and one without sequences', () => {
    const five = queueWith();
    for (let i = 0; i < 7; i++) five.fill();
    expect(Array.from({ length: 7 }, () => five.take()).filter(Boolean)).toHaveLength(5);
    const one = queueWith({ idempotent: false, maxInFlight: 1 });
    const [a, b] = [one.fill(), one.fill()];
    expect([one.take(), one.take()]).toEqual([a, undefined]);
    one.queue.retry(a, 0);
    expect([one.take(), one.take()]).toEqual([a, undefined]);
    one.queue.stored(a);
    expect(one.take()).toBe(b);
    expect(one.wire(b)).toEqual([-1, -1]);
  });

  it('gives a failed batch’s number to nobody: the next epoch starts once everything in flight is known', () => {
    const { queue, fill, take, wire } = queueWith();
    const [a, b] = [fill(), fill()];
    take();
    take();
    const c = fill();
    queue.giveUp(a);
    expect(take()).toBeUndefined();
    queue.stored(b);
    expect(take()).toBe(c);
    expect(wire(c)).toEqual([1, 0]);
  });

  it('numbers the rest anew when the batch behind a gap turns out not to be stored, and not before all are back', () => {
    const { queue, fill, take, wire } = queueWith();
    const [a, b, c] = [fill(2), fill(2), fill(2)];
    for (let i = 0; i < 3; i++) take();
    queue.giveUp(a);
    expect(queue.isFirst(b)).toBe(true);
    queue.renumber('new-epoch');
    queue.retry(b, 0);
    expect(take()).toBeUndefined();
    queue.retry(c, 0);
    expect(take()).toBe(b);
    expect(wire(b)).toEqual([1, 0]);
    queue.stored(b);
    expect(take()).toBe(c);
    expect(wire(c)).toEqual([1, 2]);
  });

  it('keeps the place of a batch that expired in flight until its answer', () => {
    const { queue, fill, take, wire } = queueWith();
    const [a, b] = [fill(), fill()];
    take();
    a.tellFailed(new Error('expired') as never);
    take();
    // Stored after all: its number is used, and there is no gap.
    queue.stored(a);
    queue.stored(b);
    const c = fill();
    take();
    expect(wire(c)).toEqual([0, 4]);
  });

  it('gives up a batch that expired in flight and comes back, instead of sending it again', () => {
    const { queue, fill, take, wire } = queueWith();
    const a = fill();
    take();
    a.tellFailed(new Error('expired') as never);
    queue.retry(a, 0);
    expect(queue.idle).toBe(true);
    const b = fill();
    take();
    expect(wire(b)).toEqual([1, 0]);
  });

  it('asks for another id when the epochs are used up', () => {
    const { queue, fill, exhausted } = queueWith();
    const last = { producerId: 9n, producerEpoch: 0x7fff };
    const a = fill();
    queue.take(queue.next(0)!, last, ME);
    queue.giveUp(a);
    expect(exhausted).toEqual([last]);
    expect(queue.needsIdentity).toBe(true);
  });

  it('splits a batch in its place, within its sequence', () => {
    const { queue, fill, take, wire } = queueWith();
    const a = fill(5);
    take();
    const b = fill(2);
    take();
    const other = queueWith();
    const parts = [other.fill(2), other.fill(3)];
    queue.split(a, parts);
    queue.retry(b, 0);
    expect(take()).toBe(parts[0]);
    queue.stored(parts[0]!);
    expect(take()).toBe(parts[1]);
    queue.stored(parts[1]!);
    expect(take()).toBe(b);
    expect([parts[0]!, parts[1]!, b].map(wire)).toEqual([
      [0, 0],
      [0, 2],
      [0, 5],
    ]);
  });

  it('wraps sequences from 2^31 - 1 to 0', () => {
    expect(sequenceAfter(0x7fffffff, 1)).toBe(0);
    expect(sequenceAfter(0x7ffffffe, 5)).toBe(3);
    expect(sequenceAfter(0, 0)).toBe(0);
  });
});
