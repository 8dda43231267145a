import { PRODUCER_DEFAULTS, resolveProducerOptions } from '../../lib/producer/options';

describe('producer options', () => {
  it('are idempotent with acks all, and only then', () => {
    expect(resolveProducerOptions({})).toMatchObject({ ...PRODUCER_DEFAULTS, idempotent: true });
    expect(resolveProducerOptions({ acks: 1 }).idempotent).toBe(false);
    expect(resolveProducerOptions({ acks: 0 }).idempotent).toBe(false);
    expect(resolveProducerOptions({ acks: 'all', idempotent: false }).idempotent).toBe(false);
  });

  it('take an option that is undefined as not given', () => {
    expect(resolveProducerOptions({ lingerMs: undefined as never }).lingerMs).toBe(0);
  });

  it.each([
    [{ batchSize: 1 }, /unknown option "batchSize".*batchBytes/],
    [{ linger: 1 }, /lingerMs/],
    [{ compresion: 'gzip' }, /did you mean "compression"/],
    [{ acks: -1 }, /"acks" must be 'all' or 1 or 0/],
    [{ acks: 1, idempotent: true }, /"idempotent" needs acks: 'all'/],
    [{ compression: 'brotli' }, /"compression"/],
    [{ lingerMs: -1 }, /"lingerMs"/],
    [{ bufferBytes: 0 }, /"bufferBytes"/],
    [{ lingerMs: 200, deliveryTimeoutMs: 100 }, /"lingerMs" \(200\) must be less than deliveryTimeoutMs \(100\)/],
    [{ partitioner: 'murmur2' }, /"partitioner" must be a function/],
    [{ value: JSON.stringify }, /"value" must have an encode method/],
  ])('%p is refused by name', (given, message) => {
    expect(() => resolveProducerOptions(given as never)).toThrow(message);
  });

  it('do not write to what they are given, and cannot be changed', () => {
    const given = Object.freeze({ lingerMs: 5 });
    expect(Object.isFrozen(resolveProducerOptions(given))).toBe(true);
    expect(given).toEqual({ lingerMs: 5 });
  });
});
