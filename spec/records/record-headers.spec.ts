import { scanBatches } from '../../lib/records/batch-header';
import { openBatch } from '../../lib/records/batch-reader';
import { buildBatch } from '../../lib/records/build-batch';
import { RecordCursor } from '../../lib/records/record-cursor';
import { readHeaders } from '../../lib/records/record-fields';
import type { HeadersInput, RecordHeaders } from '../../lib/types';
import { javaBatch } from './java-batches';

/** The headers of the last record of a batch, or of the one at `index`. */
function headersOf(batch: Buffer, index: number): RecordHeaders {
  const opened = openBatch(batch, scanBatches(batch)[0]!, { maxInflatedBytes: 0, where: { topic: 't', partition: 0 } });
  const cursor = new RecordCursor(opened);
  for (let at = 0; at <= index; at++) cursor.next();
  return readHeaders(opened.frame, cursor.position);
}

const written = (headers: HeadersInput) => headersOf(buildBatch([{ timestamp: 0, headers }]), 0);

describe('the headers of a record', () => {
  const java = headersOf(javaBatch('none'), 1);

  it('gives the last value of a name, all of them, and text', () => {
    expect(java.get('trace')).toEqual(Buffer.from('2'));
    expect(java.getAll('trace')).toEqual([Buffer.from('α1'), Buffer.from('2')]);
    expect(java.text('trace')).toBe('2');
    expect(java.getAll('absent')).toEqual([]);
  });

  it('tells absent, null and empty apart', () => {
    expect([java.get('absent'), java.get('null'), java.get('empty')]).toEqual([undefined, null, Buffer.alloc(0)]);
    expect([java.text('absent'), java.text('null'), java.text('empty')]).toEqual([undefined, undefined, '']);
  });

  it('goes through them in wire order, as often as one likes', () => {
    for (let time = 0; time < 2; time++)
      expect([...java].map(([name]) => name)).toEqual(['trace', 'empty', 'null', 'trace']);
  });

  it('is empty for a record without any', () => {
    const none = headersOf(javaBatch('none'), 0);
    expect([[...none], none.get('a'), none.getAll('a'), none.text('a')]).toEqual([[], undefined, [], undefined]);
  });

  it('takes names that objects have of their own', () => {
    const headers = written([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect([headers.text('__proto__'), headers.text('constructor'), headers.get('toString')]).toEqual([
      'x',
      'y',
      undefined,
    ]);
  });

  it('reads long names and values, and can be sent again as it is', () => {
    const long: HeadersInput = [
      ['n'.repeat(300), 'é'.repeat(9000)],
      ['a', null],
    ];
    const forwarded = written(written(long));
    expect([...forwarded]).toEqual([
      ['n'.repeat(300), Buffer.from('é'.repeat(9000))],
      ['a', null],
    ]);
  });
});
