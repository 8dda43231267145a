import { MAX_THROTTLE_MS, throttleOf } from '../../lib/network/throttle';
import { api } from '../../lib/protocol/api';

const named = (key: number) =>
  api({ name: 'Any', key, versions: [0, 20], flexible: Infinity, request: {}, response: {} });

describe('throttleOf', () => {
  it.each([
    ['Produce, which answered late before KIP-219', 0, 5, { throttleTimeMs: 100 }, 0],
    ['Produce, which mutes after answering', 0, 6, { throttleTimeMs: 100 }, 100],
    ['Fetch, which answered late', 1, 7, { throttleTimeMs: 100 }, 0],
    ['Fetch, which mutes', 1, 8, { throttleTimeMs: 100 }, 100],
    ['an API younger than KIP-219', 60, 0, { throttleTimeMs: 100 }, 100],
    ['no throttle', 1, 12, { throttleTimeMs: 0 }, 0],
    ['a negative throttle', 1, 12, { throttleTimeMs: -5 }, 0],
    ['a response without the field', 1, 12, {}, 0],
    ['an absurd throttle', 1, 12, { throttleTimeMs: 2 ** 31 - 1 }, MAX_THROTTLE_MS],
  ])('reads %s', (_, key, version, response, expected) => {
    expect(throttleOf(named(key), version, response)).toBe(expected);
  });
});
