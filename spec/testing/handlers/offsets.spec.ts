import { concatMap, map, tap } from 'rxjs';
import { FindCoordinator } from '../../../lib/protocol/apis/find-coordinator';
import { Metadata } from '../../../lib/protocol/apis/metadata';
import { OffsetCommit } from '../../../lib/protocol/apis/offset-commit';
import { OffsetFetch } from '../../../lib/protocol/apis/offset-fetch';
import { inVirtualTime } from '../in-virtual-time';

function commit(offset: bigint, { group = 'g', partition = 0, metadata = '', generation = -1, name = 't' } = {}) {
  return {
    groupId: group,
    generationIdOrMemberEpoch: generation,
    topics: [
      {
        name,
        partitions: [
          { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: 3, committedMetadata: metadata },
        ],
      },
    ],
  };
}

describe('committed offsets', () => {
  it('are there for all versions, by name and by id', () => {
    inVirtualTime({ topics: { t: 2 } }, ({ ask, cluster }) => {
      const asked = [{ name: 't', partitionIndexes: [0, 1] }];
      return ask(OffsetCommit, 9, commit(42n, { metadata: 'note' })).pipe(
        tap(({ topics }) => expect(topics[0]!.partitions[0]!.errorCode).toBe(0)),
        tap(() => expect(cluster.committed('g')).toEqual([{ topic: 't', partition: 0, offset: 42n }])),
        concatMap(() => ask(OffsetFetch, 7, { groupId: 'g', topics: asked })),
        tap(({ topics, errorCode }) => {
          expect(errorCode).toBe(0);
          expect(topics[0]!.partitions).toEqual([
            { partitionIndex: 0, committedOffset: 42n, committedLeaderEpoch: 3, metadata: 'note', errorCode: 0 },
            { partitionIndex: 1, committedOffset: -1n, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
          ]);
        }),
        concatMap(() =>
          ask(OffsetFetch, 9, {
            groups: [
              { groupId: 'g', topics: null },
              { groupId: 'none', topics: null },
            ],
          }),
        ),
        tap(({ groups }) =>
          expect(
            groups.map(({ groupId, topics }) => [
              groupId,
              topics.map(({ name, partitions }) => [name, partitions.length]),
            ]),
          ).toEqual([
            ['g', [['t', 1]]],
            ['none', []],
          ]),
        ),
        concatMap(() => ask(Metadata, 13, { topics: null })),
        concatMap(({ topics }) => {
          const { topicId } = topics[0]!;
          const partitions = [{ partitionIndex: 1, committedOffset: 7n, committedMetadata: null }];
          return ask(OffsetCommit, 10, { groupId: 'g', topics: [{ topicId, partitions }] }).pipe(
            concatMap(() =>
              ask(OffsetFetch, 10, { groups: [{ groupId: 'g', topics: [{ topicId, partitionIndexes: [1] }] }] }),
            ),
          );
        }),
        tap(({ groups }) =>
          expect(groups[0]!.topics[0]!.partitions[0]).toMatchObject({ committedOffset: 7n, metadata: null }),
        ),
      );
    });
  });

  test.each([
    ['a topic that is not there', commit(1n, { name: 'missing' }), 9, 3],
    ['a partition that is not there', commit(1n, { partition: 5 }), 9, 3],
    ['too much metadata', commit(1n, { metadata: 'x'.repeat(4097) }), 9, 12],
    ['no group', commit(1n, { group: '' }), 9, 24],
    ['a generation of a group without members', commit(1n, { generation: 4 }), 8, 22],
    ['the same in the newer versions', commit(1n, { generation: 4 }), 9, 69],
  ])('are refused for %s', (_title, body, version, errorCode) => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) =>
      ask(OffsetCommit, version, body).pipe(
        tap(({ topics }) => expect(topics[0]!.partitions[0]!.errorCode).toBe(errorCode)),
        tap(() => expect(cluster.committed(body.groupId)).toEqual([])),
      ),
    );
  });

  it('are the coordinator’s affair, also after it moved', () => {
    inVirtualTime({ brokers: 3, topics: { t: 1 } }, ({ ask, cluster }) => {
      cluster.moveCoordinator({ group: 'g' }, 3);
      return ask(FindCoordinator, 6, { coordinatorKeys: ['g'] }).pipe(
        tap(({ coordinators }) =>
          expect(coordinators).toMatchObject([{ key: 'g', nodeId: 3, host: 'embedded-3', port: 9092, errorCode: 0 }]),
        ),
        concatMap(() => ask(FindCoordinator, 2, { key: 'g' })),
        tap(({ nodeId }) => expect(nodeId).toBe(3)),
        concatMap(() => ask(OffsetCommit, 9, commit(1n), 1)),
        tap(({ topics }) => expect(topics[0]!.partitions[0]!.errorCode).toBe(16)),
        concatMap(() => ask(OffsetCommit, 9, commit(1n), 3)),
        tap(({ topics }) => expect(topics[0]!.partitions[0]!.errorCode).toBe(0)),
        concatMap(() => ask(OffsetFetch, 9, { groups: [{ groupId: 'g', topics: null }] }, 2)),
        map(({ groups }) => groups[0]!.errorCode),
        tap(errorCode => expect(errorCode).toBe(16)),
      );
    });
  });

  it('go with their topic', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) =>
      ask(OffsetCommit, 9, commit(1n)).pipe(
        tap(() => {
          cluster.deleteTopic('t');
          expect(cluster.committed('g')).toEqual([]);
        }),
      ),
    );
  });
});
