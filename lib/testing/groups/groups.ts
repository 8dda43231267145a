import type { Runtime } from '../../types';
import { ClassicGroup } from './classic-group';
import { ConsumerGroup, type ConsumerGroupTimes } from './consumer-group';
import { GroupClock } from './group-clock';
import type { AssignableTopic } from './server-assignors';

/** A group of either protocol. */
export type Group = ClassicGroup | ConsumerGroup;

/** The groups of all brokers: whichever coordinates one has all of its state. */
export class Groups {
  readonly clock: GroupClock;
  private readonly groups = new Map<string, Group>();

  constructor(
    private readonly runtime: Runtime,
    private readonly topics: ReadonlyMap<string, AssignableTopic>,
    private readonly times: ConsumerGroupTimes,
  ) {
    this.clock = new GroupClock(runtime.scheduler);
  }

  get all(): readonly Group[] {
    return [...this.groups.values()];
  }

  get(id: string): Group | undefined {
    return this.groups.get(id);
  }

  delete(id: string): void {
    this.groups.delete(id);
  }

  /** The classic group of that name, made if there is none, or only one without members; `undefined` while it is a KIP-848 group. */
  classic(id: string): ClassicGroup | undefined {
    const group = this.groups.get(id);
    if (group?.type === 'classic') return group;
    if (group !== undefined && !group.isEmpty) return undefined;
    const made = new ClassicGroup(id, this.clock, () => this.newId());
    this.groups.set(id, made);
    return made;
  }

  /** The KIP-848 group of that name, made if there is none, or only one without members; `undefined` while it is a classic group. */
  consumer(id: string): ConsumerGroup | undefined {
    const group = this.groups.get(id);
    if (group?.type === 'consumer') return group;
    if (group !== undefined && !group.isEmpty) return undefined;
    const made = new ConsumerGroup(id, this.clock, this.topics, this.times);
    this.groups.set(id, made);
    return made;
  }

  /** Looks like the UUID that a broker makes. */
  private newId(): string {
    const bytes = Array.from({ length: 16 }, () => Math.floor(this.runtime.random() * 256));
    return Buffer.from(bytes)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }
}
