import { print } from '../support/print';
import { fuzz, FuzzFailure, type FuzzTarget } from './fuzz';
import { Random } from './random';
import { targets } from './targets';

// Quick counts in every run of the unit suite, the counts per change with KAFKA_RX_FULL=true (a step of .ci/run), the long ones by `npm run fuzz`.
const CHANGE = process.env['KAFKA_RX_FULL'] === 'true';
/** A case takes well under a millisecond: one that takes this long on a busy machine does not end in time anywhere. */
const SLOWEST_MS = 5_000;

describe.each(targets.map(target => [target.name, target] as const))('%s', (_, target) => {
  it(
    target.property,
    () => {
      const figures = fuzz(target, { cases: CHANGE ? target.cases.change : target.cases.quick });
      print(
        `${figures.target}: ${figures.cases} cases, ${figures.checks} checks in ${figures.ms.toFixed(0)} ms, slowest ${figures.slowestMs.toFixed(1)} ms`,
      );
      expect(figures.slowestMs).toBeLessThan(SLOWEST_MS);
    },
    CHANGE ? 120_000 : 30_000,
  );
});

describe('fuzz', () => {
  const flawed: FuzzTarget = {
    name: 'flawed',
    property: 'no number ends in 7',
    cases: { quick: 1, change: 1, long: 1 },
    run: (_, seed) => {
      if (seed % 10 === 7) throw new TypeError('a 7');
    },
  };

  it('says with which seed a target fails, and how to run it again', () => {
    expect(() => fuzz(flawed, { cases: 100, seed: 30 })).toThrow(FuzzFailure);
    expect(() => fuzz(flawed, { cases: 100, seed: 30 })).toThrow('npm run fuzz -- --target flawed --seed 37 --cases 1');
  });

  it('stops after its time', () => {
    const patient: FuzzTarget = { ...flawed, run: () => 2 };
    const { cases, checks } = fuzz(patient, { cases: Infinity, ms: 5 });
    expect(cases).toBeGreaterThan(0);
    expect(checks).toBe(2 * cases);
  });

  it('makes the same case of the same seed, and another of another', () => {
    const bytes = (seed: number) => new Random(seed).bytes(50).toString('hex');
    expect(bytes(1)).toBe(bytes(1));
    expect(bytes(1)).not.toBe(bytes(2));
  });
});
