import { AsyncSubject, type Observable, type Unsubscribable } from 'rxjs';
import { CODE } from '../error-codes';
import { refusedJoin, refusedSync, settle, type JoinAnswer, type SyncAnswer } from './classic-answers';
import { copied, newMember, sameProtocols, type ClassicMember, type JoinRequest } from './classic-member';
import { ClassicMembers } from './classic-members';
import type { GroupClock } from './group-clock';
import type { MemberClaim } from './member-claim';

/**
 * What a classic group is doing, under Kafka's names:
 * - `Empty`: no members; perhaps commits.
 * - `PreparingRebalance`: waits until all members have joined, or their rebalance timeout is over.
 * - `CompletingRebalance`: all know the generation; waits for the leader's assignment.
 * - `Stable`: the assignment is handed out.
 *
 * Legal moves: from any state to `PreparingRebalance` (a join, a leave, a session that ended); from there to
 * `CompletingRebalance`, or to `Empty` when everybody left; from `CompletingRebalance` to `Stable`.
 */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

const NO_BYTES = Buffer.alloc(0);
/** A member whose client does not come back for its first answer is dropped then. */
const NEW_MEMBER_TIMEOUT_MS = 300_000;

/** A group of the classic protocol, where the members agree and the coordinator only gathers them. */
export class ClassicGroup {
  readonly type = 'classic';
  state: ClassicState = 'Empty';
  generationId = 0;
  protocolType: string | null = null;
  protocolName: string | null = null;
  readonly members = new ClassicMembers();
  /** Ids that were given out and not yet used. */
  private readonly pending = new Map<string, Unsubscribable>();
  private readonly unsynced = new Set<string>();
  private joinTimer: Unsubscribable | undefined;
  private syncTimer: Unsubscribable | undefined;

  constructor(
    readonly id: string,
    private readonly clock: GroupClock,
    private readonly newId: () => string,
  ) {}

  get isEmpty(): boolean {
    return this.members.size === 0 && this.pending.size === 0;
  }

  /** Emits when the join is over; that may take until the slowest member has come. */
  join(request: JoinRequest): Observable<JoinAnswer> {
    const reply = new AsyncSubject<JoinAnswer>();
    const errorCode = this.fits(request) ? this.admit(request, reply) : CODE.INCONSISTENT_GROUP_PROTOCOL;
    if (errorCode !== 0) settle(reply, refusedJoin(errorCode, request.memberId));
    return reply;
  }

  /** Emits once the leader has brought the assignment. */
  sync(
    claim: MemberClaim & {
      readonly generationId: number;
      readonly protocolType: string | null;
      readonly protocolName: string | null;
      readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[];
    },
  ): Observable<SyncAnswer> {
    const reply = new AsyncSubject<SyncAnswer>();
    const member = this.members.get(claim.memberId);
    const errorCode =
      this.claimError(claim) ||
      (claim.generationId === this.generationId ? 0 : CODE.ILLEGAL_GENERATION) ||
      (differs(claim.protocolType, this.protocolType) || differs(claim.protocolName, this.protocolName)
        ? CODE.INCONSISTENT_GROUP_PROTOCOL
        : 0) ||
      (this.state === 'PreparingRebalance' ? CODE.REBALANCE_IN_PROGRESS : 0);
    if (errorCode !== 0 || member === undefined) {
      settle(reply, refusedSync(errorCode));
      return reply;
    }
    this.synced(member.memberId);
    member.sync = reply;
    if (this.state === 'Stable') this.handOut(member);
    else if (member.memberId === this.members.leaderId) {
      const given = new Map(claim.assignments.map(({ memberId, assignment }) => [memberId, assignment]));
      this.state = 'Stable';
      for (const one of this.members.all) one.assignment = Buffer.from(given.get(one.memberId) ?? NO_BYTES);
      for (const one of this.members.all) this.handOut(one);
    }
    return reply;
  }

  /** The error code to answer. */
  heartbeat(claim: MemberClaim, generationId: number): number {
    const errorCode = this.claimError(claim) || (generationId === this.generationId ? 0 : CODE.ILLEGAL_GENERATION);
    if (errorCode !== 0) return errorCode;
    this.touch(claim.memberId);
    return this.state === 'PreparingRebalance' ? CODE.REBALANCE_IN_PROGRESS : 0;
  }

