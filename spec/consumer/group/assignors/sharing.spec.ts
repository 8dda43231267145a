import { isDeepStrictEqual } from 'node:util';
import { cooperativeSticky } from '../../../../lib/consumer/group/assignors/cooperative-sticky';
import { range } from '../../../../lib/consumer/group/assignors/range';
import { roundRobin } from '../../../../lib/consumer/group/assignors/round-robin';
import { sticky } from '../../../../lib/consumer/group/assignors/sticky';
import { Random } from '../../../fuzz/random';
import { print } from '../../../support/print';
import { given, keyOf, loads, moves, nextRound, ownersBefore, subscribedOnly, unevenness, wanted } from './judge';
import { fewestMoves, leastUnevenness } from './best-placement';
import { memberSaying, randomGroup } from './random-group';

const GROUPS = process.env['KAFKA_RX_FULL'] === 'true' ? 5_000 : 150;

/** All groups with this property, each made by its seed. */
function groups(count = GROUPS): ReturnType<typeof randomGroup>[] {
  return Array.from({ length: count }, (_, seed) => randomGroup(new Random(seed)));
}

/** Node's comparison for speed, Jest's for the message. */
function means(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

describe.each([range, roundRobin, sticky])('$name, in groups of all sorts', ({ assign }) => {
  it('gives each partition to one member that reads its topic, the same whatever order the members come in', () => {
    for (const group of groups()) {
      const assigned = assign(group.partitions, group.members);
      means(given(assigned), wanted(group));
      expect(subscribedOnly(group, assigned)).toBe(true);
      means(assign(group.partitions, [...group.members].reverse()), assigned);
    }
  });
});

describe('sticky, in groups of all sorts', () => {
  it('is as even as can be, and where all read the same moves as little as that allows', () => {
    let [alike, moved, owned] = [0, 0, 0];
    for (const group of groups()) {
      const assigned = sticky.assign(group.partitions, group.members);
      expect(unevenness(assigned)).toBe(leastUnevenness(group));
      moved += moves(group, assigned);
      owned += ownersBefore(group).size;
      const fewest = fewestMoves(group);
      if (fewest === undefined) continue;
      expect(moves(group, assigned)).toBe(fewest);
      const [most = 0] = loads(assigned);
      expect(most - (loads(assigned).at(-1) ?? 0)).toBeLessThanOrEqual(1);
      alike++;
    }
    expect(alike).toBeGreaterThan(GROUPS / 10);
    print(`sticky: ${GROUPS} groups, ${alike} of them with one subscription, ${moved} of ${owned} partitions moved`);
  });

  it('moves nothing in a second round', () => {
    for (const group of groups()) {
      const assigned = sticky.assign(group.partitions, group.members);
      const again = nextRound(group, assigned);
      const members = again.members.map(memberSaying);
      means(sticky.assign(group.partitions, members), assigned);
    }
  });
});

describe('cooperative-sticky, in groups of all sorts', () => {
  it('never gives what another may still read, and is where sticky would be after the second round', () => {
    for (const group of groups()) {
      const { partitions, members } = group;
      const first = cooperativeSticky.assign(partitions, members);
      const owners = ownersBefore(group);
      const claims = new Set(members.flatMap(({ memberId, owned }) => owned.map(one => `${memberId} ${keyOf(one)}`)));
      for (const [memberId, list] of first) {
        for (const key of list.map(keyOf)) {
          if (owners.get(key) === memberId) continue;
          const others = members.filter(other => other.memberId !== memberId);
          if (others.some(other => claims.has(`${other.memberId} ${key}`))) throw new Error(`${key} is not free`);
        }
      }
      const second = cooperativeSticky.assign(partitions, nextRound(group, first).members);
      means(given(second), wanted(group));
      expect(loads(second)).toEqual(loads(sticky.assign(partitions, members)));
      expect(moves(nextRound(group, first), second)).toBe(0);
    }
  });
});

describe('10,000 partitions and 100 members', () => {
  const topics = Array.from({ length: 100 }, (_, i) => `topic-${i}`);
  const partitions = new Map(topics.map(topic => [topic, 100]));
  const group = (members: number, reads: (member: number) => readonly string[]) =>
    Array.from({ length: members }, (_, i) =>
      memberSaying({
        ...{ memberId: `member-${i}`, groupInstanceId: null, topics: reads(i) },
        ...{ owned: [], generation: -1, rack: null },
      }),
    );

  it.each([
    ['one subscription', () => topics],
    ['many', (member: number) => topics.filter((_, topic) => (member * 7 + topic * 13) % 3 > 0)],
  ])('are shared in a moment: %s', (name, reads) => {
    const fresh = group(100, reads);
    const figures: string[] = [];
    const timed = <T>(what: string, run: () => T): T => {
      const began = performance.now();
      const result = run();
      const ms = performance.now() - began;
      figures.push(`${what} ${ms.toFixed(0)}`);
      // Generous: it keeps away what grows with the square of the partitions.
      expect(ms).toBeLessThan(10_000);
      return result;
    };
    for (const { name: called, assign } of [range, roundRobin]) timed(called, () => assign(partitions, fresh));
    const before = timed('sticky', () => sticky.assign(partitions, fresh));
    const joined = group(150, reads).map(one =>
      memberSaying({ ...one, owned: before.get(one.memberId) ?? [], generation: 1 }),
    );
    const after = timed('50 join', () => sticky.assign(partitions, joined));
    expect(given(after)).toHaveLength(10_000);
    expect(loads(after)[0]! - loads(after).at(-1)!).toBeLessThanOrEqual(1);
    // 67 each, and 66 for the last ones: 50 members got that many.
    expect(moves({ partitions, members: joined }, after)).toBeLessThanOrEqual(50 * 67);
    timed('75 leave', () => sticky.assign(partitions, joined.slice(75)));
    print(`10,000 partitions, 100 members, ${name}, in ms: ${figures.join(', ')}`);
  });
});
