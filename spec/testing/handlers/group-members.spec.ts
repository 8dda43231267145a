import { concat, concatMap, forkJoin, map, of, tap, toArray } from 'rxjs';
import { ConsumerGroupDescribe } from '../../../lib/protocol/apis/consumer-group-describe';
import { ConsumerGroupHeartbeat } from '../../../lib/protocol/apis/consumer-group-heartbeat';
import { JoinGroup } from '../../../lib/protocol/apis/join-group';
import { LeaveGroup } from '../../../lib/protocol/apis/leave-group';
import { OffsetCommit } from '../../../lib/protocol/apis/offset-commit';
import { OffsetFetch } from '../../../lib/protocol/apis/offset-fetch';
import { CODE } from '../../../lib/testing/error-codes';
import { inVirtualTime } from '../in-virtual-time';
import { enter, heartbeat, joining } from './group-requests';

describe('OffsetCommit in a group with members', () => {
  const commit = (over: object = {}) => ({
    groupId: 'g',
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }] }],
    ...over,
  });
  const code = ({ topics }: { topics: readonly any[] }) => topics[0].partitions[0].errorCode as number;

  it.each([6, 9])('is fenced by generation and member (version %i)', version => {
    inVirtualTime({ topics: { t: 1 } }, wire =>
      enter(wire).pipe(
        concatMap(memberId =>
          concat(
            wire.ask(OffsetCommit, version, commit()),
            wire.ask(OffsetCommit, version, commit({ memberId, generationIdOrMemberEpoch: 2 })),
            wire.ask(OffsetCommit, version, commit({ memberId: 'x', generationIdOrMemberEpoch: 1 })),
            wire.ask(OffsetCommit, version, commit({ memberId, generationIdOrMemberEpoch: 1 })),
          ),
        ),
        map(code),
        toArray(),
        tap(codes => {
          expect(codes).toEqual([CODE.UNKNOWN_MEMBER_ID, CODE.ILLEGAL_GENERATION, CODE.UNKNOWN_MEMBER_ID, 0]);
          expect(wire.cluster.committed('g')).toHaveLength(1);
        }),
      ),
    );
  });

  it('and OffsetFetch go by member epochs in a KIP-848 group', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask }) => {
      const fetch = (over: object) =>
        ask(OffsetFetch, 9, { groups: [{ groupId: 'g', topics: null, ...over }] }).pipe(
          map(({ groups }) => groups[0]!.errorCode),
        );
      const commits = (version: number, over: object) => ask(OffsetCommit, version, commit(over)).pipe(map(code));
      return ask(ConsumerGroupHeartbeat, 1, heartbeat('m', 0)).pipe(
        concatMap(({ memberEpoch }) =>
          concat(
            of(memberEpoch),
            commits(9, { memberId: 'm', generationIdOrMemberEpoch: 1 }),
            commits(9, { memberId: 'm', generationIdOrMemberEpoch: 0 }),
            commits(8, { memberId: 'm', generationIdOrMemberEpoch: 1 }),
            commits(9, {}),
            fetch({ memberId: 'm', memberEpoch: 1 }),
            fetch({ memberId: 'm', memberEpoch: 0 }),
            fetch({ memberId: 'x', memberEpoch: 1 }),
            fetch({}),
          ),
        ),
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            1,
            0,
            CODE.STALE_MEMBER_EPOCH,
            CODE.UNSUPPORTED_VERSION,
            CODE.UNKNOWN_MEMBER_ID,
            0,
            CODE.STALE_MEMBER_EPOCH,
            CODE.UNKNOWN_MEMBER_ID,
            0,
          ]),
        ),
      );
    });
  });
});

