import { brokerError, codeOf, errorOf, ERRORS } from '../../lib/protocol/error-table';

describe('the error table', () => {
  it('has every code of Kafka 4.4, each name once', () => {
    expect([...ERRORS.keys()]).toEqual(Array.from({ length: 138 }, (_, i) => i - 1));
    expect(new Set([...ERRORS.values()].map(error => error.name)).size).toBe(138);
  });

  it.each([
    [0, 'NONE', ''],
    [-1, 'UNKNOWN_SERVER_ERROR', ''],
    [1, 'OFFSET_OUT_OF_RANGE', ''],
    [2, 'CORRUPT_MESSAGE', 'retriable'],
    [3, 'UNKNOWN_TOPIC_OR_PARTITION', 'retriable refreshesMetadata'],
    [6, 'NOT_LEADER_OR_FOLLOWER', 'retriable refreshesMetadata'],
    [7, 'REQUEST_TIMED_OUT', 'retriable'],
    [14, 'COORDINATOR_LOAD_IN_PROGRESS', 'retriable'],
    [16, 'NOT_COORDINATOR', 'retriable refreshesCoordinator'],
    [29, 'TOPIC_AUTHORIZATION_FAILED', 'abortable'],
    [41, 'NOT_CONTROLLER', 'retriable refreshesMetadata'],
    [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'abortable'],
    [47, 'INVALID_PRODUCER_EPOCH', 'abortable'],
    [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'fatal'],
    [58, 'SASL_AUTHENTICATION_FAILED', 'fatal'],
    [74, 'FENCED_LEADER_EPOCH', 'retriable refreshesMetadata'],
    [75, 'UNKNOWN_LEADER_EPOCH', 'retriable'],
    [90, 'PRODUCER_FENCED', 'fatal'],
    [120, 'TRANSACTION_ABORTABLE', 'abortable'],
    [129, 'REBOOTSTRAP_REQUIRED', ''],
    [133, 'SHARE_SESSION_LIMIT_REACHED', 'retriable'],
  ] as const)('says that %i is %s: %s', (code, name, flags) => {
    const error = errorOf(code);
    const set = Object.entries(error).filter(([, value]) => value === true);
    expect([error.name, set.map(([flag]) => flag).join(' ')]).toEqual([name, flags]);
    expect(codeOf(name)).toBe(code);
  });

  it('never refreshes what it does not retry', () => {
    for (const { name, retriable, refreshesMetadata, refreshesCoordinator } of ERRORS.values()) {
      if (refreshesMetadata || refreshesCoordinator) expect([name, retriable]).toEqual([name, true]);
    }
  });

  it('takes a code of a newer broker as not retriable, under a name that has the code in it', () => {
    expect(errorOf(999)).toMatchObject({ code: 999, name: 'UNKNOWN_999', retriable: false, fatal: false });
  });

  it('refuses a name that Kafka does not have', () => {
    // @ts-expect-error a name is one of the table
    expect(() => codeOf('NO_SUCH_ERROR')).toThrow(TypeError);
  });

  it('makes errors that say what failed, where, why, and what to do', () => {
    const error = brokerError(6, {
      api: 'Produce',
      topic: 'orders',
      partition: 3,
      message: 'moved',
      hint: 'Nothing to do.',
    });
    expect(error).toMatchObject({
      name: 'BrokerError',
      code: 6,
      error: 'NOT_LEADER_OR_FOLLOWER',
      retriable: true,
      topic: 'orders',
      partition: 3,
    });
    expect(error.message).toBe('Produce for orders-3 failed: NOT_LEADER_OR_FOLLOWER (6): moved. Nothing to do.');
    expect(brokerError(17, { api: 'Metadata', topic: 'a b', message: null })).toMatchObject({
      retriable: false,
      partition: undefined,
    });
  });
});
