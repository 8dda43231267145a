import { NEVER } from 'rxjs';
import { CODE } from '../../../lib/testing/error-codes';
import type { JoinAnswer, SyncAnswer } from '../../../lib/testing/groups/classic-answers';
import { ClassicGroup } from '../../../lib/testing/groups/classic-group';
import type { JoinRequest } from '../../../lib/testing/groups/classic-member';
import { GroupClock } from '../../../lib/testing/groups/group-clock';
import { ManualClock } from '../../support/manual-clock';

let time: ManualClock;
let group: ClassicGroup;
let ids: number;

beforeEach(() => {
  time = new ManualClock();
  ids = 0;
  const clock = new GroupClock(time.scheduler);
  clock.attend(NEVER);
  group = new ClassicGroup('g', clock, () => `${++ids}`);
});

interface Waiting<T> {
  answer: T | undefined;
}

function join(memberId: string, over: Partial<JoinRequest> & { names?: readonly string[]; says?: string } = {}) {
  const { names = ['range'], says = 'topics', ...rest } = over;
  const waiting: Waiting<JoinAnswer> = { answer: undefined };
  group
    .join({
      memberId,
      groupInstanceId: null,
      clientId: 'c',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols: names.map(name => ({ name, metadata: Buffer.from(says) })),
      requiresKnownId: true,
      maySkipAssignment: true,
      ...rest,
    })
    .subscribe(answer => (waiting.answer = answer));
  return waiting;
}

/** Joins as a client does: once more with the id it is given. */
function enter(over: Parameters<typeof join>[1] = {}) {
  return join(join('', over).answer!.memberId, over);
}

function sync(
  memberId: string,
  assignments: Readonly<Record<string, string>> = {},
  groupInstanceId: string | null = null,
) {
  const waiting: Waiting<SyncAnswer> = { answer: undefined };
  group
    .sync({
      memberId,
      groupInstanceId,
      generationId: group.generationId,
      protocolType: 'consumer',
      protocolName: group.protocolName,
      assignments: Object.entries(assignments).map(([id, text]) => ({ memberId: id, assignment: Buffer.from(text) })),
    })
    .subscribe(answer => (waiting.answer = answer));
  return waiting;
}

const dynamic = (memberId: string) => ({ memberId, groupInstanceId: null });
const fixed = (memberId: string, groupInstanceId: string) => ({ memberId, groupInstanceId });
const beat = (memberId: string) => group.heartbeat(dynamic(memberId), group.generationId);

/** `c-1` leads, `c-2` follows, both have their assignments. */
function stablePair(over: Parameters<typeof join>[1] = {}): void {
  enter(over);
  sync('c-1');
  enter(over);
  join('c-1', over);
  sync('c-2');
  sync('c-1', { 'c-1': 'one', 'c-2': 'two' });
  expect(group.state).toBe('Stable');
}

