import { takeIn } from '../../../lib/consumer/fetch/arrivals';
import type { FetchedPartition } from '../../../lib/consumer/fetch/arrivals';
import { PartitionState } from '../../../lib/consumer/partition-state';
import { DecodeError } from '../../../lib/errors';
import { assignOffsets } from '../../../lib/records/assign-offsets';
import { buildBatch } from '../../../lib/records/build-batch';
import { controlRecord } from '../../../lib/records/control-record';

const record = { timestamp: 1, key: null, value: 'v' };

/** A batch of `count` records at an offset; a marker where `count` is 0. */
function batch(baseOffset: bigint, count: number, leaderEpoch = 3): Buffer {
  const built =
    count === 0
      ? buildBatch([controlRecord('commit', 1)], { producerId: 1n, transactional: true, control: true })
      : buildBatch(Array.from({ length: count }, () => record));
  assignOffsets(built, baseOffset, leaderEpoch);
  return built;
}

/** What a delivery is told when a partition at `offset`, ending before `end`, gets these bytes. */
function arrive(records: Buffer | null, offset: bigint, end?: bigint) {
  const told: string[] = [];
  const state = new PartitionState('t', 0, offset, undefined);
  state.jump(offset);
  state.end = end;
  state.delivery = {
    push: (batches: { header: { baseOffset: bigint }; from: bigint }[]) =>
      told.push(...batches.map(one => `push ${one.header.baseOffset} from ${one.from}`)),
    skipTo: (to: bigint) => told.push(`skip to ${to}`),
  } as never;
  const moved = takeIn(
    state,
    { records, highWatermark: 99n, lastStableOffset: 99n, abortedTransactions: null } as FetchedPartition,
    true,
  );
  return { told, moved, next: state.offset, epoch: state.lastFetchedEpoch };
}

describe('batches that arrive', () => {
  it('move the position by their headers', () => {
    expect(arrive(Buffer.concat([batch(0n, 3), batch(3n, 2, 4)]), 0n)).toEqual({
      told: ['push 0 from 0', 'push 3 from 0'],
      moved: true,
      next: 5n,
      epoch: 4,
    });
  });

  it('are stepped over in order where they hold nothing for the application', () => {
    expect(arrive(Buffer.concat([batch(0n, 1), batch(1n, 0), batch(2n, 1), batch(3n, 0)]), 0n).told).toEqual([
      'push 0 from 0',
      'skip to 2',
      'push 2 from 0',
      'skip to 4',
    ]);
  });

  it('may begin before what was asked for, or lie before it as a whole', () => {
    expect(arrive(Buffer.concat([batch(0n, 3), batch(3n, 3)]), 4n)).toMatchObject({
      told: ['push 3 from 4'],
      next: 6n,
    });
  });

  it('are not taken from the end on, and a hole before the end counts as reached', () => {
    expect(arrive(Buffer.concat([batch(0n, 2), batch(2n, 2)]), 0n, 2n)).toMatchObject({
      told: ['push 0 from 0', 'skip to 2'],
      next: 2n,
    });
    expect(arrive(Buffer.concat([batch(0n, 2), batch(7n, 2)]), 0n, 5n)).toMatchObject({
      told: ['push 0 from 0', 'skip to 5'],
      next: 5n,
    });
  });

  it('may be cut off behind a whole one', () => {
    const first = batch(0n, 3);
    const second = batch(3n, 3);
    for (let bytes = 0; bytes < second.length; bytes++)
      expect(arrive(Buffer.concat([first, second.subarray(0, bytes)]), 0n)).toMatchObject({ moved: true, next: 3n });
  });

  it('are refused when they are no answer to what was asked: the same bytes would come again, as fast as they can', () => {
    // Since Fetch v3 a broker answers with a whole batch that reaches to the offset, or with nothing.
    const whole = batch(0n, 3);
    const refusal = (offset: bigint) =>
      expect.objectContaining({
        name: 'DecodeError',
        topic: 't',
        partition: 0,
        offset,
        message: expect.stringContaining('no whole batch'),
      });
    for (let bytes = 1; bytes < whole.length; bytes++)
      expect(() => arrive(whole.subarray(0, bytes), 0n)).toThrow(refusal(0n));
    expect(() => arrive(whole, 5n)).toThrow(refusal(5n));
    for (const none of [null, Buffer.alloc(0)]) expect(arrive(none, 0n).moved).toBe(false);
  });

  it('keep offsets beyond 2^53 exact', () => {
    const far = 2n ** 53n + 1n;
    expect(arrive(batch(far, 2), far)).toMatchObject({ told: [`push ${far} from ${far}`], next: far + 2n });
  });

  it('are refused when they are no batches', () => {
    const wrong = batch(0n, 1);
    wrong[16] = 9;
    expect(() => arrive(wrong, 0n)).toThrow(DecodeError);
  });
});
