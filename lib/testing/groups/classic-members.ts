import { metadataOf, type ClassicMember, type ClassicProtocol } from './classic-member';

/** The members of a classic group in the order of their joining, who of them leads, and what they agree on. */
export class ClassicMembers {
  leaderId: string | undefined;
  private readonly members = new Map<string, ClassicMember>();
  private readonly staticIds = new Map<string, string>();

  get size(): number {
    return this.members.size;
  }

  get all(): readonly ClassicMember[] {
    return [...this.members.values()];
  }

  get rebalanceTimeoutMs(): number {
    return Math.max(0, ...this.all.map(member => member.rebalanceTimeoutMs));
  }

  get(memberId: string): ClassicMember | undefined {
    return this.members.get(memberId);
  }

  staticMemberId(groupInstanceId: string): string | undefined {
    return this.staticIds.get(groupInstanceId);
  }

  add(member: ClassicMember): void {
    this.members.set(member.memberId, member);
    if (member.groupInstanceId !== null) this.staticIds.set(member.groupInstanceId, member.memberId);
    this.leaderId ??= member.memberId;
  }

  remove(member: ClassicMember): void {
    member.session?.unsubscribe();
    this.members.delete(member.memberId);
    if (member.groupInstanceId !== null) this.staticIds.delete(member.groupInstanceId);
    if (this.leaderId === member.memberId) this.leaderId = this.members.keys().next().value;
  }

  /** A static member comes back under a new id, with the place and the assignment that it had (KIP-345). */
  replace(old: ClassicMember, member: ClassicMember): void {
    const led = this.leaderId === old.memberId;
    this.remove(old);
    this.add(member);
    if (led) this.leaderId = member.memberId;
  }

  /** The leader must be among those who join; false when nobody is. */
  electJoinedLeader(): boolean {
    const leader = this.leaderId === undefined ? undefined : this.members.get(this.leaderId);
    if (leader?.join !== undefined) return true;
    const joined = this.all.find(({ join }) => join !== undefined);
    if (joined !== undefined) this.leaderId = joined.memberId;
    return joined !== undefined;
  }

  /** Whether one of the protocols is supported by every member, of whom there may be none: all may have gone while an id was given out. */
  support(protocols: readonly ClassicProtocol[]): boolean {
    const common = this.commonProtocols();
    return this.members.size === 0 ? protocols.length > 0 : protocols.some(({ name }) => common.has(name));
  }

  /** Each member votes for the first of its protocols that all support; the most votes win. */
  selectProtocol(): string {
    const common = this.commonProtocols();
    const votes = new Map<string, number>();
    for (const { protocols } of this.members.values()) {
      const vote = protocols.find(({ name }) => common.has(name));
      if (vote !== undefined) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1);
    }
    return [...votes].reduce((best, next) => (next[1] > best[1] ? next : best), ['', 0])[0];
  }

  /** What the leader gets to see. */
  described(protocolName: string | null) {
    return this.all.map(({ memberId, groupInstanceId, protocols }) => ({
      memberId,
      groupInstanceId,
      metadata: metadataOf(protocols, protocolName),
    }));
  }

  private commonProtocols(): ReadonlySet<string> {
    const lists = this.all.map(({ protocols }) => protocols.map(({ name }) => name));
    return new Set((lists[0] ?? []).filter(name => lists.every(names => names.includes(name))));
  }
}
