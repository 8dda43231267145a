import { concatMap, map, of, tap, type Observable } from 'rxjs';
import { JoinGroup } from '../../../lib/protocol/apis/join-group';
import { SyncGroup } from '../../../lib/protocol/apis/sync-group';
import type { Wire } from '../in-virtual-time';

const PROTOCOLS = [{ name: 'range', metadata: Buffer.from('topics') }];

/** A JoinGroup request. */
export function joining(memberId = '', over: object = {}) {
  return {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 20_000,
    memberId,
    protocolType: 'consumer',
    protocols: PROTOCOLS,
    ...over,
  };
}

/** Joins alone and takes everything, as the leader of generation 1; emits the member id. */
export function enter({ ask }: Wire, version = 9): Observable<string> {
  return ask(JoinGroup, version, joining()).pipe(
    concatMap(first => (version >= 4 ? ask(JoinGroup, version, joining(first.memberId)) : of(first))),
    concatMap(({ memberId, generationId }) =>
      ask(SyncGroup, 5, {
        groupId: 'g',
        generationId,
        memberId,
        assignments: [{ memberId, assignment: Buffer.from('all') }],
      }).pipe(
        tap(({ errorCode, assignment }) => expect([errorCode, String(assignment)]).toEqual([0, 'all'])),
        map(() => memberId),
      ),
    ),
  );
}

/** A ConsumerGroupHeartbeat request, full if it joins. */
export function heartbeat(memberId: string, memberEpoch: number, over: object = {}) {
  return {
    groupId: 'g',
    memberId,
    memberEpoch,
    ...(memberEpoch === 0 ? { rebalanceTimeoutMs: 1000, subscribedTopicNames: ['t'], topicPartitions: [] } : {}),
    ...over,
  };
}
