import type { ConsumerRecord } from '../../../lib/types';
import { consuming, place, values } from '../consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };

describe('a topic that was deleted and created again', () => {
  it.each([
    ['fewer records than were read', 2],
    ['more', 5],
  ])('is read from its beginning, with %s, and an event says so', (_, count) => {
    // The position of the old topic was kept: with more records, the first ones were silently skipped.
    const seen: string[] = [];
    let committed: unknown;
    let resets: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, events, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 100 } })
        .assign([P0])
        .records.subscribe(record => {
          seen.push(`${place(record)} ${record.rawValue!.toString()}`);
          record.ack();
        });
      at(1_000, () => cluster.deleteTopic(TOPIC));
      at(2_000, () => {
        cluster.createTopic(TOPIC, 1);
        cluster.append(TOPIC, 0, values(10, 10 + count));
      });
      at(9_000, () => {
        committed = cluster.committed('g');
        resets = events.filter(({ type }) => type === 'offset-reset');
      });
    });
    const again = Array.from({ length: count }, (_, i) => `0:${i} v${10 + i}`);
    expect(seen).toEqual(['0:0 v0', '0:1 v1', '0:2 v2', ...again]);
    expect(committed).toEqual([{ ...P0, offset: BigInt(count) }]);
    expect(resets).toEqual([{ type: 'offset-reset', partition: P0, from: 3n, to: 0n }]);
  });

  it('takes back what was delivered of the old one, and goes where a seek says', () => {
    const seen: string[] = [];
    let acks: boolean[] = [];
    consuming({ topics: { [TOPIC]: 1, other: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const held: ConsumerRecord[] = [];
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0]);
      reading.records.subscribe(record => {
        seen.push(place(record));
        held.push(record);
      });
      at(1_000, () => {
        cluster.deleteTopic(TOPIC);
        cluster.createTopic(TOPIC, 1);
        cluster.append(TOPIC, 0, values(10, 15));
        reading.seek(P0, 3n);
      });
      at(5_000, () => (acks = held.slice(0, 3).map(record => record.ack())));
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2', '0:3', '0:4']);
    expect(acks).toEqual([false, false, false]);
  });

  it("errors each view when outOfRange is 'error', until a seek says where to go on", () => {
    const seen: string[] = [];
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ offsetReset: 'earliest', outOfRange: 'error' }).assign([P0]);
      const read = () =>
        reading.records.subscribe({
          next: record => seen.push(place(record)),
          error: (error: Error) => seen.push(error.message),
        });
      read();
      at(1_000, () => {
        cluster.deleteTopic(TOPIC);
        cluster.createTopic(TOPIC, 1);
        cluster.append(TOPIC, 0, values(10, 15));
      });
      at(3_000, read);
      at(5_000, () => {
        reading.seek(P0, 4n);
        read();
      });
    });
    const refused = expect.stringMatching(/orders-0.*created again.*seek/);
    expect(seen).toEqual(['0:0', '0:1', '0:2', refused, refused, '0:4']);
  });
});
