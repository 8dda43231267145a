import { verdictOf } from '../../lib/producer/verdict';

describe('verdictOf', () => {
  const batch = { idempotent: true, first: true, records: 3, logStartOffset: 5n };

  it.each([
    [0, {}, 'stored'],
    [46, {}, 'stored-before'],
    [2, {}, 'retry'],
    [7, {}, 'retry'],
    [19, {}, 'retry'],
    [20, {}, 'retry'],
    [3, {}, 'refresh'],
    [5, {}, 'refresh'],
    [6, {}, 'refresh'],
    [56, {}, 'refresh'],
    [100, {}, 'refresh'],
    [10, {}, 'split'],
    [10, { records: 1 }, 'fail'],
    [45, {}, 'new-epoch'],
    [45, { first: false }, 'retry'],
    [45, { idempotent: false }, 'fail'],
    [59, {}, 'new-epoch'],
    [59, { logStartOffset: -1n }, 'retry'],
    [59, { first: false }, 'retry'],
    [59, { idempotent: false }, 'fail'],
    [47, {}, 'new-id'],
    [47, { first: false }, 'retry'],
    [-1, {}, 'fail'],
    [17, {}, 'fail'],
    [18, {}, 'fail'],
    [29, {}, 'fail'],
    [87, {}, 'fail'],
    [12345, {}, 'fail'],
  ] as const)('code %i with %p means %s', (code, given, verdict) => {
    expect(verdictOf(code, { ...batch, ...given })).toBe(verdict);
  });
});
