import { concat, concatMap, defer, endWith, map, switchMap, takeUntil, tap, timer, toArray } from 'rxjs';
import { ConsumerGroupHeartbeat } from '../../../lib/protocol/apis/consumer-group-heartbeat';
import { DeleteGroups } from '../../../lib/protocol/apis/delete-groups';
import { DescribeGroups } from '../../../lib/protocol/apis/describe-groups';
import { Heartbeat } from '../../../lib/protocol/apis/heartbeat';
import { JoinGroup } from '../../../lib/protocol/apis/join-group';
import { LeaveGroup } from '../../../lib/protocol/apis/leave-group';
import { ListGroups } from '../../../lib/protocol/apis/list-groups';
import { SyncGroup } from '../../../lib/protocol/apis/sync-group';
import { CODE } from '../../../lib/testing/error-codes';
import {
  LegacyHeartbeat,
  LegacyJoinGroup,
  LegacyLeaveGroup,
  LegacySyncGroup,
} from '../../../lib/testing/legacy-group-apis';
import { inVirtualTime } from '../in-virtual-time';
import { enter, heartbeat, joining } from './group-requests';

describe('JoinGroup, SyncGroup, Heartbeat and LeaveGroup', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('form a group in version %i, or the last before it', version => {
    inVirtualTime({}, ({ ask }) => {
      const inVersion = <A>(older: A, api: A, from: number, to: number): [A, number] =>
        version < from ? [older, Math.min(version, from - 1)] : [api, Math.min(version, to)];
      const [join, joinVersion] = inVersion<any>(LegacyJoinGroup, JoinGroup, 3, 9);
      const [sync, syncVersion] = inVersion<any>(LegacySyncGroup, SyncGroup, 2, 5);
      const [beat, beatVersion] = inVersion<any>(LegacyHeartbeat, Heartbeat, 2, 4);
      const body = (memberId = '') => joining(memberId, version === 0 ? { rebalanceTimeoutMs: -1 } : {});
      const [leave, leaveVersion] = inVersion<any>(LegacyLeaveGroup, LeaveGroup, 2, 5);
      return ask<any, any>(join, joinVersion, body()).pipe(
        tap(({ errorCode }) => expect(errorCode).toBe(version >= 4 ? CODE.MEMBER_ID_REQUIRED : 0)),
        concatMap(({ memberId }) => ask<any, any>(join, joinVersion, body(memberId))),
        tap(({ errorCode, memberId, leader, generationId, protocolName, members }) => {
          expect([errorCode, leader, protocolName]).toEqual([0, memberId, 'range']);
          // Joining again is a rebalance, where the first join was one already.
          expect(generationId).toBe(1);
          expect(members.map((one: any) => String(one.metadata))).toEqual(['topics']);
        }),
        concatMap(({ memberId }) => {
          const member = { groupId: 'g', generationId: 1, memberId };
          return concat(
            ask<any, any>(sync, syncVersion, {
              ...member,
              assignments: [{ memberId, assignment: Buffer.from('all') }],
            }),
            ask<any, any>(beat, beatVersion, member),
            ask<any, any>(leave, leaveVersion, {
              groupId: 'g',
              ...(version < 3 ? { memberId } : { members: [{ memberId }] }),
            }),
            ask<any, any>(beat, beatVersion, member),
          );
        }),
        map(({ errorCode, assignment, members }) => assignment?.toString() ?? members?.[0]?.errorCode ?? errorCode),
        toArray(),
        tap(seen => expect(seen).toEqual(['all', 0, 0, CODE.UNKNOWN_MEMBER_ID])),
      );
    });
  });

  it('are refused where they make no sense', () => {
    inVirtualTime({ brokers: 2 }, ({ ask, cluster }) => {
      cluster.moveCoordinator({ group: 'g' }, 1);
      const member = { groupId: 'g', generationId: 1, memberId: 'm' };
      return concat(
        ask(JoinGroup, 9, joining('', { groupId: '' })),
        ask(JoinGroup, 9, joining(), 2),
        ask(JoinGroup, 9, joining('', { sessionTimeoutMs: 5999 })),
        ask(JoinGroup, 6, joining('stranger')),
        ask(SyncGroup, 5, member),
        ask(SyncGroup, 5, member, 2),
        ask(Heartbeat, 4, member),
        ask(LeaveGroup, 2, member),
        ask(LeaveGroup, 5, { groupId: 'g', members: [{ memberId: 'm' }] }).pipe(map(({ members }) => members[0]!)),
        ask(LeaveGroup, 5, { groupId: 'g', members: [{ memberId: 'm' }] }, 2),
      ).pipe(
        map(({ errorCode }) => errorCode),
        toArray(),
        tap(codes =>
          expect(codes).toEqual([
            CODE.INVALID_GROUP_ID,
            CODE.NOT_COORDINATOR,
            CODE.INVALID_SESSION_TIMEOUT,
            CODE.UNKNOWN_MEMBER_ID,
            CODE.UNKNOWN_MEMBER_ID,
            CODE.NOT_COORDINATOR,
            CODE.UNKNOWN_MEMBER_ID,
            CODE.UNKNOWN_MEMBER_ID,
            CODE.UNKNOWN_MEMBER_ID,
            CODE.NOT_COORDINATOR,
          ]),
        ),
      );
    });
  });

  it('answer with scripted errors without doing anything', () => {
    inVirtualTime({}, wire => {
      const { ask, cluster } = wire;
      return enter(wire).pipe(
        concatMap(memberId => {
          const member = { groupId: 'g', generationId: 1, memberId };
          const faults = ['Heartbeat', 'SyncGroup', 'LeaveGroup', 'JoinGroup'].map(api =>
            cluster.fault({ api }, { error: 'COORDINATOR_LOAD_IN_PROGRESS' }),
          );
          return concat(
            ask(Heartbeat, 4, member),
            ask(SyncGroup, 5, member),
            ask(LeaveGroup, 5, { groupId: 'g', members: [{ memberId }] }),
            ask(JoinGroup, 9, joining(memberId)),
            defer(() => {
              for (const fault of faults) fault.unsubscribe();
              return ask(Heartbeat, 4, member);
            }),
          );
        }),
        map(({ errorCode }) => errorCode),
        toArray(),
        tap(codes => expect(codes).toEqual([14, 14, 14, 14, 0])),
      );
    });
  });

  it('wait without an end for a client that is gone: its place in the round is kept', () => {
    inVirtualTime(
      {},
      wire => {
        const { ask, connect, now } = wire;
        return enter(wire).pipe(
          concatMap(leader =>
            concat(
              // Its connection ends before the answer comes.
              connect().pipe(
                switchMap(client => client.request(JoinGroup, 3, joining())),
                takeUntil(timer(10, wire.runtime.scheduler)),
                endWith('gone'),
              ),
              ask(JoinGroup, 9, joining(leader)).pipe(
                map(({ members, generationId }) => [now(), generationId, members.length]),
              ),
            ),
          ),
          toArray(),
          tap(seen => expect(seen).toEqual(['gone', [10, 2, 2]])),
        );
      },
      30_000,
    );
  });
});

