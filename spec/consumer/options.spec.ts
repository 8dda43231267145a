import { CONSUMER_DEFAULTS, resolveConsumerOptions } from '../../lib/consumer/options';
import type { ConsumerOptions } from '../../lib/consumer/options';

const MIB = 1024 * 1024;

describe('the options of a consumer', () => {
  it('have defaults', () => {
    expect(resolveConsumerOptions()).toMatchObject({
      offsetReset: 'latest',
      offsetResetOfNew: 'earliest',
      outOfRange: 'earliest',
      isolation: 'read_committed',
      ack: 'auto',
      window: { records: 1_000, bytes: 32 * MIB, ackAhead: 8_192 },
      fetch: { bufferBytes: 64 * MIB, maxBytes: 16 * MIB, partitionBytes: MIB, minBytes: 1, maxWaitMs: 500 },
      commit: { everyMs: 5_000, everyRecords: Infinity },
      drainMs: 30_000,
      stall: { warnMs: 10_000 },
    });
    expect(Object.isFrozen(CONSUMER_DEFAULTS)).toBe(true);
  });

  it('leave acks to the application in a group', () => {
    expect(resolveConsumerOptions({ groupId: 'g' }).ack).toBe('manual');
    expect(resolveConsumerOptions({ groupId: 'g', ack: 'auto' }).ack).toBe('auto');
  });

  it('keep what is left out of a part', () => {
    expect(resolveConsumerOptions({ fetch: { maxWaitMs: 10 }, window: { records: undefined } as never })).toMatchObject(
      {
        fetch: { maxWaitMs: 10, minBytes: 1 },
        window: { records: 1_000 },
      },
    );
    expect(resolveConsumerOptions({ commit: 'manual' }).commit).toBeUndefined();
    expect(resolveConsumerOptions({ commit: { everyRecords: 5 } }).commit).toEqual({ everyMs: 5_000, everyRecords: 5 });
  });

  it('take a choice of offsetReset for new partitions too', () => {
    expect(resolveConsumerOptions({ offsetReset: 'latest' }).offsetResetOfNew).toBe('latest');
  });

  it.each<[string, unknown, RegExp]>([
    ['a name of another client', { fromBeginning: true }, /"fromBeginning".*offsetReset/],
    ['a misspelt name', { ofsetReset: 'latest' }, /"ofsetReset".*offsetReset/],
    ['a misspelt name in a part', { fetch: { maxBites: 1 } }, /"maxBites".*maxBytes/],
    ['another choice', { offsetReset: 'none' }, /offsetReset.*'earliest' or 'latest'/],
    ['an empty group id', { groupId: '' }, /groupId/],
    ['a text for a number', { drainMs: '1' }, /drainMs.*number/],
    ['a number out of range', { window: { records: 0 } }, /window\.records.*at least|window\.records.*from 1/],
    ['a decoder that is none', { value: JSON.parse }, /value.*decode/],
    ['an option of group membership, which is not there yet', { assignors: [] }, /assignors/],
  ])('refuse %s', (_, given, message) => {
    expect(() => resolveConsumerOptions(given as ConsumerOptions)).toThrow(message);
  });
});
