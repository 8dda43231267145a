import * as fc from 'fast-check';
import { print } from '../../support/print';
import { shown, steps } from './moves';
import { runMoves } from './run-moves';
import type { Protocol } from './switched-consumer';

const FULL = process.env['KAFKA_RX_FULL'] === 'true';
/** Sequences of moves for each of the four ways. */
const RUNS = FULL ? 2_500 : 150;
const PROTOCOLS: readonly Protocol[] = ['no group', 'cooperative', 'range', 'KIP-848'];

// Random calls, moves of the cluster and of another member of the group, against a model that knows only what the last call said, what
// the rebalance events said, and what was acked.
describe('a consumer that is switched between modes at random', () => {
  it.each(PROTOCOLS)(
    'has one mode at a time, delivers without gap and without repeat beyond the un-acked, and commits what was acked (%s)',
    protocol => {
      const began = Date.now();
      let runs = 0;
      let records = 0;
      let moves = 0;
      fc.assert(
        fc.property(steps, list => {
          const { violations, delivered } = runMoves(protocol, list);
          runs++;
          moves += list.length;
          records += delivered;
          if (violations.length > 0) throw new Error(`${violations.join('\n')}\nafter\n${shown(list)}`);
        }),
        // The same ones in every CI run, others in each full one.
        { numRuns: RUNS, ...(FULL ? {} : { seed: 6 }) },
      );
      print(`modes (${protocol}): ${runs} sequences, ${moves} moves, ${records} records in ${Date.now() - began} ms`);
    },
    FULL ? 3_600_000 : 60_000,
  );
});
