import { Attempts } from '../../../lib/consumer/delivery/attempts';

describe('the attempts of a partition', () => {
  it('count from one, and one more for each that failed', () => {
    const attempts = new Attempts();
    expect(attempts.of(7)).toBe(1);
    attempts.failed(7, 1, 0);
    attempts.failed(7, 2, 0);
    expect([attempts.of(7), attempts.of(8)]).toEqual([3, 1]);
  });

  it('are forgotten from where the position jumped to, or the log was cut, on', () => {
    const attempts = new Attempts();
    for (const offset of [1, 2, 3]) attempts.failed(offset, 1, 0);
    attempts.forgetFrom(2);
    expect([1, 2, 3].map(offset => attempts.of(offset))).toEqual([2, 1, 1]);
  });

  it('of records that are done with are not kept for ever', () => {
    // They were, one for each record that was ever nacked.
    const attempts = new Attempts();
    for (let offset = 0; offset < 10_000; offset++) attempts.failed(offset, 1, offset - 10);
    expect((attempts as unknown as { attempts: Map<number, number> }).attempts.size).toBeLessThanOrEqual(64);
    expect(attempts.of(9_990)).toBe(2);
  });
});
