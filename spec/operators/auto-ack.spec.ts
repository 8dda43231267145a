import { from, map, range, Subject, take, tap } from 'rxjs';
import { autoAck } from '../../lib/operators/auto-ack';
import { HandFed } from '../consumer/delivery/hand-fed';
import { handMade } from './hand-made';

describe('autoAck', () => {
  it('acks each record as next returns, and completes and errors with its source', () => {
    const records = [handMade(0), handMade(1)];
    const seen: unknown[] = [];
    from(records)
      .pipe(autoAck())
      .subscribe({ next: () => seen.push(records.map(it => it.outcome)), complete: () => seen.push('complete') });
    expect(seen).toEqual([[undefined, undefined], ['acked', undefined], 'complete']);
    const source = new Subject<never>();
    const errors: unknown[] = [];
    source.pipe(autoAck()).subscribe({ error: error => errors.push(error) });
    source.error('broken');
    expect(errors).toEqual(['broken']);
  });

  it('does not ack the record over which the stream ended', () => {
    for (const end of [
      take<number>(2),
      tap<number>(value => {
        if (value === 1) throw new Error('operator');
      }),
    ]) {
      const records = [0, 1, 2].map(at => handMade(at));
      from(records)
        .pipe(
          autoAck(),
          map(record => record.value),
          end,
        )
        .subscribe({ error: () => undefined });
      expect(records.map(record => record.outcome)).toEqual(['acked', undefined, undefined]);
    }
  });

  it('stops an endless synchronous source', () => {
    const seen: number[] = [];
    range(0, Infinity)
      .pipe(
        map(at => handMade(at)),
        autoAck(),
        take(3),
      )
      .subscribe(record => seen.push(record.value));
    expect(seen).toEqual([0, 1, 2]);
  });

  it('lets a group consumer run through a window of one', () => {
    const fed = new HandFed({ window: { records: 1 } });
    const partition = fed.add();
    fed.push(partition, 0, 10);
    const seen: bigint[] = [];
    fed.delivery.records.pipe(autoAck()).subscribe(record => seen.push(record.offset));
    fed.advance();
    expect([seen.length, partition.watermark]).toEqual([10, 10n]);
  });
});
