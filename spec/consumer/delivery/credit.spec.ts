import fc from 'fast-check';
import { Credit, type CreditShare } from '../../../lib/consumer/delivery/credit';

describe('Credit', () => {
  it('never lets out more records than the window, nor more bytes but for one record of an idle partition', () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          do: fc.constant('take' as const),
          of: fc.nat(7),
          bytes: fc.integer({ min: 1, max: 40 }),
        }),
      },
      { weight: 5, arbitrary: fc.record({ do: fc.constant('give' as const), of: fc.nat(7), bytes: fc.constant(0) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom('join' as const, 'leave' as const, 'giveAll' as const),
          of: fc.nat(7),
          bytes: fc.constant(0),
        }),
      },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.array(step, { maxLength: 300 }), (window, steps) => {
        const credit = new Credit(window, 100);
        const shares: { share: CreditShare; held: number[] }[] = [{ share: credit.join(), held: [] }];
        for (const one of steps) {
          if (one.do === 'join') {
            if (shares.length < 8) shares.push({ share: credit.join(), held: [] });
            continue;
          }
          const at = one.of % shares.length;
          const { share, held } = shares[at]!;
          if (one.do === 'leave') {
            if (shares.length === 1) continue;
            credit.leave(share);
            shares.splice(at, 1);
          } else if (one.do === 'giveAll') {
            credit.giveAll(share);
            held.length = 0;
          } else if (one.do === 'give') {
            if (held.length > 0) credit.give(share, held.pop()!);
          } else if (credit.admits(share, one.bytes)) {
            const out = shares.flatMap(it => it.held);
            const bytes = out.reduce((a, b) => a + b, 0);
            if (held.length > 0) expect(bytes + one.bytes).toBeLessThanOrEqual(100);
            expect(credit.allowance(share)).toBeGreaterThan(0);
            credit.take(share, one.bytes);
            held.push(one.bytes);
            expect(out.length + 1).toBeLessThanOrEqual(window);
          }
          for (const it of shares) {
            expect(it.share.records).toBe(it.held.length);
            expect(it.share.bytes).toBe(it.held.reduce((a, b) => a + b, 0));
          }
        }
      }),
    );
  });

  it('keeps half of the window for the other partitions when one is stuck', () => {
    const credit = new Credit(1_000, 1e9);
    const stuck = credit.join();
    const others = Array.from({ length: 9 }, () => credit.join());
    while (credit.admits(stuck, 1)) credit.take(stuck, 1);
    expect(stuck.records).toBe(550);
    for (const other of others) {
      while (credit.admits(other, 1)) credit.take(other, 1);
      expect(other.records).toBe(50);
    }
  });

  it('gives a single partition the whole window', () => {
    const credit = new Credit(1_000, 1e9);
    const only = credit.join();
    while (credit.admits(only, 1)) credit.take(only, 1);
    expect(only.records).toBe(1_000);
  });

  it('promises a partition that joins nothing of what another has out', () => {
    const credit = new Credit(10, 1e9);
    const first = credit.join();
    while (credit.admits(first, 1)) credit.take(first, 1);
    const second = credit.join();
    expect([credit.admits(second, 1), credit.allowance(second)]).toEqual([false, 0]);
    credit.give(first, 1);
    expect([credit.admits(second, 1), credit.admits(first, 1)]).toEqual([true, false]);
  });

  it.each([501, 1_000, 5_000])('gives a hot partition among %d half of the window, and a stuck one no more', count => {
    // With 1,000 partitions everything was reserved, one record each, and a hot one crawled along; with more, nothing
    // was, and a stuck one held up all the others.
    const credit = new Credit(1_000, 1e9);
    const [stuck, other] = Array.from({ length: count }, () => credit.join());
    while (credit.admits(stuck!, 1)) credit.take(stuck!, 1);
    expect([stuck!.records, credit.allowance(stuck!)]).toEqual([500, 0]);
    expect([credit.admits(other!, 1), credit.allowance(other!)]).toEqual([true, 500]);
  });

  it('lets a record through that is larger than the whole window, alone', () => {
    const credit = new Credit(10, 100);
    const share = credit.join();
    expect(credit.admits(share, 1_000)).toBe(true);
    credit.take(share, 1_000);
    expect(credit.admits(share, 1)).toBe(false);
    credit.give(share, 1_000);
    expect(credit.admits(share, 1)).toBe(true);
  });
});