describe('joining a classic group', () => {
  it('takes a known id from v4 on, and none before', () => {
    expect(join('').answer).toMatchObject({ errorCode: CODE.MEMBER_ID_REQUIRED, memberId: 'c-1', generationId: -1 });
    expect(join('c-1').answer).toMatchObject({ errorCode: 0, memberId: 'c-1', leader: 'c-1', generationId: 1 });
    expect(join('', { requiresKnownId: false }).answer).toBeUndefined();
    expect(group.members.get('c-2')).toBeDefined();
    expect(join('c-9').answer?.errorCode).toBe(CODE.UNKNOWN_MEMBER_ID);
  });

  it('waits for the members that are there, and shows all of them to the leader alone', () => {
    enter({ says: 'first' });
    sync('c-1');
    const second = enter({ says: 'second' });
    expect(second.answer).toBeUndefined();
    expect(beat('c-1')).toBe(CODE.REBALANCE_IN_PROGRESS);
    const first = join('c-1', { says: 'first' });
    expect(second.answer).toMatchObject({ generationId: 2, leader: 'c-1', protocolName: 'range', members: [] });
    expect(first.answer?.members.map(({ memberId, metadata }) => [memberId, String(metadata)])).toEqual([
      ['c-1', 'first'],
      ['c-2', 'second'],
    ]);
    expect(beat('c-1')).toBe(0);
    expect(beat('c-2')).toBe(0);
  });

  it('drops who has not joined within the rebalance timeout, and then another leads', () => {
    enter({ rebalanceTimeoutMs: 3000 });
    sync('c-1');
    const second = enter({ rebalanceTimeoutMs: 3000 });
    time.advance(2999);
    expect(second.answer).toBeUndefined();
    time.advance(1);
    expect(second.answer).toMatchObject({ errorCode: 0, leader: 'c-2', generationId: 2 });
    expect(beat('c-1')).toBe(CODE.UNKNOWN_MEMBER_ID);
  });

  it('waits for an id that was given out, until its session would have ended', () => {
    enter();
    sync('c-1');
    join('');
    const joined = enter();
    join('c-1');
    expect(joined.answer).toBeUndefined();
    time.advance(10_000);
    expect(joined.answer).toMatchObject({ errorCode: 0, generationId: 2 });
  });

  it('takes the protocol with most votes among those that all support, and refuses who supports none', () => {
    enter({ names: ['range', 'sticky', 'old'] });
    sync('c-1');
    enter({ names: ['sticky', 'range'] });
    expect(join('c-1', { names: ['range', 'sticky', 'old'] }).answer?.protocolName).toBe('range');
    const third = enter({ names: ['sticky', 'range'] });
    join('c-1', { names: ['range', 'sticky', 'old'] });
    join('c-2', { names: ['sticky', 'range'] });
    expect(third.answer?.protocolName).toBe('sticky');
    expect(join('', { names: ['old'] }).answer?.errorCode).toBe(CODE.INCONSISTENT_GROUP_PROTOCOL);
    expect(join('', { protocolType: 'connect' }).answer?.errorCode).toBe(CODE.INCONSISTENT_GROUP_PROTOCOL);
  });

  it('tells a follower again what it knows, but rebalances for a leader or for new metadata', () => {
    stablePair();
    expect(join('c-2').answer).toMatchObject({ errorCode: 0, generationId: 2, leader: 'c-1' });
    expect(group.state).toBe('Stable');
    expect(join('c-2', { says: 'more' }).answer).toBeUndefined();
    expect(join('c-1').answer).toMatchObject({ generationId: 3 });
    sync('c-2');
    sync('c-1');
    expect(join('c-1').answer).toBeUndefined();
    expect(group.state).toBe('PreparingRebalance');
  });
});

describe('the assignment of a classic group', () => {
  it('waits for the leader, and is empty for whom the leader forgot', () => {
    enter();
    sync('c-1');
    enter();
    join('c-1');
    const follower = sync('c-2');
    expect(follower.answer).toBeUndefined();
    expect(String(sync('c-1', { 'c-1': 'mine' }).answer?.assignment)).toBe('mine');
    expect(follower.answer).toMatchObject({ errorCode: 0, assignment: Buffer.alloc(0) });
  });

  it.each<[string, Partial<Parameters<ClassicGroup['sync']>[0]>, number]>([
    ['an unknown member', { memberId: 'c-9' }, CODE.UNKNOWN_MEMBER_ID],
    ['another generation', { generationId: 1 }, CODE.ILLEGAL_GENERATION],
    ['another protocol', { protocolName: 'sticky' }, CODE.INCONSISTENT_GROUP_PROTOCOL],
    ['another kind of group', { protocolType: 'connect' }, CODE.INCONSISTENT_GROUP_PROTOCOL],
  ])('is refused to %s', (_title, over, errorCode) => {
    stablePair();
    let code: number | undefined;
    const right = { memberId: 'c-2', groupInstanceId: null, generationId: 2, protocolType: null, protocolName: null };
    group.sync({ ...right, assignments: [], ...over }).subscribe(answer => (code = answer.errorCode));
    expect(code).toBe(errorCode);
  });

  it('is given up when somebody joins meanwhile: who waits for it must join again', () => {
    enter();
    sync('c-1');
    enter();
    join('c-1');
    const follower = sync('c-2');
    enter();
    expect(follower.answer?.errorCode).toBe(CODE.REBALANCE_IN_PROGRESS);
    expect(sync('c-1').answer?.errorCode).toBe(CODE.REBALANCE_IN_PROGRESS);
  });

  it('does not wait for ever: who never asks for it is dropped, and the others join again', () => {
    enter({ rebalanceTimeoutMs: 3000 });
    sync('c-1');
    enter({ rebalanceTimeoutMs: 3000 });
    join('c-1', { rebalanceTimeoutMs: 3000 });
    const follower = sync('c-2');
    time.advance(3000);
    expect(follower.answer?.errorCode).toBe(CODE.REBALANCE_IN_PROGRESS);
    expect(beat('c-1')).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(beat('c-2')).toBe(CODE.REBALANCE_IN_PROGRESS);
  });
});

