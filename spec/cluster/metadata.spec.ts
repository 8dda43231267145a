import { leaderChanges, mergeMetadata, NO_METADATA, saysTheSame, withLeader } from '../../lib/cluster/metadata';
import type { MetadataAnswer } from '../../lib/cluster/metadata';

const BROKERS = [1, 2].map(nodeId => ({ nodeId, host: `b${nodeId}`, port: 9092, rack: null }));
const ID = 'abcdefghijklmnopqrstuA';

function answer(
  leaders: readonly (readonly [leader: number, epoch: number])[],
  more: Partial<MetadataAnswer['topics'][number]> = {},
): MetadataAnswer {
  const partitions = leaders.map(([leaderId, leaderEpoch], partitionIndex) => ({
    errorCode: 0,
    partitionIndex,
    leaderId,
    leaderEpoch,
    replicaNodes: [1, 2],
    isrNodes: [1],
  }));
  return {
    clusterId: 'c',
    controllerId: 1,
    brokers: BROKERS,
    topics: [{ errorCode: 0, name: 't', topicId: ID, isInternal: false, partitions, ...more }],
  };
}

describe('mergeMetadata', () => {
  const known = mergeMetadata(
    NO_METADATA,
    answer([
      [1, 5],
      [2, 3],
    ]),
    10,
  );

  it('takes over brokers, topics and topic ids', () => {
    expect([...known.brokers.keys()]).toEqual([1, 2]);
    expect(known.topics.get('t')?.partitions.map(one => one?.leader)).toEqual([1, 2]);
    expect(known.topicNames.get(ID)).toBe('t');
    expect(known.at).toBe(10);
  });

  it('does not let an older leader epoch replace a newer one of the same topic', () => {
    const after = mergeMetadata(
      known,
      answer([
        [2, 4],
        [1, 4],
      ]),
      20,
    );
    expect(after.topics.get('t')?.partitions.map(one => [one?.leader, one?.leaderEpoch])).toEqual([
      [1, 5],
      [1, 4],
    ]);
  });

  it('starts the epochs anew when the topic was recreated under another id', () => {
    const after = mergeMetadata(known, answer([[2, 0]], { topicId: 'zbcdefghijklmnopqrstuA' }), 20);
    expect(after.topics.get('t')?.partitions.map(one => [one?.leader, one?.leaderEpoch])).toEqual([[2, 0]]);
    expect(after.topicNames.has(ID)).toBe(false);
  });

  // -1 used to wipe out what was known, and the next stale answer led back to a broker that had long lost the partition (B21).
  it('keeps the newest epoch in mind while brokers tell none, so that no older leader comes back', () => {
    const unknown = mergeMetadata(known, answer([[2, -1]]), 20);
    expect(unknown.topics.get('t')?.partitions[0]).toMatchObject({ leader: 2, leaderEpoch: -1 });
    const stale = mergeMetadata(unknown, answer([[1, 4]]), 30);
    expect(stale.topics.get('t')?.partitions[0]).toMatchObject({ leader: 2, leaderEpoch: -1 });
    expect(withLeader(unknown, { topic: 't', partition: 0, leader: 1, leaderEpoch: 5 }, [])).toBe(unknown);
    expect(withLeader(unknown, { topic: 't', partition: 0, leader: 1, leaderEpoch: 6 }, [])).not.toBe(unknown);
    const same = mergeMetadata(unknown, answer([[2, 5]]), 30);
    expect(same.topics.get('t')?.partitions[0]).toMatchObject({ leader: 2, leaderEpoch: 5 });
    const newer = mergeMetadata(stale, answer([[1, 6]]), 40);
    expect(newer.topics.get('t')?.partitions[0]).toMatchObject({ leader: 1, leaderEpoch: 6 });
  });

  it('keeps the epoch of a leader that is named again without one', () => {
    const after = mergeMetadata(known, answer([[1, -1]]), 20);
    expect(after.topics.get('t')?.partitions[0]).toMatchObject({ leader: 1, leaderEpoch: 5 });
  });

  it('remembers the cluster when an answer does not name it', () => {
    expect(mergeMetadata(known, { ...answer([]), clusterId: null }, 20).clusterId).toBe('c');
  });

  it('takes an unknown epoch as news, since -1 is not an older one', () => {
    const after = mergeMetadata(
      known,
      answer([
        [2, -1],
        [2, 3],
      ]),
      20,
    );
    expect(after.topics.get('t')?.partitions[0]?.leader).toBe(2);
  });

  it('keeps the partitions of a topic that flaps out of the metadata, with the error beside them', () => {
    const after = mergeMetadata(
      known,
      { ...answer([]), topics: [{ errorCode: 3, name: 't', topicId: ID, isInternal: false, partitions: [] }] },
      20,
    );
    expect(after.topics.get('t')).toMatchObject({ errorCode: 3, topicId: ID });
    expect(after.topics.get('t')?.partitions).toHaveLength(2);
  });

  it('forgets the partitions when the answer is not retriable, such as a refused authorization', () => {
    const after = mergeMetadata(
      known,
      { ...answer([]), topics: [{ errorCode: 29, name: 't', topicId: ID, isInternal: false, partitions: [] }] },
      20,
    );
    expect(after.topics.get('t')).toMatchObject({ errorCode: 29, partitions: [] });
  });

  it('keeps a partition that one stale answer leaves out, and the brokers when it names none', () => {
    const after = mergeMetadata(known, { ...answer([[1, 5]]), brokers: [] }, 20);
    expect(after.topics.get('t')?.partitions).toHaveLength(2);
    expect(after.brokers.size).toBe(2);
  });
});

