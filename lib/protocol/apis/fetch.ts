import { api } from '../api';
import { array, int16, int32, int64, int8, records, string, struct, uuid } from '../schema';

/** Reads record batches. v11 names the rack (KIP-392), v12 detects truncation (KIP-595), v13 goes by topic id (KIP-516), v16 names the new leader (KIP-951). */
export const Fetch = api({
  name: 'Fetch',
  key: 1,
  versions: [10, 18],
  flexible: 12,
  request: {
    clusterId: string.nullable().tagged(0, 12).default(null).ignorable(),
    replicaId: int32.until(14).default(-1),
    replicaState: struct({ replicaId: int32.default(-1), replicaEpoch: int64.default(-1n) }).tagged(1, 15),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32.default(0x7fffffff),
    isolationLevel: int8.default(0),
    sessionId: int32.default(0),
    sessionEpoch: int32.default(-1),
    topics: array({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32.default(-1),
        fetchOffset: int64,
        lastFetchedEpoch: int32.since(12).default(-1),
        logStartOffset: int64.default(-1n),
        partitionMaxBytes: int32,
        replicaDirectoryId: uuid.tagged(0, 17).ignorable(),
        highWatermark: int64.tagged(1, 18).default(0x7fff_ffff_ffff_ffffn).ignorable(),
      }),
    }),
    forgottenTopicsData: array({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: array(int32),
    }).default([]),
    rackId: string.since(11).default('').ignorable(),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode: int16.default(0),
    sessionId: int32.default(0),
    responses: array({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: int64.default(-1n),
        logStartOffset: int64.default(-1n),
        divergingEpoch: struct({ epoch: int32.default(-1), endOffset: int64.default(-1n) }).tagged(0, 12),
        currentLeader: struct({ leaderId: int32.default(-1), leaderEpoch: int32.default(-1) }).tagged(1, 12),
        snapshotId: struct({ endOffset: int64.default(-1n), epoch: int32.default(-1) }).tagged(2, 12),
        abortedTransactions: array({ producerId: int64, firstOffset: int64 }).nullable().default([]),
        preferredReadReplica: int32.since(11).default(-1),
        records: records.nullable(),
      }),
    }),
    nodeEndpoints: array({ nodeId: int32, host: string, port: int32, rack: string.nullable().default(null) }).tagged(
      0,
      16,
    ),
  },
});