describe('the session of a member of a classic group', () => {
  it('ends without heartbeats, and the others rebalance', () => {
    stablePair();
    time.advance(6000);
    expect(beat('c-1')).toBe(0);
    time.advance(6000);
    expect(beat('c-2')).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(beat('c-1')).toBe(CODE.REBALANCE_IN_PROGRESS);
    expect(join('c-1').answer).toMatchObject({ generationId: 3 });
  });

  it('is kept alive by heartbeats and by commits', () => {
    stablePair();
    for (let turn = 0; turn < 4; turn++) {
      time.advance(6000);
      expect(beat('c-1')).toBe(0);
      expect(group.commitError(dynamic('c-2'), 2)).toBe(0);
    }
  });

  it('does not end while the coordinator owes an answer', () => {
    enter();
    sync('c-1');
    enter({ rebalanceTimeoutMs: 100_000 });
    join('c-1');
    expect(group.state).toBe('CompletingRebalance');
    const follower = sync('c-2');
    time.advance(9000);
    expect(beat('c-1')).toBe(0);
    time.advance(9000);
    expect(beat('c-1')).toBe(0);
    sync('c-1', { 'c-2': 'two' });
    expect(String(follower.answer?.assignment)).toBe('two');
  });

  it('starts anew when the coordinator moves, and what waited is refused', () => {
    stablePair();
    time.advance(9000);
    group.coordinatorMoved();
    time.advance(9000);
    expect(beat('c-1')).toBe(0);
    const waiting = join('c-1');
    group.coordinatorMoved();
    expect(waiting.answer?.errorCode).toBe(CODE.NOT_COORDINATOR);
    expect(group.state).toBe('PreparingRebalance');
  });
});

describe('leaving a classic group', () => {
  it('rebalances, in one request for several, and an empty group begins a generation', () => {
    stablePair();
    expect(group.leave([dynamic('c-2'), dynamic('c-9')])).toEqual([0, CODE.UNKNOWN_MEMBER_ID]);
    expect(beat('c-1')).toBe(CODE.REBALANCE_IN_PROGRESS);
    expect(group.leave([dynamic('c-1')])).toEqual([0]);
    expect([group.state, group.generationId, group.isEmpty]).toEqual(['Empty', 3, true]);
  });

  it('refuses what the leaver waits for, and completes the join for the rest', () => {
    enter();
    sync('c-1');
    const second = enter();
    expect(group.leave([dynamic('c-1')])).toEqual([0]);
    expect(second.answer).toMatchObject({ generationId: 2, leader: 'c-2' });
    const third = enter();
    group.leave([dynamic('c-3')]);
    expect(third.answer?.errorCode).toBe(CODE.UNKNOWN_MEMBER_ID);
  });

  it('leaves the group open to whoever has been given an id, also when nobody else is left', () => {
    const { memberId } = enter().answer!;
    const next = join('').answer!.memberId;
    group.leave([dynamic(memberId)]);
    expect(join(next).answer).toMatchObject({ errorCode: 0, leader: next });
  });

  it('lets an admin remove a static member by its instance alone', () => {
    join('', { groupInstanceId: 'a' });
    expect(group.leave([fixed('', 'b'), fixed('x', 'a')])).toEqual([CODE.UNKNOWN_MEMBER_ID, CODE.FENCED_INSTANCE_ID]);
    expect(group.leave([fixed('', 'a')])).toEqual([0]);
    expect(group.isEmpty).toBe(true);
  });
});

