import { reactionTo } from '../cluster/retry';
import { BrokerError } from '../errors';
import { isOutdated } from './commit-errors';
import { OffsetFetch } from '../protocol/apis/offset-fetch';
import { codeOf } from '../protocol/error-table';

const UNKNOWN_SERVER_ERROR = codeOf('UNKNOWN_SERVER_ERROR');

/**
 * Whether reading again may help. A broker's internal error says nothing of the request, and to repeat a read is harmless. Nor does it
 * say anything of a group's offsets that we are in another generation by now. What aborts a transaction (a refusal, mostly) ends a read.
 */
export function mayPass(error: unknown): boolean {
  const reaction = reactionTo(error);
  return (
    reaction === 'retry' ||
    reaction === 'refresh' ||
    (error instanceof BrokerError &&
      (error.code === UNKNOWN_SERVER_ERROR || (error.api === OffsetFetch.name && isOutdated(error))))
  );
}