describe('DescribeGroups, ListGroups and DeleteGroups', () => {
  it('tell what groups are, on their coordinators', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, wire => {
      const { ask, cluster } = wire;
      cluster.moveCoordinator({ group: 'g' }, 1);
      cluster.moveCoordinator({ group: 'new' }, 1);
      const list = (over: object = {}, broker = 1, version = 5) =>
        ask(ListGroups, version, over, broker).pipe(
          map(({ groups }) => groups.map(one => `${one.groupId} ${one.groupState} ${one.groupType}`)),
        );
      return enter(wire).pipe(
        concatMap(memberId =>
          concat(
            ask(ConsumerGroupHeartbeat, 1, heartbeat('m', 0, { groupId: 'new' })).pipe(
              map(({ errorCode }) => errorCode),
            ),
            list(),
            list({ statesFilter: ['Stable'], typesFilter: ['Classic'] }),
            list({}, 2),
            list({}, 1, 2),
            ask(DescribeGroups, 6, { groups: ['g', 'none', 'new'] }).pipe(
              map(({ groups }) => groups.map(one => [one.errorCode, one.groupState, one.protocolData])),
            ),
            ask(DescribeGroups, 5, { groups: ['none', 'g'] }).pipe(
              tap(({ groups }) =>
                expect(groups[1]!.members).toMatchObject([
                  {
                    memberId,
                    clientId: 'raw',
                    memberMetadata: Buffer.from('topics'),
                    memberAssignment: Buffer.from('all'),
                  },
                ]),
              ),
              map(({ groups }) => [groups[0]!.errorCode, groups[0]!.groupState]),
            ),
            ask(DeleteGroups, 3, { groupsNames: ['g', 'none', 'new'] }).pipe(
              map(({ results }) => results.map(({ errorCode }) => errorCode)),
            ),
            ask(LeaveGroup, 5, { groupId: 'g', members: [{ memberId }] }).pipe(
              concatMap(() => ask(DeleteGroups, 2, { groupsNames: ['g'] })),
              map(({ results }) => results.map(({ errorCode }) => errorCode)),
            ),
            list(),
          ),
        ),
        toArray(),
        tap(seen =>
          expect(seen).toEqual([
            0,
            ['g Stable classic', 'new Stable consumer'],
            ['g Stable classic'],
            [],
            ['g  ', 'new  '],
            [
              [0, 'Stable', 'range'],
              [CODE.GROUP_ID_NOT_FOUND, 'Dead', ''],
              [CODE.GROUP_ID_NOT_FOUND, 'Dead', ''],
            ],
            [0, 'Dead'],
            [CODE.NON_EMPTY_GROUP, CODE.GROUP_ID_NOT_FOUND, CODE.NON_EMPTY_GROUP],
            [0],
            ['new Stable consumer'],
          ]),
        ),
      );
    });
  });
});
