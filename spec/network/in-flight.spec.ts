import * as fc from 'fast-check';
import { InFlight } from '../../lib/network/in-flight';

describe('InFlight', () => {
  it('is a queue of any length', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 300 }), steps => {
        const queue = new InFlight<{ correlationId: number }>();
        const model: { correlationId: number }[] = [];
        steps.forEach((push, correlationId) => {
          if (push || steps.length % 3 === 0) {
            const place = { correlationId };
            queue.push(place);
            model.push(place);
          } else {
            expect(queue.shift()).toBe(model.shift());
          }
          const seen: unknown[] = [];
          queue.forEach(place => seen.push(place));
          expect(seen).toEqual(model);
          expect(queue.size).toBe(model.length);
          expect(queue.head).toBe(model[0]);
        });
      }),
    );
  });
});