describe('withLeader', () => {
  const known = mergeMetadata(NO_METADATA, answer([[1, 5]]), 10);

  it('moves a partition to a newer leader and learns its address', () => {
    const after = withLeader(known, { topic: 't', partition: 0, leader: 3, leaderEpoch: 6 }, [
      { nodeId: 3, host: 'b3', port: 1, rack: null },
    ]);
    expect(after.topics.get('t')?.partitions[0]).toMatchObject({ leader: 3, leaderEpoch: 6 });
    expect(after.brokers.get(3)).toMatchObject({ host: 'b3' });
    expect(leaderChanges(known, after)).toEqual([{ topic: 't', partition: 0, leader: 3 }]);
  });

  it.each([
    ['an old epoch', { topic: 't', partition: 0, leader: 2, leaderEpoch: 5 }],
    ['no leader', { topic: 't', partition: 0, leader: -1, leaderEpoch: 9 }],
    ['a broker nobody knows', { topic: 't', partition: 0, leader: 9, leaderEpoch: 9 }],
    ['a partition nobody knows', { topic: 't', partition: 7, leader: 2, leaderEpoch: 9 }],
  ])('ignores %s', (_, hint) => {
    expect(withLeader(known, hint, [])).toBe(known);
  });
});

describe('saysTheSame', () => {
  const known = mergeMetadata(NO_METADATA, answer([[1, 5]]), 10);
  const after = (next: MetadataAnswer) => mergeMetadata(known, next, 20);

  it.each([
    ['the same answer', answer([[1, 5]]), true],
    ['another controller, as KRaft names one at random', { ...answer([[1, 5]]), controllerId: 2 }, true],
    ['an older leader, which is not believed', answer([[2, 4]]), true],
    ['another leader', answer([[2, 6]]), false],
    ['the leader in a new epoch', answer([[1, 6]]), false],
    ['no leader', answer([[-1, 6]]), false],
    ['one more partition', answer([[1, 5], [2, 0]]), false], // prettier-ignore
    ['an error for the topic', answer([[1, 5]], { errorCode: 5, partitions: [] }), false],
    ['the topic made anew', answer([[1, 5]], { topicId: 'bbbbbbbbbbbbbbbbbbbbbA' }), false],
    ['one broker less', { ...answer([[1, 5]]), brokers: BROKERS.slice(1) }, false],
    ['a broker elsewhere', { ...answer([[1, 5]]), brokers: BROKERS.map(one => ({ ...one, port: 1 })) }, false],
  ])('%s', (_what, next, same) => {
    expect(saysTheSame(known, after(next))).toBe(same);
  });
});
