import * as fc from 'fast-check';
import { Deadlines, type Deadline } from '../../lib/network/deadlines';
import { FakeTime } from './fake-broker';

function deadline(due: () => void = () => undefined): Deadline {
  return { at: 0, slot: -1, due };
}

describe('Deadlines', () => {
  it('fire in the order of their time, once, unless cleared or moved', () => {
    const step = fc.record({ id: fc.nat(9), op: fc.constantFrom('set', 'set', 'clear', 'advance'), ms: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), steps => {
        const time = new FakeTime();
        const deadlines = new Deadlines(time, () => 0);
        const fired: [number, number][] = [];
        const model = new Map<number, number>();
        const expected: [number, number][] = [];
        const all = Array.from({ length: 10 }, (_, id) => deadline(() => fired.push([time.scheduler.now(), id])));
        for (const { id, op, ms } of [...steps, { id: 0, op: 'advance', ms: 100 }]) {
          const now = time.scheduler.now();
          if (op === 'set') {
            deadlines.set(all[id]!, now + ms + 1);
            model.set(id, now + ms + 1);
          } else if (op === 'clear') {
            deadlines.clear(all[id]!);
            model.delete(id);
          } else {
            time.advance(ms);
            for (const [key, at] of [...model].sort((a, b) => a[1] - b[1])) {
              if (at > now + ms) continue;
              expected.push([at, key]);
              model.delete(key);
            }
          }
          const sort = (list: [number, number][]) => [...list].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
          expect(sort(fired)).toEqual(sort(expected));
          expect(fired.map(([at]) => at)).toEqual(fired.map(([at]) => at).sort((a, b) => a - b));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('share one timer, which is not touched while deadlines are met', () => {
    const time = new FakeTime();
    let timers = 0;
    const scheduler = time.scheduler;
    const runtime = {
      scheduler: {
        now: () => scheduler.now(),
        schedule: ((...args: Parameters<typeof scheduler.schedule>) => {
          timers += 1;
          return scheduler.schedule(...args);
        }) as typeof scheduler.schedule,
      },
      yield: (work: () => void) => time.yield(work),
      random: () => 0,
    };
    const deadlines = new Deadlines(runtime, () => 0);
    for (let i = 0; i < 10_000; i += 1) {
      const one = deadline();
      deadlines.set(one, scheduler.now() + 30_000);
      deadlines.clear(one);
      time.advance(1);
    }
    expect(timers).toBeLessThan(5);
  });

  it.each([
    ['five turns', 5],
    ['endless turns', Infinity],
  ])('look again while turns of I/O bring bytes, but not for ever: %s', (_, busyTurns) => {
    const time = new FakeTime();
    let received = 0;
    let turns = 0;
    const turn = (work: () => void) => () => {
      turns += 1;
      if (turns <= busyTurns) received += 1;
      work();
    };
    const runtime = { scheduler: time.scheduler, yield: (work: () => void) => time.yield(turn(work)), random: () => 0 };
    const deadlines = new Deadlines(runtime, () => received);
    let firedIn = 0;
    deadlines.set(
      deadline(() => (firedIn = turns)),
      10,
    );
    time.advance(10);
    expect(firedIn).toBe(Math.min(busyTurns + 1, 32));
  });

  it('are silent once stopped', () => {
    const time = new FakeTime();
    const deadlines = new Deadlines(time, () => 0);
    let fired = false;
    deadlines.set(
      deadline(() => (fired = true)),
      10,
    );
    deadlines.stop();
    deadlines.set(
      deadline(() => (fired = true)),
      10,
    );
    time.advance(100);
    expect(fired).toBe(false);
    expect(time.scheduler.actions.length).toBe(0);
  });

  it('may be set again while they fire, or stopped', () => {
    const time = new FakeTime();
    const deadlines = new Deadlines(time, () => 0);
    const at: number[] = [];
    const beat: Deadline = deadline(() => {
      at.push(time.scheduler.now());
      if (at.length < 3) deadlines.set(beat, time.scheduler.now() + 10);
      else deadlines.stop();
    });
    deadlines.set(beat, 10);
    time.advance(100);
    expect(at).toEqual([10, 20, 30]);
  });
});
