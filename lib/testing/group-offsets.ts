/** What a group committed for one partition. */
export interface CommittedOffset {
  readonly topic: string;
  /** A topic that is deleted and created again is another: its old commits are gone. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly leaderEpoch: number;
  readonly metadata: string | null;
}

/** The committed offsets of all groups. */
export class GroupOffsets {
  private readonly groups = new Map<string, Map<string, CommittedOffset>>();

  commit(group: string, committed: CommittedOffset): void {
    let offsets = this.groups.get(group);
    if (offsets === undefined) this.groups.set(group, (offsets = new Map()));
    offsets.set(`${committed.topicId} ${committed.partition}`, committed);
  }

  of(group: string, topicId: string, partition: number): CommittedOffset | undefined {
    return this.groups.get(group)?.get(`${topicId} ${partition}`);
  }

  all(group: string): readonly CommittedOffset[] {
    return [...(this.groups.get(group)?.values() ?? [])];
  }

  forgetGroup(group: string): void {
    this.groups.delete(group);
  }

  /** Forgets what was committed for a topic that is gone. */
  forgetTopic(topicId: string): void {
    for (const offsets of this.groups.values()) {
      for (const [key, committed] of offsets) if (committed.topicId === topicId) offsets.delete(key);
    }
  }
}
