import type { Assignor } from './assignor';
import { cooperativeSticky } from './cooperative-sticky';
import { range } from './range';
import { roundRobin } from './round-robin';
import { sticky } from './sticky';

/** The ways to share partitions in a classic group, as in Java: all members of a group must have one in common. */
export const assignors: {
  /** Topic by topic; equal keys of topics that are alike meet in one member. */
  readonly range: Assignor;
  /** All partitions dealt in turn. */
  readonly roundRobin: Assignor;
  /** Even, with the fewest moves; all stop for each round. */
  readonly sticky: Assignor;
  /** Even, with the fewest moves; only what moves stops. The default. */
  readonly cooperativeSticky: Assignor;
} = Object.freeze({ range, roundRobin, sticky, cooperativeSticky });
