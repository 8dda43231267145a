import type { Consumer } from '../../lib/consumer/consumer-api';
import { codeOf } from '../../lib/protocol/error-table';
import type { ErrorName } from '../../lib/protocol/error-table';
import { consuming, values } from '../consumer/consuming';
import { EVERY_CODE, REPEATED_BY_JAVA } from '../support/error-codes';
import { print } from '../support/print';

const TOPIC = 'orders';
const P0 = { topic: TOPIC, partition: 0 };
const P1 = { topic: TOPIC, partition: 1 };
const GROUP = 'g';
/** How often the coordinator answers with the error before it answers well. */
const TIMES = 2;
const FULL = process.env.KAFKA_RX_FULL === 'true';

/** Who commits, or asks for what was committed. */
type Who = 'classic' | 'consumer' | 'simple';

/**
 * What becomes of it.
 * - `lands`: it is repeated until it is taken (read), and nobody hears of it.
 * - `lost`: so are the partitions with it, and the member joins again. Who asked gets a BrokerError of that code; in the background it is one event.
 * - `fenced`: one FencedError, for who asked and for the view.
 * - `refused`: a BrokerError of that code to who asked, in the background an event each time; the view goes on, and a later commit lands.
 * - `fatal`: the same, and the view errors with it.
 */
type Reaction = 'lands' | 'lost' | 'fenced' | 'refused' | 'fatal';

const codes = (...names: ErrorName[]): readonly number[] => names.map(codeOf);

/** What the coordinator says about itself. */
const MOVING = codes(
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'REQUEST_TIMED_OUT',
  'UNSTABLE_OFFSET_COMMIT',
);
const LOSSES = codes('ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND');
const FATAL = codes('GROUP_AUTHORIZATION_FAILED', 'TOPIC_AUTHORIZATION_FAILED', 'INVALID_GROUP_ID');
const ANOTHER_ROUND = codes('REBALANCE_IN_PROGRESS', 'STALE_MEMBER_EPOCH');
const FENCED = codes('FENCED_INSTANCE_ID');
const MEMBER = { lands: [...MOVING, ...ANOTHER_ROUND], lost: LOSSES, fenced: FENCED };

type Row = Partial<Record<Reaction, readonly number[]>>;

/** OffsetCommit that somebody asked for: `refused` are all others. */
const ASKED: Readonly<Record<Who, Row>> = { classic: MEMBER, consumer: MEMBER, simple: { lands: MOVING } };

/** OffsetCommit in the background. */
const BACKGROUND: Readonly<Record<Who, Row>> = {
  classic: { ...MEMBER, fatal: FATAL },
  consumer: { ...MEMBER, fatal: FATAL },
  simple: { lands: MOVING, fatal: FATAL },
};

/** OffsetFetch: `fatal` are all others. Whatever is wrong, it is never "nothing committed". */
const FETCH: Row = { lands: [...REPEATED_BY_JAVA, ...ANOTHER_ROUND, ...LOSSES, ...codes('UNKNOWN_SERVER_ERROR')] };

const NAMED = new Set([...MOVING, ...ANOTHER_ROUND, ...LOSSES, ...FATAL, ...FENCED]);
const PLACES = ['the request', 'one partition'] as const;
const WHO: readonly Who[] = ['classic', 'consumer', 'simple'];
const ROWS = WHO.flatMap(who => PLACES.map(place => [who, place] as const));

const KINDS = ['asked for', 'in the background', 'fetched'] as const;
/** All codes in the full form; else those with a reaction of their own, and of the others each in one place at least. */
const codesFor = (row: number, kind: (typeof KINDS)[number]) =>
  EVERY_CODE.filter(
    ({ code }, i) =>
      FULL || NAMED.has(code) || i % (KINDS.length * ROWS.length) === row + ROWS.length * KINDS.indexOf(kind),
  );

