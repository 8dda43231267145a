import fc from 'fast-check';
import { Fifo } from '../../lib/operators/fifo';

describe('Fifo', () => {
  it('gives back what was pushed, in order, however pushes and takes mix', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(), fc.constant('shift' as const)), { maxLength: 300 }), steps => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === 'shift') {
            if (model.length > 0) expect(fifo.shift()).toBe(model.shift());
          } else {
            fifo.push(step);
            model.push(step);
          }
          expect(fifo.length).toBe(model.length);
        }
        fifo.clear();
        fifo.push(7);
        expect([fifo.length, fifo.shift(), fifo.length]).toEqual([1, 7, 0]);
      }),
    );
  });
});
