import type { Runtime } from '../../types';
import { ClassicGroup } from './classic-group';
import { GroupClock } from './group-clock';

/** The groups of all brokers: whichever coordinates one has all of its state. */
export class Groups {
  readonly clock: GroupClock;
  private readonly groups = new Map<string, ClassicGroup>();

  constructor(private readonly runtime: Runtime) {
    this.clock = new GroupClock(runtime.scheduler);
  }

  get all(): readonly ClassicGroup[] {
    return [...this.groups.values()];
  }

  get(id: string): ClassicGroup | undefined {
    return this.groups.get(id);
  }

  delete(id: string): void {
    this.groups.delete(id);
  }

  /** The classic group of that name, made if there is none. */
  classic(id: string): ClassicGroup {
    let group = this.groups.get(id);
    if (group === undefined) {
      group = new ClassicGroup(id, this.clock, () => this.newId());
      this.groups.set(id, group);
    }
    return group;
  }

  /** Looks like the UUID that a broker makes. */
  private newId(): string {
    const bytes = Array.from({ length: 16 }, () => Math.floor(this.runtime.random() * 256));
    return Buffer.from(bytes)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }
}
