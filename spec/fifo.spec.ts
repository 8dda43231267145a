import fc from 'fast-check';
import { Fifo } from '../lib/fifo';

describe('Fifo', () => {
  it('gives back what was pushed, in order, however pushes and takes mix', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(), fc.constant('shift' as const)), { maxLength: 300 }), steps => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === 'shift') {
            expect(fifo.shift()).toBe(model.shift());
          } else {
            fifo.push(step);
            model.push(step);
          }
          expect([fifo.length, fifo.first]).toEqual([model.length, model[0]]);
          expect([0, 1, model.length - 1, model.length].map(index => fifo.at(Math.max(0, index)))).toEqual(
            [0, 1, model.length - 1, model.length].map(index => model[Math.max(0, index)]),
          );
        }
        fifo.clear();
        fifo.push(7);
        expect([fifo.length, fifo.shift(), fifo.length]).toEqual([1, 7, 0]);
      }),
    );
  });

  it('is whole after a burst, also when it is emptied and used again', () => {
    const fifo = new Fifo<number>();
    for (const burst of [5_000, 1_024, 2_000]) {
      for (let i = 0; i < burst; i++) fifo.push(i);
      for (let i = 0; i < burst; i++) expect(fifo.shift()).toBe(i);
      expect([fifo.length, fifo.first, fifo.shift()]).toEqual([0, undefined, undefined]);
    }
  });
});
