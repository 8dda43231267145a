import fc from 'fast-check';
import { NO_CREDIT, REFUSED, Tracker } from '../../../lib/consumer/delivery/tracker';

/** What the ring should say, the slow way: every delivery of the partition with all that became of it. */
class Model {
  readonly deliveries: {
    offset: number;
    sequence: number;
    generation: number;
    state: 'held' | 'released' | 'acked' | 'nacked' | 'gone';
  }[] = [];

  live() {
    return this.deliveries.filter(it => it.state !== 'gone');
  }

  lowestUnfinished(): number | undefined {
    return this.live().find(it => it.state !== 'acked')?.offset;
  }

  find(sequence: number, generation: number) {
    return this.deliveries.find(it => it.sequence === sequence && it.generation === generation)!;
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      gap: fc.integer({ min: 0, max: 5 }),
      bytes: fc.nat(1_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('ack' as const, 'nack' as const, 'release' as const, 'ackThrough' as const),
      at: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('rewind' as const, 'clear' as const), at: fc.constant(0) }) },
);

describe('Tracker', () => {
  it('commits the lowest unfinished delivery, whatever happens in whatever order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.constantFrom(1, 2, 64), (steps, capacity) => {
        const tracker = new Tracker(capacity);
        const model = new Model();
        let next = 0;
        let credit = 0;
        const give = (bytes: number) => void (bytes >= 0 && (credit -= 1));
        for (const one of steps) {
          if (one.do === 'open') {
            let offset = next + one.gap;
            // A log would offer the acked records again after a rewind; here they come where the model knows them.
            const again = model.deliveries.find(it => it.offset >= next && it.state === 'gone');
            if (again !== undefined && again.offset <= offset) offset = again.offset;
            next = offset + 1;
            if (tracker.skip(offset)) {
              const acked = model.deliveries.filter(it => it.offset === offset).some(it => it.state === 'acked');
              expect(acked).toBe(true);
              continue;
            }
            const sequence = tracker.open(offset, one.bytes);
            credit++;
            model.deliveries.push({ offset, sequence, generation: tracker.generation, state: 'held' });
          } else if (one.do === 'rewind') {
            const nacked = model.live().find(it => it.state === 'nacked');
            expect(tracker.nackedFrom).toBe(nacked?.sequence ?? Infinity);
            if (nacked === undefined) continue;
            for (const it of model.live()) if (it.offset >= nacked.offset && it.state !== 'acked') it.state = 'gone';
            next = tracker.rewind(nacked.sequence, give);
            expect(next).toBe(nacked.offset);
          } else if (one.do === 'clear') {
            tracker.clear();
            credit = 0;
            for (const it of model.deliveries) it.state = 'gone';
          } else {
            if (model.deliveries.length === 0) continue;
            const it = model.deliveries[one.at % model.deliveries.length]!;
            const open = it.state === 'held' || it.state === 'released';
            if (one.do === 'ackThrough') {
              if (it.state === 'gone' || it.state === 'acked') continue;
              expect(tracker.ackThrough(it.sequence, it.generation, give)).toBe(true);
              for (const other of model.live()) if (other.offset <= it.offset) other.state = 'acked';
            } else if (one.do === 'release') {
              expect(tracker.release(it.sequence, it.generation) !== REFUSED).toBe(it.state === 'held');
              if (it.state === 'held') {
                it.state = 'released';
                credit--;
              }
            } else {
              const result =
                one.do === 'ack' ? tracker.ack(it.sequence, it.generation) : tracker.nack(it.sequence, it.generation);
              expect(result !== REFUSED).toBe(open);
              if (open) expect(result === NO_CREDIT).toBe(it.state === 'released');
              give(result);
              if (open) it.state = one.do === 'ack' ? 'acked' : 'nacked';
            }
          }
          const lowest = model.lowestUnfinished();
          if (lowest === undefined) expect(tracker.span).toBe(0);
          else expect(tracker.lowest).toBe(lowest);
          expect(tracker.pending).toBe(
            model.live().filter(it => it.state === 'held' || it.state === 'released').length,
          );
          expect(credit).toBe(model.live().filter(it => it.state === 'held').length);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('delivers an acked record behind a rewind never again', () => {
    const tracker = new Tracker();
    for (let offset = 0; offset < 6; offset++) tracker.open(offset, 1);
    tracker.ack(3, 0);
    tracker.ack(5, 0);
    tracker.nack(1, 0);
    expect(tracker.rewind(tracker.nackedFrom, () => undefined)).toBe(1);
    const emitted: number[] = [];
    for (let offset = 1; offset < 8; offset++)
      if (!tracker.skip(offset)) emitted.push(tracker.open(offset, 1) && offset);
    expect(emitted).toEqual([1, 2, 4, 6, 7]);
    expect(tracker.lowest).toBe(0);
  });

  it('refuses the settles of deliveries that a rewind took back, and not of those before it', () => {
    const tracker = new Tracker();
    for (let offset = 0; offset < 3; offset++) tracker.open(offset, 1);
    tracker.nack(1, 0);
    tracker.rewind(1, () => undefined);
    tracker.open(1, 1);
    tracker.open(2, 1);
    expect(tracker.ack(2, 0)).toBe(REFUSED);
    expect(tracker.isSuperseded(2, 0)).toBe(true);
    expect(tracker.isSuperseded(0, 0)).toBe(false);
    expect(tracker.ack(0, 0)).toBe(1);
    expect(tracker.ack(2, 1)).toBe(1);
    expect(tracker.lowest).toBe(1);
  });

  it('takes acks of abandoned deliveries, without credit, and waits for none of them', () => {
    const tracker = new Tracker();
    tracker.open(0, 10);
    tracker.open(1, 10);
    tracker.abandon();
    expect(tracker.pending).toBe(0);
    expect(tracker.ack(0, 0)).toBe(NO_CREDIT);
    expect(tracker.lowest).toBe(1);
  });

  it('grows when many deliveries are out, and keeps them', () => {
    const tracker = new Tracker(2);
    for (let offset = 0; offset < 1_000; offset++) tracker.open(offset * 2, offset);
    for (let sequence = 999; sequence > 0; sequence--) expect(tracker.ack(sequence, 0)).toBe(sequence);
    expect([tracker.span, tracker.lowest]).toEqual([1_000, 0]);
    tracker.ack(0, 0);
    expect(tracker.span).toBe(0);
  });
});
