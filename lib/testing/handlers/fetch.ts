import { filter, map, merge, take, takeUntil, timer } from 'rxjs';
import type { DecodedRequestOf, ResponseInputOf } from '../../protocol/api';
import type { Fetch } from '../../protocol/apis/fetch';
import type { Partition } from '../cluster-state';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { leadershipError, LeaderHints, topicOf } from './leadership';

type FetchRequest = DecodedRequestOf<typeof Fetch>;
type FetchResponse = ResponseInputOf<typeof Fetch>;
type PartitionRequest = FetchRequest['topics'][number]['partitions'][number];
type PartitionResponse = FetchResponse['responses'][number]['partitions'][number];

const READ_COMMITTED = 1;
const NO_BYTES = Buffer.alloc(0);
/** Errors of the request as a whole rather than of its partitions. */
const TOP_LEVEL: readonly number[] = [
  CODE.FETCH_SESSION_ID_NOT_FOUND,
  CODE.INVALID_FETCH_SESSION_EPOCH,
  CODE.FETCH_SESSION_TOPIC_ID_ERROR,
];

/** One look at the logs. */
interface Look {
  readonly response: FetchResponse;
  /** There is enough to answer, or something to tell, so that waiting would be wrong. */
  readonly ready: boolean;
}

/**
 * Answers Fetch: at once if there are `minBytes` or an error to report, else when that becomes so, at the latest after
 * `maxWaitMs`. Sessions are declined as a broker without room for them does: every answer is full and says session 0 (KIP-227).
 */
export const fetch: Handler<typeof Fetch> = (request, context) => {
  const { cluster } = context;
  const scripted = context.errorFor();
  if (TOP_LEVEL.includes(scripted)) return { errorCode: scripted, responses: [] };
  if (request.sessionId !== 0 && request.sessionEpoch > 0) {
    return { errorCode: CODE.FETCH_SESSION_ID_NOT_FOUND, responses: [] };
  }
  const first = look(request, context);
  if (first.ready || request.maxWaitMs <= 0) return first.response;
  const wanted = new Set<Partition | undefined>([undefined, ...partitionsOf(request, context)]);
  const answered = cluster.changes.pipe(
    filter(partition => wanted.has(partition)),
    map(() => look(request, context)),
    filter(({ ready }) => ready),
  );
  const overdue = timer(request.maxWaitMs, cluster.runtime.scheduler).pipe(map(() => look(request, context)));
  return merge(answered, overdue).pipe(
    take(1),
    takeUntil(context.gone),
    map(({ response }) => response),
  );
};

function partitionsOf(request: FetchRequest, context: RequestContext): (Partition | undefined)[] {
  return request.topics.flatMap(({ topic, topicId, partitions }) => {
    const known = topicOf(context, topic, context.version >= 13 ? topicId : undefined);
    return partitions.map(({ partition }) => known?.partitions[partition]);
  });
}

function look(request: FetchRequest, context: RequestContext): Look {
  const byId = context.version >= 13;
  const hints = new LeaderHints(context);
  let bytes = 0;
  let failed = false;
  let asked = 0;
  const responses = request.topics.map(({ topic: name, topicId, partitions }) => {
    const topic = topicOf(context, name, byId ? topicId : undefined);
    const unknown = topic === undefined && byId ? CODE.UNKNOWN_TOPIC_ID : CODE.UNKNOWN_TOPIC_OR_PARTITION;
    return {
      topic: name,
      topicId,
      partitions: partitions.map(wanted => {
        asked++;
        const partition = topic?.partitions[wanted.partition];
        const errorCode =
          context.errorFor(topic?.name ?? name, wanted.partition) ||
          (partition === undefined ? unknown : leadershipError(context, partition, wanted.currentLeaderEpoch)) ||
          (partition !== undefined ? rangeError(partition, wanted) : 0);
        if (errorCode !== 0 || partition === undefined) {
          failed = true;
          return refused(wanted, errorCode, context.version >= 12 ? hints.hint(errorCode, partition) : undefined);
        }
        const read = readPartition(partition, wanted, request, request.maxBytes - bytes, bytes === 0);
        bytes += read.bytes;
        return read.answer;
      }),
    };
  });
  const nodeEndpoints = context.version >= 16 ? hints.endpoints() : [];
  return { response: { responses, nodeEndpoints }, ready: failed || asked === 0 || bytes >= request.minBytes };
}

function rangeError({ log }: Partition, { fetchOffset }: PartitionRequest): number {
  return fetchOffset < log.startOffset || fetchOffset > log.endOffset ? CODE.OFFSET_OUT_OF_RANGE : 0;
}

function readPartition(
  partition: Partition,
  wanted: PartitionRequest,
  request: FetchRequest,
  room: number,
  first: boolean,
) {
  const { log } = partition;
  const { fetchOffset } = wanted;
  const committed = request.isolationLevel === READ_COMMITTED;
  const end = committed ? log.lastStableOffset : log.endOffset;
  const limit = Math.min(wanted.partitionMaxBytes, Math.max(room, 0));
  const { chunks, bytes, nextOffset } = log.read(fetchOffset, end, limit, first);
  const answer: PartitionResponse = {
    partitionIndex: wanted.partition,
    errorCode: 0,
    highWatermark: log.endOffset,
    lastStableOffset: log.lastStableOffset,
    logStartOffset: log.startOffset,
    abortedTransactions: committed ? log.transactions.abortedBetween(fetchOffset, nextOffset) : null,
    records: chunks.length === 0 ? NO_BYTES : chunks,
  };
  return { answer, bytes };
}

function refused(
  wanted: PartitionRequest,
  errorCode: number,
  currentLeader: PartitionResponse['currentLeader'],
): PartitionResponse {
  return {
    partitionIndex: wanted.partition,
    errorCode,
    highWatermark: -1n,
    abortedTransactions: null,
    ...(currentLeader === undefined ? {} : { currentLeader }),
    records: NO_BYTES,
  };
}
