import { SequenceWindow, type SequencedBatch } from '../../lib/testing/sequence-window';

const MAX = 0x7fff_ffff;

function batch(baseSequence: number, count = 1, epoch = 0, producerId = 7n): SequencedBatch {
  return { producerId, producerEpoch: epoch, baseSequence, lastOffsetDelta: count - 1 };
}

/** A window that has seen these batches, at offsets 100, 200, … */
function seen(...batches: readonly SequencedBatch[]): SequenceWindow {
  const window = new SequenceWindow();
  batches.forEach((it, index) => window.remember(it, { baseOffset: BigInt(100 * (index + 1)), logAppendTimeMs: -1 }));
  return window;
}

const APPEND = { kind: 'append' };
const OUT_OF_ORDER = { kind: 'refused', errorCode: 45 };
const FENCED = { kind: 'refused', errorCode: 47 };

describe('SequenceWindow', () => {
  test.each([
    ['a producer without an id is not checked', seen(), batch(-1, 3, -1, -1n), APPEND],
    ['a producer never seen may begin anywhere', seen(), batch(42), APPEND],
    ['the next sequence is appended', seen(batch(0, 10)), batch(10), APPEND],
    ['a gap is out of order', seen(batch(0, 10)), batch(11), OUT_OF_ORDER],
    ['what overlaps the last batch is out of order', seen(batch(0, 10)), batch(5, 10), OUT_OF_ORDER],
    ['a resend cut differently is out of order', seen(batch(0, 10)), batch(0, 9), OUT_OF_ORDER],
    ['sequences wrap to 0', seen(batch(MAX - 1, 2)), batch(0), APPEND],
    ['a batch may wrap inside', seen(batch(MAX - 1, 4)), batch(2), APPEND],
    ['an older epoch is fenced', seen(batch(0, 1, 3)), batch(1, 1, 2), FENCED],
    ['a new epoch begins with 0', seen(batch(0, 9)), batch(0, 1, 1), APPEND],
    ['a new epoch does not begin elsewhere', seen(batch(0, 9)), batch(9, 1, 1), OUT_OF_ORDER],
    ['another producer has its own sequences', seen(batch(0, 9)), batch(5, 1, 0, 8n), APPEND],
  ])('%s', (_title, window, next, verdict) => expect(window.check(next)).toEqual(verdict));

  it('answers a resend of each of the last five batches with its first offset, and refuses the sixth', () => {
    const sent = [0, 1, 2, 3, 4, 5].map(sequence => batch(sequence));
    const window = seen(...sent);
    expect(sent.map(it => window.check(it))).toEqual([
      OUT_OF_ORDER,
      ...[200n, 300n, 400n, 500n, 600n].map(baseOffset => ({
        kind: 'duplicate',
        stored: expect.objectContaining({ baseOffset, logAppendTimeMs: -1 }),
      })),
    ]);
  });

  it('forgets the batches of an epoch when the next one begins', () => {
    const window = seen(batch(0, 5), batch(0, 5, 1));
    expect(window.check(batch(0, 5, 1))).toMatchObject({ kind: 'duplicate', stored: { baseOffset: 200n } });
    expect(window.check(batch(5, 1, 1))).toEqual(APPEND);
  });

  it('fences older epochs after a marker in a newer one', () => {
    const window = seen(batch(0, 5));
    window.fence(7n, 2);
    expect(window.check(batch(5, 1, 0))).toEqual(FENCED);
    expect(window.check(batch(0, 1, 2))).toEqual(APPEND);
  });
});