  /** The error code for each who leaves; an admin names static members without their member id. */
  leave(claims: readonly MemberClaim[]): number[] {
    const codes = claims.map(claim => this.remove(claim));
    if (codes.includes(0)) this.membersLeft();
    return codes;
  }

  /** Why a commit is not in order, or 0. A good one keeps the session alive as a heartbeat does. */
  commitError(claim: MemberClaim, generationId: number): number {
    if (generationId < 0 && this.state === 'Empty') return 0;
    const simple = generationId < 0 && claim.memberId === '' && claim.groupInstanceId === null;
    if (simple) return CODE.UNKNOWN_MEMBER_ID;
    const errorCode = this.claimError(claim) || (generationId === this.generationId ? 0 : CODE.ILLEGAL_GENERATION);
    if (errorCode !== 0) return errorCode;
    // The member knows the generation, but its partitions are not handed out yet: what it has read may be another's.
    if (this.state === 'CompletingRebalance') return CODE.REBALANCE_IN_PROGRESS;
    this.touch(claim.memberId);
    return 0;
  }

  /** Why an OffsetFetch is not in order: here always 0, for offsets are open to all. */
  fetchError(_memberId: string | null, _epoch: number): number {
    return 0;
  }

  /** Makes all members join again. */
  rebalance(): void {
    if (this.state === 'CompletingRebalance' || this.state === 'Stable') this.prepareRebalance();
  }

  /** Another broker has loaded the group: what waited is refused, and everybody gets a whole session to find out. */
  coordinatorMoved(): void {
    const { all } = this.members;
    const waiting = all.map(({ join, sync }) => ({ join, sync }));
    for (const member of all) {
      member.join = undefined;
      member.sync = undefined;
      // It was never written into the log of the coordinator.
      if (member.isNew) this.drop(member);
      else this.keepAlive(member);
    }
    for (const timer of this.pending.values()) timer.unsubscribe();
    this.pending.clear();
    for (const { join, sync } of waiting) {
      settle(join, refusedJoin(CODE.NOT_COORDINATOR, ''));
      settle(sync, refusedSync(CODE.NOT_COORDINATOR));
    }
    if (this.state === 'PreparingRebalance' || this.state === 'CompletingRebalance') this.prepareRebalance();
  }

  private fits({ protocolType, protocols }: JoinRequest): boolean {
    if (this.state === 'Empty') return protocolType !== '' && protocols.length > 0;
    return protocolType === this.protocolType && this.members.support(protocols);
  }

  /** Takes a joining member in; an error code refuses, 0 means that `reply` is or will be answered. */
  private admit(request: JoinRequest, reply: AsyncSubject<JoinAnswer>): number {
    const { memberId, groupInstanceId } = request;
    if (memberId === '') {
      const fresh = `${groupInstanceId ?? request.clientId}-${this.newId()}`;
      const known = groupInstanceId === null ? undefined : this.members.staticMemberId(groupInstanceId);
      if (known !== undefined) this.takePlace(this.members.get(known)!, fresh, request, reply);
      else if (groupInstanceId === null && request.requiresKnownId) this.giveId(fresh, request, reply);
      else this.addMember(fresh, request, reply);
      return 0;
    }
    if (groupInstanceId === null && this.pending.has(memberId)) {
      this.addMember(memberId, request, reply);
      return 0;
    }
    const errorCode = this.claimError(request);
    if (errorCode !== 0) return errorCode;
    const member = this.members.get(memberId)!;
    const leads = memberId === this.members.leaderId;
    const unchanged = sameProtocols(member.protocols, request.protocols);
    // The answer of this generation was lost, or a follower joins without need: it is told again what it missed.
    if (unchanged && (this.state === 'CompletingRebalance' || (this.state === 'Stable' && !leads))) {
      settle(reply, this.joined(member));
      return 0;
    }
    this.update(member, request, reply);
    this.rebalanceOrComplete();
    return 0;
  }

