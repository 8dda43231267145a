import { mergeMap, timer } from 'rxjs';
import { Tracker } from '../../lib/consumer/delivery/tracker';
import type { ConsumerRecord } from '../../lib/types';
import { consuming } from '../consumer/consuming';
import { GROUP, inAGroup, TOPIC } from '../consumer/group/in-a-group';
import { print } from '../support/print';

const FULL = process.env.KAFKA_RX_FULL === 'true';
const PARTITIONS = 3;

/** Mulberry32. */
function chanceOf(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}

/** The lowest offset of each partition that nobody has processed. */
const lowest = (processed: readonly ReadonlySet<number>[]): number[] =>
  processed.map(offsets => {
    let offset = 0;
    while (offsets.has(offset)) offset++;
    return offset;
  });

/** One crash at a random moment; what it was like. */
function crash(seed: number): { ahead: string[]; missing: number; repeats: number; committed: number } {
  const below = chanceOf(seed);
  const outcome = { ahead: [] as string[], missing: 0, repeats: 0, committed: 0 };
  const groupProtocol = below(2) === 0 ? 'classic' : 'consumer';
  const configs = { 'group.consumer.heartbeat.interval.ms': '300', 'group.consumer.session.timeout.ms': '6000' };
  inAGroup({ partitions: PARTITIONS, brokers: 2, configs, forMs: 20_000 }, t => {
    const { cluster, runtime, member, append, at } = t;
    const processed = Array.from({ length: PARTITIONS }, () => new Set<number>());
    let appended = 0;
    const commit = { everyMs: 20 + below(300), ...(below(2) === 0 ? { everyRecords: 1 + below(20) } : {}) };
    const given = {
      groupProtocol,
      heartbeatIntervalMs: 300,
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 1_000,
    } as const;
    const process = (isAlive: () => boolean) => (record: ConsumerRecord) =>
      void runtime.scheduler.schedule(() => {
        if (!isAlive()) return;
        const offsets = processed[record.partition]!;
        if (offsets.has(Number(record.offset))) outcome.repeats++;
        offsets.add(Number(record.offset));
        record.ack();
      }, below(120));
    const check = (when: string) => {
      const bounds = lowest(processed);
      for (const { partition, offset } of cluster.committed(GROUP))
        if (Number(offset) > bounds[partition]!)
          outcome.ahead.push(`${when}: ${partition}:${offset} > ${bounds[partition]}`);
    };
    for (let ms = 0; ms < 4_000; ms += 25) at(ms, () => (append(), appended++));
    let alive = true;
    const first = member('a', { ...given, commit, apart: true, onRecord: process(() => alive) });
    member('b', { ...given, commit, onRecord: process(() => true) });
    // What makes a commit late, lost or refused.
    for (let i = 0; i < 3; i++)
      at(500 + below(3_000), () => {
        const what = below(5);
        if (what === 0) cluster.moveCoordinator({ group: GROUP }, 1 + below(2));
        else if (what === 1) cluster.fault({ api: 'OffsetCommit', times: 1 }, { delayMs: 10 + below(400) });
        else if (what === 2) cluster.fault({ api: 'OffsetCommit', times: 1 }, { cutAfterBytes: below(8) });
        else if (what === 3)
          cluster.fault({ api: 'OffsetCommit', times: 1 + below(2) }, { error: 'REBALANCE_IN_PROGRESS' });
        else cluster.rebalance(GROUP);
      });
    for (let ms = 500; ms < 19_000; ms += 250) at(ms, () => check(`${ms} ms`));
    at(1_000 + below(3_000), () => {
      check('before the crash');
      alive = false;
      first.kill();
      check('after it');
      outcome.committed = cluster.committed(GROUP).reduce((sum, one) => sum + Number(one.offset), 0);
    });
    at(19_500, () => {
      check('at the end');
      outcome.missing = lowest(processed).reduce((sum, offset) => sum + appended - offset, 0);
    });
  });
  return outcome;
}

describe('commits', () => {
  it('E11 never cover what was not processed, wherever a crash cuts; what was not committed comes again', () => {
    const seeds = FULL ? 2_000 : 15;
    let repeats = 0;
    let committed = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const outcome = crash(seed);
      expect({ seed, ahead: outcome.ahead, missing: outcome.missing }).toEqual({ seed, ahead: [], missing: 0 });
      repeats += outcome.repeats;
      committed += outcome.committed;
    }
    expect(committed).toBeGreaterThan(0);
    print(
      `E11: ${seeds} crashes in virtual time, ${committed} records committed by then, 0 of them unprocessed; ${repeats} came again`,
    );
  }, 900_000);

  it('E10 are the lowest unfinished after each of 10⁶ completions in random order', () => {
    const count = 1_000_000;
    const below = chanceOf(1);
    const tracker = new Tracker();
    const isDone = new Uint8Array(count);
    const open: number[] = [];
    let next = 0;
    let bound = 0;
    let wrong = 0;
    for (let completed = 0; completed < count; completed++) {
      // Up to a window of them is out; which one ends is chance.
      while (next < count && (open.length === 0 || (open.length < 512 && below(3) > 0))) {
        tracker.open(next, 1);
        open.push(next++);
      }
      const at = below(open.length);
      const ended = open[at]!;
      open[at] = open[open.length - 1]!;
      open.pop();
      tracker.ack(ended, tracker.generation);
      isDone[ended] = 1;
      while (bound < next && isDone[bound] === 1) bound++;
      if (tracker.span !== next - bound || (bound < next && tracker.lowest !== bound)) wrong++;
    }
    expect({ wrong, bound }).toEqual({ wrong: 0, bound: count });
    print(`E10: ${count} completions in random order, the committable offset was the lowest unfinished after each`);
  });

  it('E10 are the lowest unfinished of records that finish in any order, one of them never', () => {
    const below = chanceOf(10);
    const count = FULL ? 100_000 : 5_000;
    const stuckAt = BigInt(count - 3);
    let checks = 0;
    const ahead: string[] = [];
    let committed: unknown;
    consuming({ topics: { [TOPIC]: 1 }, forMs: FULL ? 400_000 : 60_000 }, ({ cluster, runtime, consumer, at }) => {
      cluster.append(
        TOPIC,
        0,
        Array.from({ length: count }, (_, i) => ({ value: `${i}` })),
      );
      const done = new Set<number>();
      let bound = 0;
      const lowestUnfinished = () => {
        while (done.has(bound)) done.delete(bound++);
        return bound;
      };
      const reading = consumer({ groupId: GROUP, offsetReset: 'earliest', commit: { everyMs: 50 } });
      reading.assign([{ topic: TOPIC, partition: 0 }]).commits.subscribe(([one]) => {
        checks++;
        if (Number(one!.offset) > lowestUnfinished()) ahead.push(`${one!.offset} > ${bound}`);
      });
      reading.records
        .pipe(
          mergeMap(
            record =>
              timer(record.offset === stuckAt ? 1e9 : below(20), runtime.scheduler).pipe(
                mergeMap(() => {
                  done.add(Number(record.offset));
                  record.ack();
                  return [];
                }),
              ),
            16,
          ),
        )
        .subscribe();
      at(FULL ? 399_000 : 59_000, () => (committed = cluster.committed(GROUP)));
    });
    expect(ahead).toEqual([]);
    expect(committed).toEqual([{ topic: TOPIC, partition: 0, offset: stuckAt }]);
    print(
      `E10: ${count} records through mergeMap(16) in random order, ${checks} commits, none ahead of the lowest unfinished`,
    );
  });
});
