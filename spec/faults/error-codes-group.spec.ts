import { codeOf } from '../../lib/protocol/error-table';
import type { ErrorName } from '../../lib/protocol/error-table';
import { GROUP, inAGroup } from '../consumer/group/in-a-group';
import { EVERY_CODE, REPEATED_BY_JAVA } from '../support/error-codes';
import { print } from '../support/print';

/** How often the broker answers with the error before it answers well. */
const TIMES = 2;

/**
 * What a member does about an error.
 * - `again`: the same request, or another round, as the same member and with what it has.
 * - `lost`: its partitions are gone, it joins again under the same id.
 * - `renewed`: the same under another id.
 * - `fenced`: one FencedError.
 * - `fatal`: one BrokerError of that code, and no further request.
 */
type Reaction = 'again' | 'lost' | 'renewed' | 'fenced' | 'fatal';

const codes = (...names: ErrorName[]): readonly number[] => names.map(codeOf);
const REPEATED = [...REPEATED_BY_JAVA, ...codes('UNKNOWN_SERVER_ERROR')];

/** By API, and where in the life of the member: the codes of each reaction; `fatal` are all others. */
const TABLE: Readonly<Record<string, Partial<Record<Reaction, readonly number[]>>>> = {
  'FindCoordinator of a new member': {
    again: [
      ...REPEATED,
      ...codes('REBALANCE_IN_PROGRESS', 'MEMBER_ID_REQUIRED', 'STALE_MEMBER_EPOCH', 'ILLEGAL_GENERATION'),
      ...codes('UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND'),
    ],
    fenced: codes('FENCED_INSTANCE_ID', 'UNRELEASED_INSTANCE_ID'),
  },
  'JoinGroup of a new member': {
    again: [
      ...REPEATED,
      ...codes('REBALANCE_IN_PROGRESS', 'MEMBER_ID_REQUIRED', 'STALE_MEMBER_EPOCH', 'ILLEGAL_GENERATION'),
      ...codes('FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND'),
    ],
    renewed: codes('UNKNOWN_MEMBER_ID'),
    fenced: codes('FENCED_INSTANCE_ID', 'UNRELEASED_INSTANCE_ID'),
  },
  'JoinGroup of a member': {
    again: [
      ...REPEATED,
      ...codes('REBALANCE_IN_PROGRESS', 'MEMBER_ID_REQUIRED', 'STALE_MEMBER_EPOCH', 'ILLEGAL_GENERATION'),
    ],
    lost: codes('FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND'),
    renewed: codes('UNKNOWN_MEMBER_ID'),
    fenced: codes('FENCED_INSTANCE_ID', 'UNRELEASED_INSTANCE_ID'),
  },
  'SyncGroup of a member': {
    again: [
      ...REPEATED,
      ...codes('REBALANCE_IN_PROGRESS', 'MEMBER_ID_REQUIRED', 'STALE_MEMBER_EPOCH', 'ILLEGAL_GENERATION'),
    ],
    lost: codes('FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND'),
    renewed: codes('UNKNOWN_MEMBER_ID'),
    fenced: codes('FENCED_INSTANCE_ID', 'UNRELEASED_INSTANCE_ID'),
  },
  'Heartbeat of a member': {
    again: [...REPEATED, ...codes('REBALANCE_IN_PROGRESS', 'MEMBER_ID_REQUIRED', 'STALE_MEMBER_EPOCH')],
    lost: codes('FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND', 'ILLEGAL_GENERATION'),
    renewed: codes('UNKNOWN_MEMBER_ID'),
    fenced: codes('FENCED_INSTANCE_ID', 'UNRELEASED_INSTANCE_ID'),
  },
  'ConsumerGroupHeartbeat of a new member': {
    again: [
      ...REPEATED,
      ...codes('REBALANCE_IN_PROGRESS', 'MEMBER_ID_REQUIRED', 'STALE_MEMBER_EPOCH', 'ILLEGAL_GENERATION'),
      ...codes('UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'UNRELEASED_INSTANCE_ID'),
    ],
    fenced: codes('FENCED_INSTANCE_ID'),
  },
  'ConsumerGroupHeartbeat of a member': {
    again: [
      ...REPEATED,
      ...codes('REBALANCE_IN_PROGRESS', 'MEMBER_ID_REQUIRED', 'STALE_MEMBER_EPOCH', 'UNRELEASED_INSTANCE_ID'),
    ],
    // GROUP_ID_NOT_FOUND is `lost` too; for the join that follows, and is answered the same, it is fatal.
    lost: codes('ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH'),
    fenced: codes('FENCED_INSTANCE_ID'),
  },
};

const NAMED = new Set(
  Object.values(TABLE)
    .flatMap(row => [
      ...(row.again ?? []).filter(code => !REPEATED.includes(code)),
      ...(row.lost ?? []),
      ...(row.renewed ?? []),
    ])
    .concat(codes('FENCED_INSTANCE_ID', 'UNRELEASED_INSTANCE_ID', 'UNKNOWN_SERVER_ERROR', 'NOT_COORDINATOR')),
);
const FULL = process.env.KAFKA_RX_FULL === 'true';

/** All codes in the full form; else those with a reaction of their own, and of the others each in one row at least. */
const codesFor = (row: number) =>
  EVERY_CODE.filter(({ code }, i) => FULL || NAMED.has(code) || i % (Object.keys(TABLE).length + 1) === row);

const figures = { runs: 0, requests: 0, most: 0 };

interface Outcome {
  readonly reaction: string;
  readonly error: any;
  readonly requests: number;
  readonly otherErrors: number;
}

/** One member, whose requests of this API are refused from the first (`new`) or once it is one. */
function meet(row: string, name: string): Outcome {
  const api = row.split(' ')[0]!;
  const isNew = row.includes(' new ');
  const outcome = { reaction: 'nothing', error: undefined as any, requests: 0, otherErrors: 0 };
  const groupProtocol = api === 'ConsumerGroupHeartbeat' ? 'consumer' : 'classic';
  const configs = { 'group.consumer.heartbeat.interval.ms': '500' };
  inAGroup({ partitions: 1, forMs: 9_000, configs }, ({ cluster, member, at, log, asked, requests }) => {
    // Who comes back as another waits for its former self to be put out of the round.
    const one = { heartbeatIntervalMs: 500, rebalanceTimeoutMs: 1_500, groupProtocol } as const;
    const ids = () =>
      new Set(
        requests
          .filter(request => request.api === (groupProtocol === 'classic' ? 'SyncGroup' : 'ConsumerGroupHeartbeat'))
          .map(({ body }) => (body as { memberId: string }).memberId),
      );
    const begin = isNew ? 0 : 1_200;
    const fault = () =>
      cluster.fault({ api, nth: isNew && api === 'JoinGroup' ? 2 : 1, times: TIMES }, { error: name });
    if (begin === 0) fault();
    const a = member('a', one);
    let before = 0;
    let firstId = '';
    if (begin > 0)
      at(begin, () => {
        before = asked(api).length;
        fault();
        // A round for those whose requests belong to one.
        if (api === 'JoinGroup' || api === 'SyncGroup') cluster.rebalance(GROUP);
      });
    else
      cluster.requests.subscribe(request => {
        const { memberId = '' } = request.body as { memberId?: string };
        if (request.api === 'JoinGroup' && firstId === '') firstId = memberId;
      });
    at(7_000, () => {
      const [error] = a.errors;
      const lost = log.some(line => line.startsWith('a lost'));
      const settled = a.phase() === 'active' && a.has().length === 1;
      const isRenewed = ids().size > 1 || (begin === 0 && firstId !== '' && !ids().has(firstId));
      outcome.error = error;
      outcome.otherErrors = Math.max(0, a.errors.length - 1);
      outcome.reaction =
        error?.name === 'FencedError'
          ? 'fenced'
          : error !== undefined
            ? 'fatal'
            : !settled
              ? 'nothing'
              : isRenewed
                ? 'renewed'
                : lost
                  ? 'lost'
                  : 'again';
      outcome.requests = asked(api).length - before;
    });
  });
  figures.runs++;
  figures.requests += outcome.requests;
  return outcome;
}

describe('C04 every error code of a request about membership', () => {
  afterAll(() =>
    print(`C04: ${figures.runs} runs (${EVERY_CODE.length} codes), ${figures.requests} requests refused or repeated`),
  );

  describe.each(Object.keys(TABLE).map((row, i) => [row, i] as const))('%s', (row, index) => {
    it.each(codesFor(index))('$code $name has the reaction of its row', ({ code, name }) => {
      const rows = TABLE[row]!;
      const expected = (Object.keys(rows) as Reaction[]).find(one => rows[one]!.includes(code)) ?? 'fatal';
      const { reaction, error, requests, otherErrors } = meet(row, name);
      expect(reaction).toBe(expected);
      expect(otherErrors).toBe(0);
      if (expected === 'fatal') {
        expect(error).toMatchObject(
          name === 'UNSUPPORTED_VERSION' ? { name: 'UnsupportedVersionError' } : { name: 'BrokerError', code },
        );
        expect(requests).toBeLessThanOrEqual(
          row === 'JoinGroup of a new member' || name === 'GROUP_ID_NOT_FOUND' ? 2 : 1,
        );
      }
      // Repeated with backoff, and heartbeats go on: nothing goes round.
      expect(requests).toBeLessThanOrEqual(20);
    });
  });

  it.each(codesFor(Object.keys(TABLE).length))('LeaveGroup: $code $name keeps nobody from going', ({ name }) => {
    let closedAfter = -1;
    let later = 0;
    inAGroup({ partitions: 1, forMs: 6_000 }, ({ cluster, member, at, now, requests }) => {
      cluster.fault({ api: 'LeaveGroup', times: TIMES }, { error: name });
      const a = member('a', { heartbeatIntervalMs: 500 });
      at(1_200, () => a.consumer.close().subscribe(() => (closedAfter = now() - 1_200)));
      at(5_000, () => (later = requests.filter(request => request.at > 2_300).length));
    });
    figures.runs++;
    expect(closedAfter).toBeGreaterThanOrEqual(0);
    expect(closedAfter).toBeLessThanOrEqual(1_000);
    expect(later).toBe(0);
  });
});
