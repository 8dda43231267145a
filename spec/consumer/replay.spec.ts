import { concatMap, delay, filter, of, tap, throwError, toArray } from 'rxjs';
import { handle } from '../../lib/operators/handle';
import type { ConsumerRecord } from '../../lib/types';
import { consuming, place, values } from './consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };
const P1 = { topic: TOPIC, partition: 1 };
const replay = <P>(partition: P) => ({ ...partition, offset: 'earliest' as const, until: 'latest' as const });
const attempt = (record: ConsumerRecord) => `${place(record)}#${record.attempt}`;

describe('a view that ends at until', () => {
  it('completes behind handle only when every record is settled, so that onError may still say retry', () => {
    // Everything was delivered at once, the view completed, and what failed later was nacked to nobody.
    const seen: string[] = [];
    let committed: unknown;
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, runtime, at }) => {
      for (const partition of [0, 1]) cluster.append(TOPIC, partition, values(0, 2));
      consumer({ groupId: 'g' })
        .assign([P0, P1].map(replay))
        .records.pipe(
          handle(
            record =>
              of(attempt(record)).pipe(
                delay(50, runtime.scheduler),
                concatMap(it => (it === '1:0#1' ? throwError(() => new Error('not now')) : of(it))),
              ),
            { onError: () => 'retry' },
          ),
        )
        .subscribe({ next: it => seen.push(it), complete: () => seen.push('complete') });
      at(9_000, () => (committed = cluster.committed('g')));
    });
    expect(seen).toEqual(['0:0#1', '0:1#1', '1:0#2', '1:1#1', 'complete']);
    expect(committed).toEqual([
      { ...P0, offset: 2n },
      { ...P1, offset: 2n },
    ]);
  });

  it('does not complete over a record that was nacked and is yet to come again', () => {
    // Its partition had been reported as ended, and so the end of the other one completed the view.
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, runtime, at }) => {
      cluster.append(TOPIC, 0, values(0, 1));
      cluster.append(TOPIC, 1, values(0, 3));
      const held: ConsumerRecord[] = [];
      consumer({ groupId: 'g', window: { records: 2 } })
        .assign([P0, P1].map(replay))
        .records.pipe(
          tap(record => {
            if (record.partition === 0 && record.attempt === 1) held.push(record);
            else runtime.scheduler.schedule(() => record.ack(), 20);
          }),
        )
        .subscribe({ next: record => seen.push(attempt(record)), complete: () => seen.push('complete') });
      at(25, () => held[0]!.nack(new Error('not now')));
    });
    expect(seen).toEqual(['0:0#1', '1:0#1', '1:1#1', '1:2#1', '0:0#2', 'complete']);
  });

  it('completes at once where nobody but the application settles, which may wait for the end', () => {
    const seen: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      consumer({ groupId: 'g' })
        .assign([replay(P0)])
        .records.pipe(toArray())
        .subscribe(records => seen.push(...records.map(record => record.ack())));
    });
    expect(seen).toEqual([true, true, true]);
  });

  it('completes also when a filter before handle has dropped records for good', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      consumer({ groupId: 'g' })
        .assign([replay(P0)])
        .records.pipe(
          filter(record => record.offset !== 1n),
          handle(place),
        )
        .subscribe({ next: it => seen.push(it), complete: () => seen.push('complete') });
    });
    expect(seen).toEqual(['0:0', '0:2', 'complete']);
  });
});
