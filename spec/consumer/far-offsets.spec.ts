import type { EmbeddedCluster } from '../../lib/testing/index';
import type { ConsumerRecord } from '../../lib/types';
import { consuming, values } from './consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };

/** The first offset that a number cannot hold: 2^53 + 1 reads as 2^53. */
const FAR = 2n ** 53n + 1n;

/** As a log is whose earlier records are long gone. */
function beginAt(cluster: EmbeddedCluster, offset: bigint): void {
  const { log } = cluster['state'].partition(TOPIC, 0)!;
  log.startOffset = log.endOffset = offset;
}

describe('offsets beyond 2^53', () => {
  it('are exact in records and commits, and where the next consumer begins', () => {
    const records: ConsumerRecord[] = [];
    consuming({ topics: { [TOPIC]: 1 }, forMs: 30_000 }, ({ cluster, consumer, at }) => {
      beginAt(cluster, FAR);
      cluster.append(TOPIC, 0, values(0, 3));
      cluster.append(TOPIC, 0, values(3, 6));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe(record => {
        records.push(record);
        if (record.offset <= FAR + 3n) record.ack();
      });
      at(20_000, () => {
        expect(cluster.committed('g')).toEqual([{ ...P0, offset: FAR + 4n }]);
        const second = consumer({ groupId: 'g' }).assign([P0]);
        second.records.subscribe(record => records.push(record));
      });
    });
    expect(records.map(({ offset }) => offset)).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 4n, 5n].map(at => FAR + at));
  });

  it('are exact when an assignment begins and ends there', () => {
    const offsets: bigint[] = [];
    const ends: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer }) => {
      beginAt(cluster, FAR);
      cluster.append(TOPIC, 0, values(0, 8));
      consumer()
        .assign([{ ...P0, offset: FAR + 2n, until: FAR + 5n }])
        .records.subscribe({ next: ({ offset }) => offsets.push(offset), complete: () => ends.push('complete') });
    });
    expect(offsets).toEqual([FAR + 2n, FAR + 3n, FAR + 4n]);
    expect(ends).toEqual(['complete']);
  });

  // Offsets are counted from where a partition was begun at. From 0 to here that was more than a number can hold, and what
  // was committed was one too high: the record there would never have been read.
  it.each(['earliest', 'latest'] as const)('are exact when a position at 0 is reset to %s', outOfRange => {
    const offsets: bigint[] = [];
    consuming({ topics: { [TOPIC]: 1 }, forMs: 30_000 }, ({ cluster, consumer, at }) => {
      beginAt(cluster, FAR);
      cluster.append(TOPIC, 0, values(0, 3));
      consumer({ groupId: 'g', outOfRange })
        .assign([{ ...P0, offset: 0n }])
        .records.subscribe(record => {
          offsets.push(record.offset);
          record.ack();
        });
      at(5_000, () => cluster.append(TOPIC, 0, values(3, 6)));
      at(25_000, () => expect(cluster.committed('g')).toEqual([{ ...P0, offset: FAR + 6n }]));
    });
    expect(offsets).toEqual([0n, 1n, 2n, 3n, 4n, 5n].map(at => FAR + at).slice(outOfRange === 'latest' ? 3 : 0));
  });

  it('are exact after a seek from 0', () => {
    const offsets: bigint[] = [];
    consuming({ topics: { [TOPIC]: 1 }, forMs: 30_000 }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 1));
      const reading = consumer({ groupId: 'g' }).assign([{ ...P0, offset: 0n }]);
      reading.records.subscribe(record => {
        offsets.push(record.offset);
        record.ack();
      });
      at(1_000, () => {
        cluster['state'].partition(TOPIC, 0)!.log.endOffset = FAR;
        cluster.append(TOPIC, 0, values(1, 4));
        reading.seek(P0, FAR + 1n);
      });
      at(25_000, () => expect(cluster.committed('g')).toEqual([{ ...P0, offset: FAR + 3n }]));
    });
    expect(offsets).toEqual([0n, FAR + 1n, FAR + 2n]);
  });

  it('are an error, and not rounded, behind a hole that no number can span', () => {
    const errors: unknown[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer }) => {
      cluster.append(TOPIC, 0, values(0, 1));
      cluster['state'].partition(TOPIC, 0)!.log.endOffset = FAR;
      cluster.append(TOPIC, 0, values(1, 2));
      consumer()
        .assign([{ ...P0, offset: 0n }])
        .records.subscribe({ error: error => errors.push(error) });
    });
    expect(errors).toMatchObject([{ name: 'DecodeError', ...P0, offset: FAR + 1n }]);
  });
});
