import type { BatchHeader } from '../../records/batch-header';

/** One record batch as it came from a broker: its header was read, its records were not. */
export interface FetchedBatch {
  /** The `records` field that holds the batch, a view of the response's frame. */
  readonly records: Buffer;
  /** Where the batch lies in `records`, and what its header says. */
  readonly header: BatchHeader;
  /** Records below this offset are not delivered: a batch may begin before the offset that was asked for. */
  readonly from: bigint;
  /** The partition's high watermark at the time of the fetch. */
  readonly highWatermark: bigint;
  /** What this batch counts against `fetch.bufferBytes` until it is delivered. */
  readonly retainedBytes: number;
}
