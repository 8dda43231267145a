import fc from 'fast-check';
import { Lanes } from '../../lib/operators/lanes';

describe('Lanes', () => {
  it('runs each key in order and one at a time, at most `concurrency` in all, and forgets empty lanes', () => {
    const item = fc.record({ key: fc.nat(4), sync: fc.boolean(), pauses: fc.boolean() });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(item, { maxLength: 60 }),
        fc.infiniteStream(fc.nat()),
        (concurrency, items, chance) => {
          type Item = (typeof items)[number] & { at: number };
          const running: Item[] = [];
          const paused: Item[] = [];
          const order = new Map<number, number[]>();
          const begin = (it: Item) => {
            expect([...running, ...paused].some(other => other.key === it.key)).toBe(false);
            expect(running.length).toBeLessThan(concurrency);
            if (!order.has(it.key)) order.set(it.key, []);
            order.get(it.key)!.push(it.at);
          };
          const lanes: Lanes<Item> = new Lanes(
            concurrency,
            (it: Item) => it.key,
            (it: Item) => {
              begin(it);
              if (!it.sync) running.push(it);
              return !it.sync;
            },
          );
          const finishOne = () => {
            const all = [...running, ...paused];
            if (all.length === 0) return false;
            const it = all[chance.next().value % all.length]!;
            if (paused.includes(it)) {
              paused.splice(paused.indexOf(it), 1);
              const wasIn = order.get(it.key)!;
              lanes.resume(it.key, () => {
                expect(running.length).toBeLessThan(concurrency);
                expect(wasIn.at(-1)).toBe(it.at);
                running.push(it);
              });
            } else if (it.pauses) {
              it.pauses = false;
              running.splice(running.indexOf(it), 1);
              paused.push(it);
              lanes.pause();
            } else {
              running.splice(running.indexOf(it), 1);
              lanes.release(it.key);
            }
            return true;
          };
          items.forEach((it, at) => {
            lanes.offer({ ...it, at });
            if (chance.next().value % 2 === 0) finishOne();
          });
          while (finishOne());
          expect(lanes.idle).toBe(true);
          for (const [key, ran] of order) {
            expect(ran).toEqual(items.flatMap((it, at) => (it.key === key ? [at] : [])));
          }
          expect((lanes as unknown as { lanes: Map<unknown, unknown> }).lanes.size).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps a flat stack when a long queue turns out to be synchronous', () => {
    let held: string | undefined;
    let ran = 0;
    const lanes: Lanes<number> = new Lanes(
      1,
      () => 'one',
      it => {
        ran++;
        if (it === 0) held = 'one';
        return it === 0;
      },
    );
    for (let at = 0; at < 100_000; at++) lanes.offer(at);
    expect(ran).toBe(1);
    lanes.release(held);
    expect([ran, lanes.idle]).toEqual([100_000, true]);
  });

  it('runs nothing inside the run of another item', () => {
    const log: string[] = [];
    const lanes: Lanes<string> = new Lanes(
      4,
      it => it[0],
      it => {
        log.push(`begin ${it}`);
        if (it === 'a1') {
          lanes.offer('a2');
          lanes.offer('b1');
        }
        log.push(`end ${it}`);
        return false;
      },
    );
    lanes.offer('a1');
    expect(log).toEqual(
      ['begin a1', 'end a1', 'begin b1', 'end b1', 'begin a2', 'end a2'].sort(
        (x, y) => log.indexOf(x) - log.indexOf(y),
      ),
    );
    expect(log.indexOf('end a1')).toBe(1);
    expect(lanes.idle).toBe(true);
  });

  it('starts nothing after close', () => {
    const started: number[] = [];
    const lanes: Lanes<number> = new Lanes(1, undefined, it => (started.push(it), true));
    lanes.offer(1);
    lanes.offer(2);
    lanes.close();
    lanes.release({});
    lanes.resume({}, () => started.push(99));
    expect(started).toEqual([1]);
  });
});
