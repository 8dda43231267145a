import { crc32c } from '../../bytes/crc32c';
import { DecodeError } from '../../errors';
import type { Produce } from '../../protocol/apis/produce';
import { scanBatches, type BatchHeader } from '../../records/batch-header';
import { BATCH } from '../../records/batch-layout';
import type { Partition } from '../cluster-state';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { leadershipError, LeaderHints, topicOf } from './leadership';

/** What became of one partition's records. */
interface Appended {
  readonly errorCode: number;
  readonly errorMessage?: string;
  readonly baseOffset: bigint;
  readonly logAppendTimeMs: number;
}

/** These say that the records may well have been written: a script that asks for them gets both, the append and the error. */
const AFTER_APPEND: readonly number[] = [CODE.REQUEST_TIMED_OUT, CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND];

/** Answers Produce: checks each batch as a broker does, appends it, and says where. With acks 0 an error can only be said by hanging up. */
export const produce: Handler<typeof Produce> = (request, context) => {
  const { acks } = request;
  const validAcks = acks === -1 || acks === 0 || acks === 1;
  const byId = context.version >= 13;
  const hints = new LeaderHints(context);
  let failed = false;
  const responses = request.topicData.map(({ name, topicId, partitionData }) => {
    const topic = topicOf(context, name, byId ? topicId : undefined);
    const unknown = byId ? CODE.UNKNOWN_TOPIC_ID : CODE.UNKNOWN_TOPIC_OR_PARTITION;
    const partitionResponses = partitionData.map(({ index, records }) => {
      const partition = topic?.partitions[index];
      const scripted = context.errorFor(topic?.name ?? name, index);
      const result = appendUnless(scripted, () => {
        if (!validAcks) return refused(CODE.INVALID_REQUIRED_ACKS);
        if (partition === undefined) return refused(topic === undefined ? unknown : CODE.UNKNOWN_TOPIC_OR_PARTITION);
        const notLeader = leadershipError(context, partition);
        return notLeader !== 0 ? refused(notLeader) : append(partition, records, context);
      });
      failed ||= result.errorCode !== 0;
      return {
        index,
        ...result,
        logStartOffset: result.errorCode === 0 && partition !== undefined ? partition.log.startOffset : -1n,
        currentLeader: hints.hint(result.errorCode, partition),
      };
    });
    return { name, topicId, partitionResponses };
  });
  if (acks === 0) return failed ? 'close' : 'no-reply';
  // Versions before the hints cannot carry them, and refuse to try.
  if (context.version < 10) return { responses: responses.map(withoutHints) };
  return { responses, nodeEndpoints: hints.endpoints() };
};

function withoutHints<T extends { readonly partitionResponses: readonly { readonly currentLeader?: unknown }[] }>(
  topic: T,
) {
  return {
    ...topic,
    partitionResponses: topic.partitionResponses.map(answer => ({ ...answer, currentLeader: undefined })),
  } as T;
}

function appendUnless(scripted: number, work: () => Appended): Appended {
  if (scripted === 0) return work();
  if (AFTER_APPEND.includes(scripted)) work();
  return refused(scripted);
}

function append(partition: Partition, records: Buffer | null, context: RequestContext): Appended {
  const { log, topic } = partition;
  if (records === null) return refused(CODE.INVALID_RECORD, 'no records');
  const checked = checkBatch(records, topic.maxMessageBytes);
  if ('errorCode' in checked) return checked;
  const verdict = log.sequences.check(checked);
  if (verdict.kind === 'refused') return refused(verdict.errorCode);
  if (verdict.kind === 'duplicate') return { errorCode: 0, ...verdict.stored };
  const logAppendTimeMs = topic.logAppendTime ? context.cluster.runtime.scheduler.now() : -1;
  const baseOffset = log.append(records, checked, partition.leaderEpoch, logAppendTimeMs);
  context.cluster.appended(partition);
  return { errorCode: 0, baseOffset, logAppendTimeMs };
}

/** The one batch that a producer may send to a partition at a time, or why it is refused. */
function checkBatch(records: Buffer, maxMessageBytes: number): BatchHeader | Appended {
  let headers: readonly BatchHeader[];
  try {
    headers = scanBatches(records);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refused(CODE.CORRUPT_MESSAGE, error.message);
  }
  const header = headers[0];
  if (header === undefined) return refused(CODE.CORRUPT_MESSAGE, 'the batch is cut off');
  if (headers.length > 1 || header.totalBytes !== records.length) {
    return refused(CODE.INVALID_RECORD, 'exactly one batch a partition is allowed');
  }
  if (records.length > maxMessageBytes) return refused(CODE.MESSAGE_TOO_LARGE);
  if (crc32c(records.subarray(BATCH.attributes)) !== header.crc)
    return refused(CODE.CORRUPT_MESSAGE, 'the CRC does not match');
  if (header.isControl) return refused(CODE.INVALID_RECORD, 'clients do not write control batches');
  if (header.recordCount < 1 || header.lastOffsetDelta !== header.recordCount - 1) {
    return refused(CODE.INVALID_RECORD, 'record count and last offset disagree');
  }
  return header;
}

function refused(errorCode: number, errorMessage?: string): Appended {
  const message = errorMessage === undefined ? {} : { errorMessage };
  return { errorCode, ...message, baseOffset: -1n, logAppendTimeMs: -1 };
}