  private giveId(memberId: string, { sessionTimeoutMs }: JoinRequest, reply: AsyncSubject<JoinAnswer>): void {
    const forget = (): void => {
      this.pending.delete(memberId);
      this.completeWhenAllJoined();
    };
    this.pending.set(memberId, this.clock.after(sessionTimeoutMs, forget));
    settle(reply, refusedJoin(CODE.MEMBER_ID_REQUIRED, memberId));
  }

  private addMember(memberId: string, request: JoinRequest, reply: AsyncSubject<JoinAnswer>): void {
    this.pending.get(memberId)?.unsubscribe();
    this.pending.delete(memberId);
    if (this.members.size === 0) this.protocolType = request.protocolType;
    const member: ClassicMember = newMember(memberId, request, reply);
    this.members.add(member);
    this.keepAlive(member, Math.max(NEW_MEMBER_TIMEOUT_MS, member.sessionTimeoutMs));
    this.rebalanceOrComplete();
  }

  /** A static member has started anew: it gets its assignment back without a rebalance, unless it changes what the group agreed on. */
  private takePlace(old: ClassicMember, memberId: string, request: JoinRequest, reply: AsyncSubject<JoinAnswer>): void {
    const formerLeader = this.members.leaderId;
    const member: ClassicMember = {
      ...newMember(memberId, request, reply),
      assignment: old.assignment,
      isNew: old.isNew,
    };
    this.members.replace(old, member);
    if (this.unsynced.delete(old.memberId)) this.unsynced.add(memberId);
    settle(old.join, refusedJoin(CODE.FENCED_INSTANCE_ID, old.memberId));
    settle(old.sync, refusedSync(CODE.FENCED_INSTANCE_ID));
    this.keepAlive(member);
    if (this.state !== 'Stable' || this.members.selectProtocol() !== this.protocolName) {
      this.rebalanceOrComplete();
      return;
    }
    member.join = undefined;
    const answer = this.joined(member);
    // Without the flag a leader would assign again; so it is told that its old self leads, and takes itself for a follower.
    if (request.maySkipAssignment) settle(reply, { ...answer, skipAssignment: answer.leader === memberId });
    else settle(reply, { ...answer, leader: formerLeader ?? '', members: [] });
  }

  private update(member: ClassicMember, request: JoinRequest, reply: AsyncSubject<JoinAnswer>): void {
    member.protocols = copied(request.protocols);
    member.sessionTimeoutMs = request.sessionTimeoutMs;
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    member.join = reply;
  }

  private rebalanceOrComplete(): void {
    if (this.state === 'PreparingRebalance') this.completeWhenAllJoined();
    else this.prepareRebalance();
  }

  private prepareRebalance(): void {
    const initial = this.state === 'Empty';
    const waiting = this.members.all.map(({ sync }) => sync);
    if (this.state === 'CompletingRebalance') for (const member of this.members.all) member.assignment = NO_BYTES;
    for (const member of this.members.all) member.sync = undefined;
    this.syncTimer?.unsubscribe();
    this.unsynced.clear();
    this.state = 'PreparingRebalance';
    for (const sync of waiting) settle(sync, refusedSync(CODE.REBALANCE_IN_PROGRESS));
    // `group.initial.rebalance.delay.ms` is 0 here: the first member does not wait for others.
    if (initial || this.allJoined()) this.completeJoin();
    else this.waitForJoins();
  }

  private waitForJoins(): void {
    this.joinTimer?.unsubscribe();
    this.joinTimer = this.clock.after(this.members.rebalanceTimeoutMs, () => this.completeJoin());
  }

  private completeWhenAllJoined(): void {
    if (this.state === 'PreparingRebalance' && this.allJoined()) this.completeJoin();
  }

  private allJoined(): boolean {
    return this.pending.size === 0 && this.members.all.every(({ join }) => join !== undefined);
  }