describe('ConsumerGroupHeartbeat', () => {
  it('is refused where it makes no sense', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, ({ ask, cluster }) => {
      cluster.moveCoordinator({ group: 'g' }, 1);
      const bad = (epoch: number, over: object = {}, broker = 1) =>
        ask(ConsumerGroupHeartbeat, 1, heartbeat('m', epoch, over), broker).pipe(map(({ errorCode }) => errorCode));
      return concat(
        bad(0, { groupId: '' }),
        bad(0, { memberId: '' }),
        bad(0, { rebalanceTimeoutMs: -1 }),
        bad(0, { topicPartitions: null }),
        bad(0, { subscribedTopicNames: null }),
        bad(-2),
        bad(-3),
        bad(0, { instanceId: '' }),
        bad(0, { serverAssignor: 'mine' }),
        bad(0, { subscribedTopicRegex: '(' }),
        bad(1),
        bad(0, {}, 2),
      ).pipe(
        toArray(),
        tap(codes =>
          expect(codes).toEqual([
            ...Array<number>(8).fill(CODE.INVALID_REQUEST),
            CODE.UNSUPPORTED_ASSIGNOR,
            CODE.INVALID_REGULAR_EXPRESSION,
            CODE.GROUP_ID_NOT_FOUND,
            CODE.NOT_COORDINATOR,
          ]),
        ),
      );
    });
  });

  it('and JoinGroup do not mix while there are members, and take an empty group over', () => {
    inVirtualTime({ topics: { t: 1 } }, wire => {
      const { ask } = wire;
      const modern = (epoch: number) =>
        ask(ConsumerGroupHeartbeat, 1, heartbeat('m', epoch)).pipe(map(({ errorCode }) => errorCode));
      return enter(wire).pipe(
        concatMap(memberId =>
          concat(
            modern(0),
            ask(LeaveGroup, 5, { groupId: 'g', members: [{ memberId }] }).pipe(concatMap(() => modern(0))),
            ask(JoinGroup, 9, joining()).pipe(map(({ errorCode }) => errorCode)),
            modern(-1)
              .pipe(concatMap(() => ask(JoinGroup, 9, joining())))
              .pipe(map(({ errorCode }) => errorCode)),
          ),
        ),
        toArray(),
        tap(seen =>
          expect(seen).toEqual([CODE.GROUP_ID_NOT_FOUND, 0, CODE.INCONSISTENT_GROUP_PROTOCOL, CODE.MEMBER_ID_REQUIRED]),
        ),
      );
    });
  });

  it('has the interval of the brokers’ configs, and ConsumerGroupDescribe shows who has what', () => {
    inVirtualTime({ topics: { t: 2 }, configs: { 'group.consumer.heartbeat.interval.ms': '77' } }, ({ ask }) =>
      forkJoin([
        ask(ConsumerGroupHeartbeat, 1, heartbeat('a', 0)),
        ask(ConsumerGroupHeartbeat, 1, heartbeat('b', 0, { rackId: 'r' })),
      ]).pipe(
        tap(([{ heartbeatIntervalMs }]) => expect(heartbeatIntervalMs).toBe(77)),
        concatMap(() => ask(ConsumerGroupDescribe, 1, { groupIds: ['g', 'none'] })),
        tap(({ groups: [group, none] }) => {
          expect(none).toMatchObject({ errorCode: CODE.GROUP_ID_NOT_FOUND });
          expect(group).toMatchObject({
            errorCode: 0,
            groupState: 'Reconciling',
            groupEpoch: 2,
            assignorName: 'uniform',
          });
          expect(
            group!.members.map(({ memberId, memberEpoch, assignment, targetAssignment }) => [
              memberId,
              memberEpoch,
              ...[assignment, targetAssignment].map(
                ({ topicPartitions }) =>
                  topicPartitions.map(({ topicName, partitions }) => `${topicName} ${partitions.join()}`)[0],
              ),
            ]),
          ).toEqual([
            ['a', 1, 't 0,1', 't 0'],
            ['b', 2, undefined, 't 1'],
          ]);
        }),
      ),
    );
  });
});
