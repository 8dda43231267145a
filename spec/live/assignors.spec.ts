import type { RacksOf } from '../../lib/consumer/group/assignors/assignor';
import { cooperativeSticky } from '../../lib/consumer/group/assignors/cooperative-sticky';
import { range } from '../../lib/consumer/group/assignors/range';
import { roundRobin } from '../../lib/consumer/group/assignors/round-robin';
import { sticky } from '../../lib/consumer/group/assignors/sticky';
import { encodeStickyUserData } from '../../lib/consumer/group/assignors/sticky-user-data';
import {
  given,
  keyOf,
  moves,
  nextRound,
  subscribedOnly,
  unevenness,
  wanted,
  type Assigned,
} from '../consumer/group/assignors/judge';
import { randomGroup, type RandomGroup } from '../consumer/group/assignors/random-group';
import { Random } from '../fuzz/random';
import { javaAssignors } from '../support/java-assignors';
import { javaPeer } from '../support/java-peer';
import { print } from '../support/print';
import { itWithTool } from '../support/tools';

// Kafka's own assignors as judges of ours: the same groups, asked in one run of a JVM.

const GROUPS = 1_500;
/** Java's sticky assignors throw, leave partitions out or give what a member does not read, in some groups with members of several generations. */
const COMPARABLE = 1_000;

const groups = Array.from({ length: GROUPS }, (_, seed) => randomGroup(new Random(seed)));
const SIDES = ['a', 'b', 'c', 'd'];

describe("Kafka's own assignors", () => {
  itWithTool(javaPeer, 'share as ours do: range and round robin', async () => {
    const java = await javaAssignors.assign(groups, ['range', 'roundrobin']);

    groups.forEach(({ partitions, members }, i) => {
      expect(sorted(range.assign(partitions, members))).toEqual(sorted(java[i]!.get('range')!));
      expect(sorted(roundRobin.assign(partitions, members))).toEqual(sorted(java[i]!.get('roundrobin')!));
    });
    print(`Assignors: range and round robin equal to Java's in ${GROUPS} groups`);
  });

  itWithTool(javaPeer, 'share as ours do: range with racks', async () => {
    const rounds = groups.map((group, seed) => withRacks(group, new Random(seed)));
    const java = await javaAssignors.assign(rounds, ['range']);

    let mattered = 0;
    rounds.forEach(({ partitions, members, racksOf }, i) => {
      const ours = sorted(range.assign(partitions, members, racksOf));
      expect(ours).toEqual(sorted(java[i]!.get('range')!));
      if (JSON.stringify(ours) !== JSON.stringify(sorted(range.assign(partitions, members)))) mattered++;
    });
    expect(mattered).toBeGreaterThan(GROUPS / 10);
    print(
      `Assignors: range with racks equal to Java's in ${GROUPS} groups; the racks made a difference in ${mattered}`,
    );
  });

  itWithTool(javaPeer, 'are no more even than sticky, and move no less where they are as even', async () => {
    const java = await javaAssignors.assign(groups, ['sticky']);
    const score = new Score();

    groups.forEach((group, i) => {
      const ours = sticky.assign(group.partitions, group.members);
      expect(given(ours)).toEqual(wanted(group));
      score.add(group, ours, java[i]!.get('sticky'));
    });
    score.check('sticky');
  });

  itWithTool(javaPeer, 'are no more even than cooperative-sticky after two rounds, and move no less', async () => {
    const first = await javaAssignors.assign(groups, ['cooperative-sticky']);
    const given1 = first.map((answers, i) => right(groups[i]!, answers.get('cooperative-sticky')));
    const second = await javaAssignors.assign(
      groups.map((group, i) => (given1[i] === undefined ? group : nextRound(group, given1[i]))),
      ['cooperative-sticky'],
    );
    const score = new Score();

    groups.forEach((group, i) => {
      const { partitions, members } = group;
      const next = nextRound(group, cooperativeSticky.assign(partitions, members));
      const ours = cooperativeSticky.assign(partitions, next.members);
      expect(given(ours)).toEqual(wanted(group));
      score.add(group, ours, given1[i] && second[i]!.get('cooperative-sticky'));
    });
    score.check('cooperative-sticky, two rounds');
  });

  itWithTool(javaPeer, 'tell their leader what our sticky tells', async () => {
    const owned = [3, 0, 7].map(partition => ({ topic: 'some-topic', partition }));
    const theirs = await javaAssignors.stickyUserData(owned, 12);
    expect(theirs.toString('hex')).toBe(encodeStickyUserData({ owned, generation: 12 }).toString('hex'));
  });
});

/** Ours against theirs. */
class Score {
  private compared = 0;
  private notRight = 0;
  private moreEven = 0;
  private readonly moved = { ours: 0, java: 0 };
  /** Of those that ours has shared more evenly. */
  private readonly paid = { groups: 0, moves: 0 };

  add(group: RandomGroup, ours: Assigned, java: Assigned | undefined): void {
    const theirs = right(group, java);
    if (theirs === undefined || JSON.stringify(given(theirs)) !== JSON.stringify(wanted(group))) {
      this.notRight++;
      return;
    }
    this.compared++;
    const [mine, others] = [moves(group, ours), moves(group, theirs)];
    this.moved.ours += mine;
    this.moved.java += others;
    expect(unevenness(ours)).toBeLessThanOrEqual(unevenness(theirs));
    if (unevenness(ours) === unevenness(theirs)) return expect(mine).toBeLessThanOrEqual(others);
    this.moreEven++;
    if (mine <= others) return;
    this.paid.groups++;
    this.paid.moves += mine - others;
  }

  check(name: string): void {
    const { compared, notRight, moreEven, moved, paid } = this;
    expect(compared).toBeGreaterThanOrEqual(COMPARABLE);
    expect(moved.ours).toBeLessThanOrEqual(moved.java);
    print(
      `Assignors: ${name}: never less even than Java's in ${compared} groups, more even in ${moreEven}; ${moved.ours} moves in all, Java ${moved.java}; ` +
        `more moves only where more even (${paid.groups} groups, ${paid.moves} moves); Java's answer was not a legal one in ${notRight}`,
    );
  }
}

/** What Java gave, if it gave only what members read. */
function right(group: RandomGroup, java: Assigned | undefined): Assigned | undefined {
  return java !== undefined && subscribedOnly(group, java) ? java : undefined;
}

function sorted(assigned: Assigned): Record<string, string> {
  return Object.fromEntries(
    [...assigned]
      .map(([id, list]) => [id, list.map(keyOf).sort().join(' ')] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Racks for all or some of the members, and one to three for each partition; many topics as large as each other. */
function withRacks({ partitions, members }: RandomGroup, random: Random): RandomGroup & { readonly racksOf: RacksOf } {
  const usual = random.chance(0.4) ? 1 + random.below(30) : undefined;
  const counts = new Map(
    [...partitions].map(
      ([topic, count]) => [topic, usual !== undefined && random.chance(0.7) ? usual : count] as const,
    ),
  );
  const replicas = 1 + random.below(3);
  const racks = new Map<string, ReadonlySet<string>>();
  for (const [topic, count] of counts) {
    for (let partition = 0; partition < count; partition++) {
      racks.set(keyOf({ topic, partition }), new Set(Array.from({ length: replicas }, () => random.pick(SIDES))));
    }
  }
  const told = random.pick([0.3, 0.9, 1]);
  return {
    partitions: counts,
    members: members.map(one => ({ ...one, rack: random.chance(told) ? random.pick([...SIDES, 'far']) : null })),
    racksOf: (topic, partition) => racks.get(keyOf({ topic, partition }))!,
  };
}
