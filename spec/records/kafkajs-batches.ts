// kafkajs as an independent encoder and decoder of batches: it shares no code with ours.

const Long = require('kafkajs/src/utils/long') as { fromValue(value: string | number): unknown };
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown;
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => unknown;
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(batch: object): Promise<{ readonly buffer: Buffer }>;
};
const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: unknown) => Promise<KafkajsBatch>;

/** What kafkajs makes of a batch; 64-bit numbers are text. */
export interface KafkajsBatch {
  readonly firstOffset: string;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly lastOffsetDelta: number;
  readonly maxTimestamp: string;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  readonly records: readonly {
    readonly offset: string;
    readonly timestamp: string;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: Readonly<Record<string, Buffer | null | (Buffer | null)[]>>;
  }[];
}

/** The batch as kafkajs reads it. */
export function kafkajsDecode(batch: Buffer): Promise<KafkajsBatch> {
  return decode(new Decoder(batch));
}

/** The batch as kafkajs writes it: 0 none, 1 gzip. */
export async function kafkajsEncode(
  records: readonly { timestamp: number; key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer> }[],
  options: {
    readonly compression: 0 | 1;
    readonly producerId: bigint;
    readonly epoch: number;
    readonly sequence: number;
    readonly transactional: boolean;
  },
): Promise<Buffer> {
  const first = records[0]!.timestamp;
  const batch = await RecordBatch({
    compression: options.compression,
    firstTimestamp: first,
    maxTimestamp: Math.max(...records.map(record => record.timestamp)),
    partitionLeaderEpoch: -1,
    lastOffsetDelta: records.length - 1,
    transactional: options.transactional,
    producerId: Long.fromValue(String(options.producerId)),
    producerEpoch: options.epoch,
    firstSequence: options.sequence,
    records: records.map(({ timestamp, ...record }, offsetDelta) =>
      encodeRecord({ ...record, offsetDelta, timestampDelta: timestamp - first }),
    ),
  });
  return batch.buffer;
}