const expected = (row: Row, code: number, rest: Reaction): Reaction =>
  (Object.keys(row) as Reaction[]).find(one => row[one]!.includes(code)) ?? rest;

const figures = { runs: 0, requests: 0, most: 0 };

interface Outcome {
  /** What those who asked heard. */
  readonly answers: any[];
  /** What the view errored with. */
  readonly errors: any[];
  /** `commit-failed` events. */
  readonly failed: any[];
  /** Requests from the first that was refused on. */
  requests: number;
  lost: boolean;
  readonly seen: string[];
  committed: string;
}

/** One consumer of two partitions with four records each. */
function meet(
  api: 'OffsetCommit' | 'OffsetFetch',
  [who, place]: (typeof ROWS)[number],
  name: string,
  commit: 'manual' | { everyMs: number },
  work: (consumer: Consumer, outcome: Outcome) => void,
): Outcome {
  const outcome: Outcome = { answers: [], errors: [], failed: [], requests: 0, lost: false, seen: [], committed: '' };
  const configs = { 'group.consumer.heartbeat.interval.ms': '500' };
  consuming({ topics: { [TOPIC]: 2 }, configs, forMs: 9_000 }, ({ cluster, consumer, requests, events, at }) => {
    for (const partition of [0, 1]) cluster.append(TOPIC, partition, values(0, 4));
    let before = 0;
    let isOver = false;
    const start = (): Consumer => {
      const made = consumer({
        ...{ groupId: GROUP, offsetReset: 'earliest', commit, heartbeatIntervalMs: 500, rebalanceTimeoutMs: 1_500 },
        groupProtocol: who === 'simple' ? 'classic' : who,
      });
      made.rebalances.subscribe(({ type }) => (outcome.lost ||= !isOver && type === 'lost'));
      (who === 'simple' ? made.assign([P0, P1]) : made.subscribe(TOPIC)).records.subscribe({
        next: record => {
          outcome.seen.push(`${record.partition}:${record.offset}`);
          // The last one is acked when the broker has been told what to say.
          if (record.offset < 3n || api === 'OffsetFetch') record.ack();
          else at(4_000, () => record.ack());
        },
        error: error => isOver || outcome.errors.push(error),
      });
      return made;
    };
    const fault = () =>
      cluster.fault({ api, times: TIMES, ...(place === 'the request' ? {} : { partition: 0 }) }, { error: name });
    if (api === 'OffsetFetch') {
      const offsets = [P0, P1].map(one => ({ ...one, offset: 2n }));
      consumer({ groupId: GROUP }).commit(offsets).subscribe();
      at(1_000, () => {
        fault();
        work(start(), outcome);
      });
    } else {
      const made = start();
      at(3_900, () => {
        before = requests.filter(request => request.api === api).length;
        fault();
        work(made, outcome);
      });
    }
    at(8_900, () => {
      isOver = true;
      outcome.failed.push(...events.filter(({ type }) => type === 'commit-failed'));
      outcome.requests = requests.filter(request => request.api === api).length - before;
      outcome.committed = cluster
        .committed(GROUP)
        .map(({ partition, offset }) => `${partition}:${offset}`)
        .sort()
        .join(' ');
    });
  });
  figures.runs++;
  figures.requests += outcome.requests;
  figures.most = Math.max(figures.most, outcome.requests);
  return outcome;
}

const isAbout = (error: any, code: number): boolean => error?.name === 'BrokerError' && error.code === code;