  private completeJoin(): void {
    this.joinTimer?.unsubscribe();
    for (const member of this.members.all) {
      if (member.join === undefined && member.groupInstanceId === null) this.members.remove(member);
    }
    // Only static members that are not here: they have their session to come back.
    if (this.members.size > 0 && !this.members.electJoinedLeader()) return this.waitForJoins();
    this.generationId++;
    if (this.members.size === 0) {
      this.state = 'Empty';
      this.protocolName = null;
      return;
    }
    this.protocolName = this.members.selectProtocol();
    this.state = 'CompletingRebalance';
    this.syncTimer = this.clock.after(this.members.rebalanceTimeoutMs, () => this.dropUnsynced());
    const replies = this.members.all.map(member => {
      const { join } = member;
      member.join = undefined;
      member.isNew = false;
      this.unsynced.add(member.memberId);
      this.keepAlive(member);
      return { join, answer: this.joined(member) };
    });
    for (const { join, answer } of replies) settle(join, answer);
  }

  private joined({ memberId }: ClassicMember): JoinAnswer {
    const { generationId, protocolType, protocolName } = this;
    const leader = this.members.leaderId ?? '';
    const members = leader === memberId ? this.members.described(protocolName) : [];
    return { errorCode: 0, generationId, protocolType, protocolName, leader, skipAssignment: false, memberId, members };
  }

  private handOut(member: ClassicMember): void {
    const { sync, assignment } = member;
    member.sync = undefined;
    if (sync !== undefined) this.keepAlive(member);
    settle(sync, { errorCode: 0, protocolType: this.protocolType, protocolName: this.protocolName, assignment });
  }

  private synced(memberId: string): void {
    if (this.unsynced.delete(memberId) && this.unsynced.size === 0) this.syncTimer?.unsubscribe();
  }

  /** Who took part in the join but never asks for its assignment holds up nobody longer than the rebalance timeout. */
  private dropUnsynced(): void {
    for (const memberId of this.unsynced) {
      const member = this.members.get(memberId);
      if (member !== undefined) this.members.remove(member);
    }
    this.prepareRebalance();
  }

  private remove({ memberId, groupInstanceId }: MemberClaim): number {
    const pending = this.pending.get(memberId);
    if (pending !== undefined) {
      pending.unsubscribe();
      this.pending.delete(memberId);
      return 0;
    }
    const id = memberId || (groupInstanceId === null ? undefined : this.members.staticMemberId(groupInstanceId));
    if (id === undefined) return CODE.UNKNOWN_MEMBER_ID;
    const errorCode = this.claimError({ memberId: id, groupInstanceId });
    if (errorCode === 0) this.drop(this.members.get(id)!);
    return errorCode;
  }

  /** A member is gone, by its own will or not. What it waited for is refused, so that its client joins as a new member. */
  private drop(member: ClassicMember): void {
    this.members.remove(member);
    this.unsynced.delete(member.memberId);
    settle(member.join, refusedJoin(CODE.UNKNOWN_MEMBER_ID, member.memberId));
    settle(member.sync, refusedSync(CODE.UNKNOWN_MEMBER_ID));
  }

  private membersLeft(): void {
    if (this.state === 'Stable' || this.state === 'CompletingRebalance') this.prepareRebalance();
    else this.completeWhenAllJoined();
  }

  private touch(memberId: string): void {
    const member = this.members.get(memberId);
    if (member !== undefined) this.keepAlive(member);
  }

  private keepAlive(member: ClassicMember, ms = member.sessionTimeoutMs): void {
    member.session?.unsubscribe();
    member.session = this.clock.after(ms, () => {
      // While we owe it an answer its silence is our fault; the timer starts again with the answer.
      if (!member.isNew && (member.join !== undefined || member.sync !== undefined)) return;
      this.drop(member);
      this.membersLeft();
    });
  }

  private claimError({ memberId, groupInstanceId }: MemberClaim): number {
    if (groupInstanceId === null) return this.members.get(memberId) === undefined ? CODE.UNKNOWN_MEMBER_ID : 0;
    const known = this.members.staticMemberId(groupInstanceId);
    if (known === undefined) return CODE.UNKNOWN_MEMBER_ID;
    return known === memberId ? 0 : CODE.FENCED_INSTANCE_ID;
  }
}

function differs(claimed: string | null, is: string | null): boolean {
  return claimed !== null && claimed !== is;
}
