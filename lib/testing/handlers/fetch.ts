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

/** The first version that says which rack the client is in, and that followers answer. */
const FOLLOWERS_FROM = 11;

/** One look at the logs. */
interface Look {
  readonly response: FetchResponse;
  /** There is enough to answer, or something to tell, so that waiting would be wrong. */
  readonly ready: boolean;
}

/**
 * Answers Fetch: at once if there are `minBytes` or an error to report, else when that becomes so, at the latest after
 * `maxWaitMs`. In a session (KIP-227) request and answer tell only what changed; the fetch is for all that the session asks for.
 */
export const fetch: Handler<typeof Fetch> = (request, context) => {
  const { cluster } = context;
  const scripted = context.errorFor();
  if (TOP_LEVEL.includes(scripted)) return { errorCode: scripted, responses: [] };
  const resolved = cluster.fetchSessions(context.broker).resolve(request, context.version);
  if (typeof resolved === 'number') return { errorCode: resolved, responses: [] };
  const { session, first: all, topics } = resolved;
  const asked = { ...request, topics };
  const finish = ({ response }: Look): FetchResponse =>
    session === undefined
      ? response
      : { ...response, sessionId: session.id, responses: session.news(response.responses, all) };
  const first = look(asked, context);
  if (first.ready || request.maxWaitMs <= 0) return finish(first);
  const wanted = new Set<Partition | undefined>([undefined, ...partitionsOf(asked, context)]);
  const answered = cluster.changes.pipe(
    filter(partition => wanted.has(partition)),
    map(() => look(asked, context)),
    filter(({ ready }) => ready),
  );
  const overdue = timer(request.maxWaitMs, cluster.runtime.scheduler).pipe(map(() => look(asked, context)));
  return merge(answered, overdue).pipe(take(1), takeUntil(context.gone), map(finish));
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
  let telling = false;
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
          (partition === undefined ? unknown : replicaError(context, partition, wanted.currentLeaderEpoch)) ||
          (partition !== undefined ? rangeError(partition, wanted) : 0);
        if (errorCode !== 0 || partition === undefined) {
          telling = true;
          return refused(wanted, errorCode, context.version >= 12 ? hints.hint(errorCode, partition) : undefined);
        }
        const elsewhere = diverging(partition, wanted) ?? preferredReplica(context, partition, request.rackId);
        if (elsewhere !== undefined) {
          telling = true;
          return { ...readPartition(partition, wanted, request, 0, false).answer, ...elsewhere };
        }
        const read = readPartition(partition, wanted, request, request.maxBytes - bytes, bytes === 0);
        bytes += read.bytes;
        return read.answer;
      }),
    };
  });
  const nodeEndpoints = context.version >= 16 ? hints.endpoints() : [];
  return { response: { responses, nodeEndpoints }, ready: telling || asked === 0 || bytes >= request.minBytes };
}

/** A follower answers, too, where brokers have racks; it shares the leader's log, so it is never behind. */
function replicaError(context: RequestContext, partition: Partition, epoch: number): number {
  const { cluster, broker, version } = context;
  const follows = version >= FOLLOWERS_FROM && cluster.rackOf(broker) !== null && partition.replicas.includes(broker);
  return leadershipError(follows ? { ...context, broker: partition.leader } : context, partition, epoch);
}

/** The replica in the client's own rack, if this is the leader and in another one (KIP-392). */
function preferredReplica({ cluster, broker, version }: RequestContext, partition: Partition, rack: string) {
  if (version < FOLLOWERS_FROM || rack === '' || partition.leader !== broker || cluster.rackOf(broker) === rack)
    return undefined;
  const preferredReadReplica = partition.replicas.find(id => cluster.isUp(id) && cluster.rackOf(id) === rack);
  return preferredReadReplica === undefined ? undefined : { preferredReadReplica };
}

/** Where the log and what the client has read part, if they do (KIP-595). */
function diverging({ log }: Pick<Partition, 'log'>, { fetchOffset, lastFetchedEpoch = -1 }: PartitionRequest) {
  if (lastFetchedEpoch < 0) return undefined;
  const end = log.epochs.endOf(lastFetchedEpoch, log.endOffset);
  const parted = end.leaderEpoch < lastFetchedEpoch || end.endOffset < fetchOffset;
  return parted ? { divergingEpoch: { epoch: end.leaderEpoch, endOffset: end.endOffset } } : undefined;
}

function rangeError({ log }: Partition, wanted: PartitionRequest): number {
  const { fetchOffset, lastFetchedEpoch = -1 } = wanted;
  // An epoch that nobody here has led: what the client has read is not of this log.
  if (lastFetchedEpoch >= 0 && log.epochs.endOf(lastFetchedEpoch, log.endOffset).leaderEpoch < 0) {
    return CODE.OFFSET_OUT_OF_RANGE;
  }
  if (diverging({ log }, wanted) !== undefined) return 0;
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
