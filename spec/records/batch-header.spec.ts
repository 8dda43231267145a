import { DecodeError } from '../../lib/errors';
import { scanBatches } from '../../lib/records/batch-header';
import { BATCH } from '../../lib/records/batch-layout';
import { javaBatch, JAVA_TIME } from './java-batches';

describe('scanBatches', () => {
  it('reads every field of a header as Java wrote it', () => {
    const [header] = scanBatches(javaBatch('gzip'));
    expect(header).toMatchObject({
      baseOffset: 42n,
      batchLength: 0x95,
      totalBytes: javaBatch('gzip').length,
      leaderEpoch: 7,
      magic: 2,
      crc: 0xe12a8514,
      lastOffsetDelta: 6,
      lastOffset: 48n,
      nextOffset: 49n,
      baseTimestamp: JAVA_TIME,
      maxTimestamp: JAVA_TIME + 30 * 86_400_000,
      producerId: 2n ** 53n + 1n,
      producerEpoch: 3,
      baseSequence: 2 ** 31 - 1,
      recordCount: 4,
      position: 0,
      codec: 1,
      compression: 'gzip',
      isTransactional: true,
      isControl: false,
      timestampType: 'create',
    });
  });

  it('tells control batches, LogAppendTime and emptied batches', () => {
    expect(scanBatches(javaBatch('commit'))[0]).toMatchObject({
      isControl: true,
      isTransactional: true,
      baseOffset: 50n,
    });
    expect(scanBatches(javaBatch('append'))[0]).toMatchObject({
      timestampType: 'append',
      maxTimestamp: JAVA_TIME + 999,
    });
    expect(scanBatches(javaBatch('empty'))[0]).toMatchObject({ recordCount: 0, baseOffset: 100n, nextOffset: 110n });
  });

  it('has no name for a codec that is not assigned', () => {
    const batch = javaBatch('none');
    batch[BATCH.attributes + 1] = 5;
    expect(scanBatches(batch)[0]).toMatchObject({ codec: 5, compression: undefined });
  });

  it('finds batches one behind the other, wherever the field stands in its frame', () => {
    const names = ['none', 'gzip', 'commit', 'empty', 'snappy'] as const;
    const frame = Buffer.concat([Buffer.alloc(13), ...names.map(javaBatch), Buffer.alloc(0)]);
    const headers = scanBatches(frame.subarray(13));
    expect(headers.map(header => header.recordCount)).toEqual([4, 4, 1, 0, 4]);
    expect(headers.map(header => header.position)).toEqual(
      names.map((_, at) => names.slice(0, at).reduce((bytes, name) => bytes + javaBatch(name).length, 0)),
    );
  });

  it('ignores a batch that is cut off at the end, at whatever byte', () => {
    const whole = javaBatch('none');
    const both = Buffer.concat([whole, javaBatch('snappy')]);
    for (let length = 0; length < both.length; length++)
      expect(scanBatches(both.subarray(0, length))).toHaveLength(length < whole.length ? 0 : 1);
    expect(scanBatches(both)).toHaveLength(2);
  });

  it('refuses the formats before v2 by name, and never misreads them', () => {
    const v1 = javaBatch('v1');
    expect(() => scanBatches(v1)).toThrow(DecodeError);
    expect(() => scanBatches(v1)).toThrow(/message format v1, which is not read yet/);
    expect(() => scanBatches(javaBatch('v1gzip'))).toThrow(/message format v1/);
    expect(() => scanBatches(javaBatch('v0'))).toThrow(/message format v0/);
    v1[BATCH.magic] = 3;
    expect(() => scanBatches(v1)).toThrow(/magic 3/);
  });

  const lies: [string, number, 'Int32' | 'BigInt64', number | bigint][] = [
    ['a negative length', BATCH.batchLength, 'Int32', -1],
    ['the most negative length', BATCH.batchLength, 'Int32', -(2 ** 31)],
    ['a length shorter than a header', BATCH.batchLength, 'Int32', 48],
    ['a negative last offset, which would send a reader back for ever', BATCH.lastOffsetDelta, 'Int32', -1],
    ['a negative count', BATCH.recordCount, 'Int32', -2],
    ['a negative offset', BATCH.baseOffset, 'BigInt64', -5n],
  ];
  it.each(lies)('refuses a batch with %s, and says where', (_, field, type, value) => {
    const batch = javaBatch('none');
    if (type === 'Int32') batch.writeInt32BE(value as number, field);
    else batch.writeBigInt64BE(value as bigint, field);
    expect(scanError(batch)).toMatchObject({ name: 'DecodeError', retriable: false, position: field });
  });

  it('reads the good batches before a bad one, which is then the error of the fetch that begins with it', () => {
    const good = javaBatch('none');
    const both = Buffer.concat([good, javaBatch('v1')]);
    expect(scanBatches(both)).toHaveLength(1);
    expect(scanError(both.subarray(good.length))).toMatchObject({ offset: 42n, position: BATCH.magic });
  });
});

function scanError(records: Buffer): unknown {
  try {
    return scanBatches(records);
  } catch (error) {
    return error;
  }
}
