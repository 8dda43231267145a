import { reactionToCode } from '../cluster/retry';
import { codeOf } from '../protocol/error-table';

/**
 * What the answer about a batch means.
 * - `stored`; `stored-before`: a duplicate whose offset the broker no longer knows.
 * - `retry`, `refresh`: again with the same sequence, after a backoff; `refresh`: the leader may be another one.
 * - `split`: too large as it is.
 * - `new-epoch`, `new-id`: again, after the partition's sequences have started anew.
 * - `fail`: it is not stored and will not be.
 */
export type Verdict = 'stored' | 'stored-before' | 'retry' | 'refresh' | 'split' | 'new-epoch' | 'new-id' | 'fail';

const MESSAGE_TOO_LARGE = codeOf('MESSAGE_TOO_LARGE');
const OUT_OF_ORDER_SEQUENCE_NUMBER = codeOf('OUT_OF_ORDER_SEQUENCE_NUMBER');
const DUPLICATE_SEQUENCE_NUMBER = codeOf('DUPLICATE_SEQUENCE_NUMBER');
const INVALID_PRODUCER_EPOCH = codeOf('INVALID_PRODUCER_EPOCH');
const UNKNOWN_PRODUCER_ID = codeOf('UNKNOWN_PRODUCER_ID');

/** Judges an error code as the Java client's sender does. */
export function verdictOf(
  code: number,
  batch: {
    readonly idempotent: boolean;
    /** No earlier batch of the partition is unresolved. */
    readonly first: boolean;
    readonly records: number;
    /** -1 = the broker does not know it. */
    readonly logStartOffset: bigint;
  },
): Verdict {
  switch (code) {
    case 0:
      return 'stored';
    case DUPLICATE_SEQUENCE_NUMBER:
      return 'stored-before';
    case MESSAGE_TOO_LARGE:
      return batch.records > 1 ? 'split' : 'fail';
    case OUT_OF_ORDER_SEQUENCE_NUMBER:
      // Behind an unresolved batch this only says that the earlier one is missing.
      return !batch.idempotent ? 'fail' : batch.first ? 'new-epoch' : 'retry';
    case UNKNOWN_PRODUCER_ID:
      return !batch.idempotent ? 'fail' : batch.first && batch.logStartOffset >= 0n ? 'new-epoch' : 'retry';
    case INVALID_PRODUCER_EPOCH:
      return !batch.idempotent ? 'fail' : batch.first ? 'new-id' : 'retry';
  }
  const reaction = reactionToCode(code);
  return reaction === 'retry' || reaction === 'refresh' ? reaction : 'fail';
}