describe('static members of a classic group', () => {
  function stableStaticPair(): void {
    join('', { groupInstanceId: 'a' });
    sync('a-1', {}, 'a');
    join('', { groupInstanceId: 'b' });
    join('a-1', { groupInstanceId: 'a' });
    sync('b-2', {}, 'b');
    sync('a-1', { 'a-1': 'one', 'b-2': 'two' }, 'a');
  }

  it('join at once, without asking for an id', () => {
    expect(join('', { groupInstanceId: 'a' }).answer).toMatchObject({ errorCode: 0, memberId: 'a-1' });
  });

  it('come back to what they had without a rebalance, and their old selves are fenced', () => {
    stableStaticPair();
    expect(join('', { groupInstanceId: 'b' }).answer).toMatchObject({
      memberId: 'b-3',
      generationId: 2,
      leader: 'a-1',
    });
    expect(String(sync('b-3', {}, 'b').answer?.assignment)).toBe('two');
    expect(group.heartbeat(fixed('b-2', 'b'), 2)).toBe(CODE.FENCED_INSTANCE_ID);
    expect(group.commitError(fixed('b-2', 'b'), 2)).toBe(CODE.FENCED_INSTANCE_ID);
    expect(group.heartbeat(fixed('a-1', 'a'), 2)).toBe(0);
  });

  it('are told to skip the assignment when they lead, or, before v9, that their old self leads', () => {
    stableStaticPair();
    const back = join('', { groupInstanceId: 'a' }).answer!;
    expect(back).toMatchObject({ memberId: 'a-3', leader: 'a-3', skipAssignment: true, generationId: 2 });
    expect(back.members.map(({ memberId }) => memberId).sort()).toEqual(['a-3', 'b-2']);
    const older = join('', { groupInstanceId: 'a', maySkipAssignment: false }).answer;
    expect(older).toMatchObject({ memberId: 'a-4', leader: 'a-3', skipAssignment: false, members: [] });
    expect(String(sync('a-4', {}, 'a').answer?.assignment)).toBe('one');
  });

  it('rebalance when they come back with another protocol', () => {
    stableStaticPair();
    expect(join('', { groupInstanceId: 'b', names: ['range', 'sticky'] }).answer?.errorCode).toBe(0);
    expect(group.state).toBe('Stable');
    expect(join('', { groupInstanceId: 'b', names: ['sticky'] }).answer?.errorCode).toBe(
      CODE.INCONSISTENT_GROUP_PROTOCOL,
    );
  });

  it('fence a double that joins while they wait', () => {
    join('', { groupInstanceId: 'a' });
    sync('a-1', {}, 'a');
    enter();
    const waiting = join('a-1', { groupInstanceId: 'a', says: 'more' });
    expect(waiting.answer?.errorCode).toBe(0);
    sync('c-2');
    const third = enter();
    const first = join('a-1', { groupInstanceId: 'a' });
    expect(first.answer).toBeUndefined();
    join('', { groupInstanceId: 'a' });
    expect(first.answer?.errorCode).toBe(CODE.FENCED_INSTANCE_ID);
    join('c-2');
    expect(third.answer?.errorCode).toBe(0);
  });

  it('are waited for when none of them comes, and led by one that came when their leader does not', () => {
    const patient = { sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 5000 };
    join('', { groupInstanceId: 'a', ...patient });
    sync('a-1', {}, 'a');
    join('', { groupInstanceId: 'b', ...patient });
    join('a-1', { groupInstanceId: 'a', ...patient });
    sync('a-1', {}, 'a');
    group.rebalance();
    time.advance(6000);
    expect([group.state, group.generationId]).toEqual(['PreparingRebalance', 2]);
    const second = join('b-2', { groupInstanceId: 'b', ...patient });
    time.advance(4000);
    expect(second.answer).toMatchObject({ errorCode: 0, generationId: 3, leader: 'b-2' });
    expect(second.answer?.members).toHaveLength(2);
  });

  it('keep their place over a rebalance that they miss, until their session ends', () => {
    stableStaticPair();
    group.rebalance();
    const first = join('a-1', { groupInstanceId: 'a' });
    time.advance(9000);
    expect(first.answer).toBeUndefined();
    time.advance(1000);
    expect(first.answer).toMatchObject({ errorCode: 0, generationId: 3 });
    expect(first.answer?.members.map(({ memberId }) => memberId)).toEqual(['a-1']);
  });
});

describe('a commit to a classic group', () => {
  it('is fenced by member and generation, and simple ones by members', () => {
    expect(group.commitError(dynamic(''), -1)).toBe(0);
    stablePair();
    expect(group.commitError(dynamic(''), -1)).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(group.commitError(dynamic('c-9'), 2)).toBe(CODE.UNKNOWN_MEMBER_ID);
    expect(group.commitError(dynamic('c-1'), 1)).toBe(CODE.ILLEGAL_GENERATION);
    expect(group.commitError(dynamic('c-1'), 2)).toBe(0);
  });

  it('is taken while the group prepares a rebalance, but not while it completes one', () => {
    stablePair();
    group.rebalance();
    expect(group.state).toBe('PreparingRebalance');
    expect(group.commitError(dynamic('c-1'), 2)).toBe(0);
    join('c-1');
    join('c-2');
    expect(group.state).toBe('CompletingRebalance');
    expect(group.commitError(dynamic('c-1'), 2)).toBe(CODE.ILLEGAL_GENERATION);
    expect(group.commitError(dynamic('c-1'), 3)).toBe(CODE.REBALANCE_IN_PROGRESS);
  });
});
