import { NEVER } from 'rxjs';
import { CODE } from '../../../lib/testing/error-codes';
import { ConsumerGroup, type ConsumerHeartbeat } from '../../../lib/testing/groups/consumer-group';
import { GroupClock } from '../../../lib/testing/groups/group-clock';
import { ManualClock } from '../../support/manual-clock';

let time: ManualClock;
let topics: Map<string, { name: string; id: string; partitions: number[] }>;
let group: ConsumerGroup;

beforeEach(() => {
  time = new ManualClock();
  const clock = new GroupClock(time.scheduler);
  clock.attend(NEVER);
  topics = new Map();
  topic('t', 4);
  group = new ConsumerGroup('g', clock, topics, { heartbeatIntervalMs: 5000, sessionTimeoutMs: 45_000 });
});

function topic(name: string, partitions: number): void {
  topics.set(name, { name, id: `id-${name}`, partitions: Array.from({ length: partitions }, (_, index) => index) });
}

function send(memberId: string, memberEpoch: number, over: Partial<ConsumerHeartbeat> = {}) {
  const answer = group.heartbeat(
    {
      memberId,
      memberEpoch,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
      ...over,
    },
    'client',
  );
  const { errorCode, memberEpoch: epoch, assignment } = answer;
  if (errorCode !== 0) return errorCode;
  const given = assignment?.topicPartitions.flatMap(({ topicId, partitions }) =>
    partitions.map(partition => `${topicId.slice(3)}${partition}`),
  );
  return [epoch, given?.sort().join(' ')];
}

const join = (memberId: string, over: Partial<ConsumerHeartbeat> = {}) =>
  send(memberId, 0, { rebalanceTimeoutMs: 30_000, subscribedTopicNames: ['t'], topicPartitions: [], ...over });

/** What a member says that it has, `t` only. */
const owns = (...partitions: number[]) => ({ topicPartitions: [{ topicId: 'id-t', partitions }] });

/** `a` has 0 and 1, `b` 2 and 3, in epoch 2. */
function stablePair(): void {
  join('a');
  join('b');
  send('a', 1, owns(0, 1, 2, 3));
  send('a', 1, owns(0, 1));
  send('b', 2);
  expect(group.state).toBe('Stable');
}

describe('a group of KIP-848', () => {
  it('gives the first member everything, in epoch 1', () => {
    expect(group.state).toBe('Empty');
    expect(join('a')).toEqual([1, 't0 t1 t2 t3']);
    expect(send('a', 1, owns(0, 1, 2, 3))).toEqual([1, undefined]);
    expect([group.state, group.epoch, group.targetEpoch, group.assignorName]).toEqual(['Stable', 1, 1, 'uniform']);
  });

  it('hands a partition over only after its owner’s heartbeat no longer lists it', () => {
    join('a');
    expect(join('b')).toEqual([2, '']);
    expect(send('b', 2)).toEqual([2, undefined]);
    expect(send('a', 1, owns(0, 1, 2, 3))).toEqual([1, 't0 t1']);
    expect(send('b', 2)).toEqual([2, undefined]);
    expect(send('a', 1)).toEqual([1, undefined]);
    expect(send('a', 1, owns(0, 1, 2))).toEqual([1, undefined]);
    expect(send('b', 2)).toEqual([2, undefined]);
    expect(group.state).toBe('Reconciling');
    expect(send('a', 1, owns(0, 1))).toEqual([2, undefined]);
    expect(send('b', 2)).toEqual([2, 't2 t3']);
    expect(group.state).toBe('Stable');
  });

  it('gives what a member leaves behind to the others', () => {
    stablePair();
    expect(send('b', -1)).toEqual([-1, undefined]);
    expect(send('a', 2, owns(0, 1))).toEqual([3, 't0 t1 t2 t3']);
    expect(send('b', 2)).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(send('a', -1)).toEqual([-1, undefined]);
    expect(group.isEmpty).toBe(true);
  });

  it('fences other epochs, but for the last one of a member that has nothing it should not have', () => {
    stablePair();
    group.rebalance();
    expect(send('a', 2, owns(0, 1))).toEqual([3, undefined]);
    expect(send('a', 4)).toBe(CODE.FENCED_MEMBER_EPOCH);
    expect(send('a', 1)).toBe(CODE.FENCED_MEMBER_EPOCH);
    expect(send('a', 2, owns(0, 1, 2))).toBe(CODE.FENCED_MEMBER_EPOCH);
    expect(send('a', 2, owns(0, 1))).toEqual([3, undefined]);
    expect(send('c', 3)).toBe(CODE.UNKNOWN_MEMBER_ID);
  });

  it('takes a member that joins anew under its id, and tells it everything', () => {
    stablePair();
    expect(join('a')).toEqual([2, 't0 t1']);
    expect(group.state).toBe('Stable');
  });

  it('tells all in answer to a heartbeat that tells all', () => {
    stablePair();
    const full = { rebalanceTimeoutMs: 30_000, subscribedTopicNames: ['t'], ...owns(0, 1) };
    expect(send('a', 2, full)).toEqual([2, 't0 t1']);
  });

  it('ends sessions without heartbeats', () => {
    stablePair();
    time.advance(40_000);
    expect(send('a', 2)).toEqual([2, undefined]);
    time.advance(5000);
    expect(send('a', 2, owns(0, 1))).toEqual([3, 't0 t1 t2 t3']);
    expect(send('b', 2)).toBe(CODE.UNKNOWN_MEMBER_ID);
  });

  it('puts out who does not give up within the rebalance timeout, heartbeats or not', () => {
    join('a');
    join('b');
    expect(send('a', 1, owns(0, 1, 2, 3))).toEqual([1, 't0 t1']);
    time.advance(15_000);
    expect(send('a', 1, owns(0, 1, 2, 3))).toEqual([1, undefined]);
    time.advance(15_000);
    expect(send('a', 1, owns(0, 1))).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(send('b', 2)).toEqual([3, 't0 t1 t2 t3']);
  });

  it('starts sessions anew when the coordinator moves', () => {
    stablePair();
    time.advance(40_000);
    group.coordinatorMoved();
    time.advance(40_000);
    expect(send('b', 2)).toEqual([2, undefined]);
  });

  it('follows subscriptions, patterns and topics', () => {
    topic('u', 1);
    expect(join('a', { subscribedTopicNames: [], subscribedTopicRegex: 'u|v' })).toEqual([1, 'u0']);
    expect(send('a', 1, { subscribedTopicNames: ['t'] })).toEqual([2, 't0 t1 t2 t3 u0']);
    topic('v', 1);
    topic('vv', 1);
    expect(send('a', 2)).toEqual([3, 't0 t1 t2 t3 u0 v0']);
    topics.get('v')!.partitions.push(1);
    expect(send('a', 3)).toEqual([4, 't0 t1 t2 t3 u0 v0 v1']);
    const all = [...owns(0, 1, 2, 3).topicPartitions, { topicId: 'id-u', partitions: [0] }];
    topics.delete('t');
    expect(send('a', 4, { topicPartitions: all })).toEqual([4, 'u0 v0 v1']);
    expect(send('a', 4, { subscribedTopicRegex: '', topicPartitions: [] })).toEqual([6, '']);
  });

  it('moves as few partitions as balance allows', () => {
    topic('t', 6);
    stablePairOf6();
    join('c');
    const [a, b, c] = ['a', 'b', 'c'].map(id => [...group.targetOf(id)].map(key => Number(key.split(' ')[1])));
    expect([a!.length, b!.length, c!.length]).toEqual([2, 2, 2]);
    expect([0, 1, 2]).toEqual(expect.arrayContaining(a!));
    expect([3, 4, 5]).toEqual(expect.arrayContaining(b!));
  });

  function stablePairOf6(): void {
    join('a');
    join('b');
    send('a', 1, owns(0, 1, 2, 3, 4, 5));
    send('a', 1, owns(0, 1, 2));
    expect(send('b', 2)).toEqual([2, 't3 t4 t5']);
  }

  it('assigns ranges where the members vote for that', () => {
    topic('t', 5);
    join('b', { serverAssignor: 'range' });
    join('a', { serverAssignor: 'range' });
    expect(group.assignorName).toBe('range');
    expect(['a', 'b'].map(id => [...group.targetOf(id)])).toEqual([
      ['id-t 0', 'id-t 1', 'id-t 2'],
      ['id-t 3', 'id-t 4'],
    ]);
  });
});

