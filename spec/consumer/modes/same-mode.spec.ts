import type { ConsumerRecord } from '../../../lib/types';
import { consuming, place, values } from '../consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };
const P1 = { topic: TOPIC, partition: 1 };

describe('a second assign', () => {
  it('leaves the position of a kept partition alone, whatever offset it names', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer().assign([{ ...P0, offset: 'earliest' }]);
      reading.records.subscribe(record => seen.push(place(record)));
      at(1_000, () => reading.assign([{ ...P0, offset: 0n }, P1]));
      at(2_000, () => cluster.append(TOPIC, 0, values(3, 4)));
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2', '0:3']);
  });

  it('begins at the offset it names for a partition that was given up, also while its last records are in flight', () => {
    // Used to take the partition back where it stood, or not, depending on whether the drain had ended.
    const seen: string[] = [];
    let acks: boolean[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const held: ConsumerRecord[] = [];
      const reading = consumer({ ack: 'manual' }).assign([{ ...P0, offset: 'earliest' }]);
      reading.records.subscribe(record => {
        seen.push(place(record));
        held.push(record);
      });
      at(1_000, () => reading.assign([P1]));
      at(1_500, () => reading.assign([P1, { ...P0, offset: 1n }]));
      at(2_000, () => (acks = held.map(record => record.ack())));
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2', '0:1', '0:2']);
    expect(acks).toEqual([false, false, false, true, true]);
  });

  const ends: [string, bigint | 'latest' | undefined, string[], number | undefined][] = [
    ['further on', 4n, ['0:0', '0:1', '0:2', '0:3'], 2_000],
    ['before the position, which completes at once', 1n, ['0:0', '0:1'], 1_000],
    ['the end as of the second call', 'latest', ['0:0', '0:1', '0:2', '0:3', '0:4'], 1_000],
    ['none', undefined, ['0:0', '0:1', '0:2', '0:3', '0:4', '0:5'], undefined],
  ];
  it.each(ends)('gives a kept partition the end that it names: %s', (_, until, expected, completed) => {
    // Used to keep the first one: whoever asked for more got a view that completed without it.
    const seen: string[] = [];
    let at_: number | undefined;
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, runtime, at }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      const reading = consumer().assign([{ ...P0, offset: 'earliest', until: 3n }]);
      reading.records.subscribe({
        next: record => seen.push(place(record)),
        complete: () => (at_ = runtime.scheduler.now()),
      });
      at(1_000, () => {
        if (until === 'latest') cluster.append(TOPIC, 0, values(2, 5));
        reading.assign([{ ...P0, ...(until === undefined ? {} : { until }) }]);
      });
      at(2_000, () => cluster.append(TOPIC, 0, until === 'latest' ? values(5, 6) : values(2, 6)));
    });
    expect(seen).toEqual(expected);
    expect(at_).toBe(completed);
  });

  it('reads on behind an end that was reached', () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 6));
      const reading = consumer().assign([{ ...P0, offset: 'earliest', until: 2n }]);
      const listen = () =>
        reading.records.subscribe({ next: record => seen.push(place(record)), complete: () => seen.push('complete') });
      listen();
      at(1_000, () => {
        reading.assign([{ ...P0, until: 4n }]);
        listen();
      });
    });
    expect(seen).toEqual(['0:0', '0:1', 'complete', '0:2', '0:3', 'complete']);
  });

  it('counts also in the moment between the subscription to a view and its first turn', () => {
    // The view completed nonetheless: that it would had been decided when it was subscribed.
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer().assign([{ ...P0, offset: 'earliest', until: 2n }]);
      const listen = () =>
        reading.records.subscribe({ next: record => seen.push(place(record)), complete: () => seen.push('complete') });
      listen();
      at(1_000, () => {
        listen();
        reading.assign([P0]);
      });
    });
    expect(seen).toEqual(['0:0', '0:1', 'complete', '0:2']);
  });

  it('does not end the view of the next mode with what the mode before has reached', () => {
    // The last watermark of a view that was complete asked for its completion once more, and the next view got it.
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      cluster.append(TOPIC, 1, values(0, 1));
      const reading = consumer({ ack: 'manual', offsetReset: 'earliest' }).assign([{ ...P0, until: 2n }]);
      const listen = () =>
        reading.records.subscribe({
          next: record => {
            seen.push(place(record));
            record.ack();
          },
          complete: () => seen.push('complete'),
        });
      listen();
      at(1_000, () => {
        reading.subscribe(TOPIC);
        listen();
      });
    });
    expect(seen.slice(0, 3)).toEqual(['0:0', '0:1', 'complete']);
    expect(seen.slice(3).sort()).toEqual(['0:0', '0:1', '1:0']);
  });
});