describe('C04 every error code of a request about offsets', () => {
  afterAll(() =>
    print(`C04: offsets: ${figures.runs} runs (${EVERY_CODE.length} codes), ${figures.most} requests in one at most`),
  );

  describe.each(ROWS.map((row, i) => [...row, i] as const))(
    'OffsetCommit as %s, asked for, of %s',
    (who, place, row) => {
      it.each(codesFor(row, 'asked for'))('$code $name has the reaction of its row', ({ code, name }) => {
        const offsets = [P0, P1].map(one => ({ ...one, offset: 2n }));
        const { answers, errors, failed, requests, lost, committed } = meet(
          'OffsetCommit',
          [who, place],
          name,
          'manual',
          (consumer, outcome) =>
            consumer.commit(offsets).subscribe({
              next: () => outcome.answers.push('stored'),
              error: error => outcome.answers.push(error),
            }),
        );
        const [answer] = answers;
        const reaction =
          answer === 'stored' ? 'lands' : answer?.name === 'FencedError' ? 'fenced' : lost ? 'lost' : 'refused';
        expect(answers).toHaveLength(1);
        expect(reaction).toBe(expected(ASKED[who], code, 'refused'));
        if (reaction === 'lost' || reaction === 'refused') expect(isAbout(answer, code)).toBe(true);
        expect(errors.map(error => error.name)).toEqual(reaction === 'fenced' ? ['FencedError'] : []);
        expect(failed).toEqual([]);
        expect(committed).toBe(reaction === 'lands' ? '0:2 1:2' : place === 'the request' ? '' : '1:2');
        expect(requests).toBe(reaction === 'lands' ? TIMES + 1 : 1);
        if (who === 'simple' && (LOSSES.includes(code) || ANOTHER_ROUND.includes(code)))
          expect(answer.message).toContain('live members');
      });
    },
  );

  describe.each(ROWS.map((row, i) => [...row, i] as const))(
    'OffsetCommit as %s, in the background, of %s',
    (who, place, row) => {
      it.each(codesFor(row, 'in the background'))('$code $name has the reaction of its row', ({ code, name }) => {
        const outcome = meet('OffsetCommit', [who, place], name, { everyMs: 1_000 }, () => undefined);
        const { errors, failed, requests, lost, committed } = outcome;
        const reaction =
          errors[0]?.name === 'FencedError'
            ? 'fenced'
            : errors.length > 0
              ? 'fatal'
              : lost
                ? 'lost'
                : failed.length > 0
                  ? 'refused'
                  : 'lands';
        expect(reaction).toBe(expected(BACKGROUND[who], code, 'refused'));
        expect(errors).toHaveLength(reaction === 'fatal' || reaction === 'fenced' ? 1 : 0);
        if (reaction === 'fatal') expect(isAbout(errors[0], code)).toBe(true);
        for (const { error } of failed) expect(reaction === 'fenced' || isAbout(error, code)).toBe(true);
        // Of a member that is lost each time: each of them has records that come again.
        expect(failed.length).toBeLessThanOrEqual(TIMES);
        expect(failed.length).toBeGreaterThanOrEqual(reaction === 'lands' ? 0 : 1);
        if (reaction === 'lands' || reaction === 'refused') expect(committed).toBe('0:4 1:4');
        expect(requests).toBeLessThanOrEqual(2 * TIMES + 2);
      });
    },
  );

  describe.each(ROWS.map((row, i) => [...row, i] as const))('OffsetFetch as %s, of %s', (who, place, row) => {
    it.each(codesFor(row, 'fetched'))('$code $name has the reaction of its row', ({ code, name }) => {
      const { errors, requests, seen, lost } = meet('OffsetFetch', [who, place], name, 'manual', () => undefined);
      const all = ['0:2', '0:3', '1:2', '1:3'];
      const reaction = errors.length > 0 ? 'fatal' : 'lands';
      expect(reaction).toBe(expected(FETCH, code, 'fatal'));
      expect(lost).toBe(false);
      if (reaction === 'lands') expect([...seen].sort()).toEqual(all);
      else {
        expect(errors).toHaveLength(1);
        expect(isAbout(errors[0], code)).toBe(true);
        expect(seen.filter(one => !all.includes(one) || one.startsWith('0'))).toEqual([]);
      }
      expect(requests).toBeLessThanOrEqual(reaction === 'lands' ? TIMES + 2 : 2);
    });
  });
});
