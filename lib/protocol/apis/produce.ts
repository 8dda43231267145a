import { api } from '../api';
import { array, int16, int32, int64, records, string, struct, timestamp, uuid } from '../schema';

/** Appends record batches. v8 names bad records (KIP-467), v10 the new leader (KIP-951), v12 is transactions v2 (KIP-890), v13 goes by topic id (KIP-516). */
export const Produce = api({
  name: 'Produce',
  key: 0,
  versions: [7, 13],
  flexible: 9,
  request: {
    transactionalId: string.nullable().default(null),
    acks: int16,
    timeoutMs: int32,
    topicData: array({
      name: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitionData: array({ index: int32, records: records.nullable() }),
    }),
  },
  response: {
    responses: array({
      name: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitionResponses: array({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: timestamp.default(-1),
        logStartOffset: int64.default(-1n),
        recordErrors: array({ batchIndex: int32, batchIndexErrorMessage: string.nullable().default(null) })
          .since(8)
          .ignorable(),
        errorMessage: string.nullable().since(8).default(null).ignorable(),
        currentLeader: struct({ leaderId: int32.default(-1), leaderEpoch: int32.default(-1) }).tagged(0, 10),
      }),
    }),
    throttleTimeMs: int32.default(0),
    nodeEndpoints: array({ nodeId: int32, host: string, port: int32, rack: string.nullable().default(null) }).tagged(
      0,
      10,
    ),
  },
});
