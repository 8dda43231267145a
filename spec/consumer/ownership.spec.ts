import { mergeMap, of, timer } from 'rxjs';
import type { ConsumerRecord } from '../../lib/types';
import { consuming, place, values } from './consuming';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };
const P1 = { topic: TOPIC, partition: 1 };

describe('the partitions of a consumer', () => {
  it('keeps position and pause of the partitions that a new assign keeps', () => {
    const seen: string[] = [];
    let paused: unknown;
    let positions: unknown;
    const assignments: number[] = [];
    consuming({ topics: { [TOPIC]: 3 } }, ({ cluster, consumer, at }) => {
      for (const partition of [0, 1, 2]) cluster.append(TOPIC, partition, values(0, 2));
      const reading = consumer({ offsetReset: 'earliest' }).assign([P0, P1]);
      reading.assignment.subscribe(({ partitions }) => assignments.push(partitions.length));
      reading.records.subscribe(record => seen.push(place(record)));
      at(1_000, () => {
        reading.pause([P0]);
        reading.assign([P0, { topic: TOPIC, partition: 2 }]);
        paused = reading.paused;
        positions = [reading.position(P0), reading.position(P1)];
        cluster.append(TOPIC, 0, values(2, 3));
        cluster.append(TOPIC, 1, values(2, 3));
      });
      at(3_000, () => reading.resume([P0]));
    });
    expect(paused).toEqual([P0]);
    expect(positions).toEqual([2n, undefined]);
    expect(seen).toEqual(['0:0', '0:1', '1:0', '1:1', '2:0', '2:1', '0:2']);
    expect(assignments.at(-1)).toBe(2);
  });

  it('waits for records in flight before it gives a partition up, and commits them', () => {
    const seen: string[] = [];
    const phases: string[] = [];
    let committedAt2s: unknown;
    let committedInTheEnd: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, runtime, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest', commit: { everyMs: 60_000 } }).assign([P0]);
      reading.assignment.subscribe(({ mode, phase }) => phases.push(`${mode}/${phase}`));
      reading.records
        .pipe(
          mergeMap(record => {
            seen.push(place(record));
            return timer(3_000, runtime.scheduler).pipe(mergeMap(() => of(record.ack())));
          }),
        )
        .subscribe();
      at(1_000, () => reading.unsubscribe());
      at(2_000, () => (committedAt2s = cluster.committed('g')));
      at(6_000, () => (committedInTheEnd = cluster.committed('g')));
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2']);
    expect(committedAt2s).toEqual([]);
    expect(committedInTheEnd).toEqual([{ ...P0, offset: 3n }]);
    expect(phases.filter((phase, i) => phase !== phases[i - 1])).toEqual([
      'assigned/active',
      'assigned/clearing',
      'none/idle',
    ]);
  });

  it('takes a partition back that is wanted again while its last records are in flight', () => {
    const seen: string[] = [];
    let acks: boolean[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 2));
      const held: ConsumerRecord[] = [];
      const reading = consumer({ groupId: 'g', offsetReset: 'earliest' }).assign([P0, P1]);
      reading.records.subscribe(record => {
        seen.push(place(record));
        held.push(record);
      });
      at(1_000, () => reading.assign([P1]));
      at(1_500, () => cluster.append(TOPIC, 0, values(2, 3)));
      at(2_000, () => reading.assign([P1, P0]));
      at(4_000, () => (acks = held.map(record => record.ack())));
    });
    expect(seen).toEqual(['0:0', '0:1', '0:2']);
    expect(acks).toEqual([true, true, true]);
  });

  it('delivers again what was nacked while its partition was on its way out, and what came behind', () => {
    // The rewind emptied the queue, but a partition on its way out was left where its fetches stood: taken back, it
    // went on there, and what the queue had held was skipped and committed.
    const seen: string[] = [];
    let committed: unknown;
    consuming({ topics: { [TOPIC]: 1 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 4));
      const held: ConsumerRecord[] = [];
      const reading = consumer({
        groupId: 'g',
        offsetReset: 'earliest',
        window: { records: 2 },
        commit: { everyMs: 100 },
      }).assign([P0]);
      reading.records.subscribe(record => {
        seen.push(`${place(record)}#${record.attempt}`);
        if (record.attempt === 2 || record.offset > 1n) record.ack();
        else held.push(record);
      });
      at(1_000, () => {
        reading.assign([]);
        held[1]!.nack(new Error('not now'));
      });
      at(2_000, () => {
        reading.assign([P0]);
        held[0]!.ack();
      });
      at(3_000, () => cluster.append(TOPIC, 0, values(4, 5)));
      at(5_000, () => (committed = cluster.committed('g')));
    });
    expect(seen).toEqual(['0:0#1', '0:1#1', '0:1#2', '0:2#1', '0:3#1', '0:4#1']);
    expect(committed).toEqual([{ ...P0, offset: 5n }]);
  });
});

describe('a consumer without a group', () => {
  it('reads all partitions of the topics it subscribes to, and new ones from their beginning', () => {
    const seen: string[] = [];
    const modes: string[] = [];
    consuming(
      { topics: { [TOPIC]: 2, other: 1 }, client: { metadataMaxAgeMs: 1_000 } },
      ({ cluster, consumer, at }) => {
        cluster.append(TOPIC, 0, values(0, 1));
        cluster.append('other', 0, values(0, 1));
        const reading = consumer().subscribe([TOPIC, 'later']);
        reading.assignment.subscribe(({ mode, phase, partitions }) =>
          modes.push(`${mode}/${phase}/${partitions.length}`),
        );
        reading.records.subscribe(record => seen.push(`${record.topic}-${place(record)}`));
        at(1_000, () => cluster.append(TOPIC, 1, values(0, 1)));
        at(2_000, () => {
          cluster.createTopic('later', 1);
          cluster.append('later', 0, values(0, 1));
        });
      },
    );
    expect(seen).toEqual(['orders-1:0', 'later-0:0']);
    expect(modes[0]).toBe('group/joining/0');
    expect(modes.at(-1)).toBe('group/active/3');
  });

  it('reads the topics that match a pattern', () => {
    const seen: string[] = [];
    consuming({ topics: { 'log-a': 1, 'log-b': 1, other: 1 } }, ({ cluster, consumer }) => {
      for (const topic of ['log-a', 'log-b', 'other']) cluster.append(topic, 0, values(0, 1));
      consumer({ offsetReset: 'earliest' })
        .subscribe(/^log-/g)
        .records.subscribe(record => seen.push(record.topic));
    });
    expect(seen.sort()).toEqual(['log-a', 'log-b']);
  });

  it('gives its topics up when it is assigned partitions, and the view stays open', () => {
    const seen: string[] = [];
    consuming({ topics: { a: 1, b: 1 } }, ({ cluster, consumer, at }) => {
      const reading = consumer({ offsetReset: 'earliest' }).subscribe('a');
      reading.records.subscribe({ next: record => seen.push(record.topic), complete: () => seen.push('complete') });
      at(1_000, () => reading.assign([{ topic: 'b', partition: 0 }]));
      at(2_000, () => {
        cluster.append('a', 0, values(0, 1));
        cluster.append('b', 0, values(0, 1));
      });
    });
    expect(seen).toEqual(['b']);
  });

  it('cannot commit, and says what it takes', () => {
    const errors: unknown[] = [];
    consuming({ forMs: 10 }, ({ consumer }) => {
      consumer()
        .commit()
        .subscribe({ error: error => errors.push(error) });
    });
    expect(errors).toEqual([
      expect.objectContaining({ name: 'InvalidStateError', message: expect.stringContaining('groupId') }),
    ]);
  });
});
