import type { Assignor, GroupAssignor } from './assignors/assignor';
import { assignors } from './assignors/assignors';

/** Checks the option; throws `TypeError`. Only our own assignors know what the group's protocol needs. */
export function checkAssignors(given: readonly Assignor[] | undefined): readonly GroupAssignor[] {
  if (given === undefined) return [assignors.cooperativeSticky as GroupAssignor];
  const known = new Set<unknown>(Object.values(assignors));
  if (!Array.isArray(given) || given.length === 0 || !given.every(one => known.has(one)))
    throw new TypeError(
      'consumer: option "assignors" must be a list of range, roundRobin, sticky or cooperativeSticky of `assignors`',
    );
  if (new Set(given).size !== given.length) throw new TypeError('consumer: option "assignors" names one twice');
  return given as readonly GroupAssignor[];
}
