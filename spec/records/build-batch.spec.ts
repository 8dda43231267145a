import { assignOffsets, setLogAppendTime } from '../../lib/records/assign-offsets';
import { scanBatches } from '../../lib/records/batch-header';
import { openBatch } from '../../lib/records/batch-reader';
import { buildBatch, type BatchOptions } from '../../lib/records/build-batch';
import { controlRecord, readControlType } from '../../lib/records/control-record';
import { RecordCursor } from '../../lib/records/record-cursor';
import { javaBatch, javaRecords, JAVA_TIME } from './java-batches';
import { readAll } from './read-all';

const records = javaRecords.map(({ offset, ...record }) => ({ ...record, offsetDelta: offset - 42 }));
const inLog: BatchOptions = { baseOffset: 42n, leaderEpoch: 7 };

describe('buildBatch', () => {
  it('builds byte for byte what Java builds', () => {
    const hex = (batch: Buffer) => batch.toString('hex');
    expect(hex(buildBatch(records, inLog))).toBe(hex(javaBatch('none')));
    expect(hex(buildBatch(records, { ...inLog, appendTime: JAVA_TIME + 999 }))).toBe(hex(javaBatch('append')));
    const marker: BatchOptions = {
      ...inLog,
      baseOffset: 50n,
      producerId: 12n,
      producerEpoch: 1,
      transactional: true,
      control: true,
    };
    const aborted = { baseOffset: 60n, producerId: 3_000_000_000_000n };
    expect(hex(buildBatch([controlRecord('commit', JAVA_TIME, 4)], marker))).toBe(hex(javaBatch('commit')));
    expect(hex(buildBatch([controlRecord('abort', JAVA_TIME, 5)], { ...marker, ...aborted }))).toBe(
      hex(javaBatch('abort')),
    );
  });

  it('builds a batch that compaction has emptied, which still says where the next begins', () => {
    const [header] = scanBatches(buildBatch([], { baseOffset: 100n, lastOffsetDelta: 9, compression: 'gzip' }));
    expect(header).toMatchObject({ recordCount: 0, nextOffset: 110n, compression: 'gzip' });
    expect(readAll(buildBatch([], { compression: 'gzip' }))).toEqual([]);
  });

  it.each(['none', 'gzip', 'snappy', 'lz4'] as const)('compresses with %s', compression => {
    const batch = buildBatch(records, { ...inLog, compression });
    expect(scanBatches(batch)[0]).toMatchObject({ compression, recordCount: 4 });
    expect(readAll(batch)).toEqual(javaRecords);
  });
});

describe('assignOffsets and setLogAppendTime', () => {
  it('place a batch in the log as a broker does, the CRC being right still', () => {
    const batch = buildBatch(records);
    assignOffsets(batch, 42n, 7);
    expect(batch.equals(javaBatch('none'))).toBe(true);
    setLogAppendTime(batch, JAVA_TIME + 999);
    expect(batch.equals(javaBatch('append'))).toBe(true);
  });
});

describe('readControlType', () => {
  const typeOf = (batch: Buffer) => {
    const opened = openBatch(batch, scanBatches(batch)[0]!, {
      maxInflatedBytes: 0,
      where: { topic: 't', partition: 0 },
    });
    const cursor = new RecordCursor(opened);
    cursor.next();
    return readControlType(opened.frame, cursor.position);
  };

  it('tells commit from abort, and from what is neither', () => {
    expect(typeOf(javaBatch('commit'))).toBe(1);
    expect(typeOf(javaBatch('abort'))).toBe(0);
    expect(typeOf(javaBatch('leaderChange'))).toBe(2);
    expect(typeOf(buildBatch([{ timestamp: 0, key: null }], { control: true }))).toBe(-1);
    expect(typeOf(buildBatch([{ timestamp: 0, key: 'abc' }], { control: true }))).toBe(-1);
  });
});