describe('a static member of a KIP-848 group', () => {
  const a = { instanceId: 'i' };

  it('gets back what it had when it went for a moment, under another id', () => {
    expect(join('a', a)).toEqual([1, 't0 t1 t2 t3']);
    join('b');
    expect(send('a', -2, a)).toEqual([-2, undefined]);
    expect(send('b', 2)).toEqual([2, undefined]);
    expect(join('a2', a)).toEqual([2, 't0 t1']);
    expect(send('b', 2)).toEqual([2, 't2 t3']);
    expect(send('a', 1, a)).toBe(CODE.FENCED_INSTANCE_ID);
    expect(send('a', -1, a)).toBe(CODE.FENCED_INSTANCE_ID);
  });

  it('keeps its partitions while it is away, until its session ends', () => {
    join('a', a);
    join('b');
    send('a', -2, a);
    time.advance(44_999);
    expect(send('b', 2)).toEqual([2, undefined]);
    time.advance(1);
    expect(send('b', 2)).toEqual([3, 't0 t1 t2 t3']);
    expect(send('a', 1, a)).toBe(CODE.UNKNOWN_MEMBER_ID);
  });

  it('is not replaced while it is there', () => {
    join('a', a);
    expect(join('double', a)).toBe(CODE.UNRELEASED_INSTANCE_ID);
    expect(send('a', 1, a)).toEqual([1, undefined]);
  });
});

describe('commits and offsets of a KIP-848 group', () => {
  const claim = (memberId: string) => ({ memberId, groupInstanceId: null });

  it('are for members in their epoch', () => {
    expect(group.commitError(claim(''), -1, 9)).toBe(0);
    stablePair();
    expect(group.commitError(claim('a'), 2, 9)).toBe(0);
    expect(group.commitError(claim('a'), 1, 9)).toBe(CODE.STALE_MEMBER_EPOCH);
    expect(group.commitError(claim('a'), 2, 8)).toBe(CODE.UNSUPPORTED_VERSION);
    expect(group.commitError(claim('x'), 2, 9)).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(group.commitError(claim(''), -1, 9)).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(group.fetchError('a', 2)).toBe(0);
    expect(group.fetchError('a', 1)).toBe(CODE.STALE_MEMBER_EPOCH);
    expect(group.fetchError('x', 2)).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(group.fetchError(null, -1)).toBe(0);
  });
});
